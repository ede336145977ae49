/*
 * A stream: an ordered list of events, appended where the writer expects its end to be. Two writers that expect the
 * same end cannot both succeed: the later one is told, reads what came between, and decides again.
 *
 *     streams DIRECTORY
 */
#include <inttypes.h>
#include <kimberlite.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kmb_error error;

static void check(enum kmb_status status) {
    if (status != KMB_OK) {
        fprintf(stderr, "%s: %s\n", kmb_status_name(status), error.message);
        exit(1);
    }
}

static struct kmb_bytes event(const char *text) {
    return (struct kmb_bytes){.bytes = text, .length = strlen(text)};
}

static enum kmb_status print_event(void *context, uint64_t offset, const void *bytes, size_t length) {
    uint64_t *count = context;
    printf("  %" PRIu64 " %.*s\n", offset, (int)length, (const char *)bytes);
    (*count)++;
    return KMB_OK; /* anything else would end the reading */
}

int main(int argc, char **argv) {
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    kmb_db *db;
    kmb_session *session;
    uint32_t stream;
    uint64_t first, length, count = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: streams DIRECTORY\n");
        return 2;
    }
    check(kmb_open(argv[1], &options, &db, &error));
    check(kmb_session_open(db, 1, &session, &error));
    check(kmb_stream_create(session, "admissions", KMB_CLASS_PHI, &stream, &error));

    /* Several events at once: all of them are durable on return, or none is written. */
    const struct kmb_bytes morning[] = {event("admitted 17"), event("admitted 18")};
    check(kmb_stream_append(session, stream, 0, morning, 2, &first, &error));
    printf("appended 2 from offset %" PRIu64 "\n", first);

    /* This writer still believes that the stream is empty. */
    const struct kmb_bytes late = event("discharged 17");
    enum kmb_status status = kmb_stream_append(session, stream, 0, &late, 1, &first, &error);
    printf("%s: %s\n", kmb_status_name(status), error.message);
    if (status != KMB_OFFSET_MISMATCH) {
        return 1;
    }
    check(kmb_stream_length(session, stream, &length, &error));
    check(kmb_stream_append(session, stream, length, &late, 1, &first, &error));

    /* A writer that does not care: wherever the end is. */
    const struct kmb_bytes note = event("ward round");
    check(kmb_stream_append(session, stream, UINT64_MAX, &note, 1, &first, &error));

    check(kmb_stream_read(session, stream, 0, 65536, print_event, &count, &error));
    check(kmb_stream_length(session, stream, &length, &error));
    kmb_session_close(session);
    check(kmb_close(db, &error));
    return count == length ? 0 : 1;
}
