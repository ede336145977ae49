/* kimberlite stream: ordered lists of byte events, made, listed, appended to and read. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/output.h"

static const char *const class_names[] = {"phi", "deidentified", "pii",          "sensitive",
                                          "pci", "financial",    "confidential", "public"};

/* A class by name, any case; the published releases' names too. */
static bool class_of(const char *name, enum kmb_data_class *out) {
    for (unsigned i = 0; i < sizeof(class_names) / sizeof(class_names[0]); i++) {
        if (strcasecmp(name, class_names[i]) == 0) {
            *out = (enum kmb_data_class)i;
            return true;
        }
    }
    if (strcasecmp(name, "de-identified") == 0) {
        *out = KMB_CLASS_DEIDENTIFIED;
        return true;
    }
    *out = KMB_CLASS_PUBLIC;
    return strcasecmp(name, "non-phi") == 0 || strcasecmp(name, "nonphi") == 0;
}

/* A stream by name, or by id where the text is a number. */
static int find(kmb_session *session, const char *text, uint32_t *stream) {
    struct kmb_error error = {0};
    char *end = NULL;
    if (kmb_stream_find(session, text, stream, &error) == KMB_OK) {
        return 0;
    }
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == 0 && errno == 0 && number <= UINT32_MAX) {
        *stream = (uint32_t)number;
        return 0;
    }
    return cli_fail(&error, NULL, 0, "stream");
}

static int create(const struct cli_options *options, kmb_session *session) {
    static const char *const names[] = {"id", "name", "class"};
    enum kmb_data_class class = KMB_CLASS_PUBLIC;
    struct kmb_error error = {0};
    struct output output;
    uint32_t stream = 0;
    char id[16];
    if (options->data_class != NULL && !class_of(options->data_class, &class)) {
        return cli_error(2,
                         "invalid value \"%s\" for --class: phi, deidentified, pii, sensitive, pci, financial, "
                         "confidential or public",
                         options->data_class);
    }
    if (kmb_stream_create(session, options->arguments[1], class, &stream, &error) != KMB_OK) {
        return cli_fail(&error, NULL, 0, "stream create");
    }
    snprintf(id, sizeof(id), "%u", stream);
    const char *facts[] = {id, options->arguments[1], class_names[class]};
    output_init(&output, options, CLI_TABLE);
    output_facts(&output, names, facts, "ntt");
    return 0;
}

/* Rows of the list, as texts that output_table() takes. */
struct listing {
    char (*texts)[4][280];
    size_t count, room;
};

static enum kmb_status note_stream(void *context, const struct kmb_stream *stream) {
    struct listing *listing = context;
    if (listing->count == listing->room) {
        size_t room = listing->room == 0 ? 16 : listing->room * 2;
        void *more = realloc(listing->texts, room * sizeof(listing->texts[0]));
        if (more == NULL) {
            return KMB_NO_MEMORY;
        }
        listing->texts = more;
        listing->room = room;
    }
    char(*row)[280] = listing->texts[listing->count++];
    snprintf(row[0], sizeof(row[0]), "%u", stream->id);
    snprintf(row[1], sizeof(row[1]), "%.255s", stream->name);
    snprintf(row[2], sizeof(row[2]), "%s", class_names[stream->data_class]);
    snprintf(row[3], sizeof(row[3]), "%" PRIu64, stream->length);
    return KMB_OK;
}

static int list(const struct cli_options *options, kmb_session *session) {
    static const char *const names[] = {"id", "name", "class", "events"};
    struct listing listing = {0};
    struct kmb_error error = {0};
    struct output output;
    const char **cells = NULL;
    int code = 0;
    if (kmb_stream_list(session, note_stream, &listing, &error) != KMB_OK) {
        code = cli_fail(&error, NULL, 0, "stream list");
    } else {
        cells = calloc(listing.count * 4 + 1, sizeof(*cells));
        code = cells == NULL ? cli_error(1, "out of memory") : 0;
    }
    for (size_t i = 0; code == 0 && i < listing.count * 4; i++) {
        cells[i] = listing.texts[i / 4][i % 4];
    }
    if (code == 0) {
        output_init(&output, options, CLI_TABLE);
        output_table(&output, names, cells, "nttn", listing.count);
    }
    free(cells);
    free(listing.texts);
    return code;
}

static int append(const struct cli_options *options, kmb_session *session) {
    static const char *const names[] = {"stream", "first_offset", "events"};
    struct kmb_bytes events[CLI_ARGUMENTS_MAX];
    size_t count = (size_t)options->argument_count - 2;
    struct kmb_error error = {0};
    struct output output;
    uint64_t first = 0;
    uint32_t stream = 0;
    char numbers[3][24];
    int code = find(session, options->arguments[1], &stream);
    if (code != 0) {
        return code;
    }
    for (size_t i = 0; i < count; i++) {
        events[i] = (struct kmb_bytes){.bytes = options->arguments[i + 2], .length = strlen(options->arguments[i + 2])};
    }
    if (kmb_stream_append(session, stream, options->expect_given ? options->expect : UINT64_MAX, events, count, &first,
                          &error) != KMB_OK) {
        return cli_fail(&error, NULL, 0, "stream append");
    }
    snprintf(numbers[0], sizeof(numbers[0]), "%u", stream);
    snprintf(numbers[1], sizeof(numbers[1]), "%" PRIu64, first);
    snprintf(numbers[2], sizeof(numbers[2]), "%zu", count);
    const char *facts[] = {numbers[0], numbers[1], numbers[2]};
    output_init(&output, options, CLI_TABLE);
    output_facts(&output, names, facts, "nnn");
    return 0;
}

struct reading {
    enum cli_format format;
    uint64_t events;
    uint64_t next;
};

static bool is_text(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] < ' ' || bytes[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

/* Printable ASCII as it is; anything else in hexadecimal behind "\x", as bytea. */
static enum kmb_status show_event(void *context, uint64_t offset, const void *event, size_t length) {
    struct reading *reading = context;
    const uint8_t *bytes = event;
    bool text = is_text(bytes, length);
    bool json = reading->format == CLI_JSON || reading->format == CLI_NDJSON;
    if (json) {
        printf("%s{\"offset\":%" PRIu64 ",\"event\":", reading->format == CLI_JSON && reading->events > 0 ? ",\n" : "",
               offset);
    } else {
        printf("[%" PRIu64 "] ", offset);
    }
    if (text && json) {
        output_json_string(stdout, event, length);
    } else if (text) {
        fwrite(bytes, 1, length, stdout);
    } else {
        fputs(json ? "\"\\\\x" : "\\x", stdout);
        for (size_t i = 0; i < length; i++) {
            printf("%02x", bytes[i]);
        }
        fputs(json ? "\"" : "", stdout);
    }
    fputs(json ? reading->format == CLI_JSON ? "}" : "}\n" : "\n", stdout);
    reading->events++;
    reading->next = offset + 1;
    return KMB_OK;
}

static int read_events(const struct cli_options *options, kmb_session *session) {
    struct reading reading = {.format = options->format_given ? options->format : CLI_TABLE, .next = options->from};
    struct kmb_error error = {0};
    uint64_t length = 0;
    uint32_t stream = 0;
    int code = find(session, options->arguments[1], &stream);
    if (code != 0) {
        return code;
    }
    if (reading.format == CLI_CSV || reading.format == CLI_TSV) {
        return cli_error(2, "invalid value for --output: stream read knows table, json and ndjson");
    }
    if (reading.format == CLI_JSON) {
        putchar('[');
    }
    enum kmb_status status =
        kmb_stream_read(session, stream, options->from, options->max_bytes, show_event, &reading, &error);
    if (reading.format == CLI_JSON) {
        puts("]");
    }
    if (status == KMB_OK) {
        status = kmb_stream_length(session, stream, &length, &error);
    }
    if (status != KMB_OK) {
        return cli_fail(&error, NULL, 0, "stream read");
    }
    if (reading.next < length) {
        cli_note(options, "%" PRIu64 " more; --from %" PRIu64 " goes on", length - reading.next, reading.next);
    }
    return 0;
}

int cli_stream(const struct cli_options *options) {
    static const struct {
        const char *name;
        int (*run)(const struct cli_options *options, kmb_session *session);
        int arguments_min, arguments_max;
        bool writes;
        const char *usage;
    } actions[] = {{"create", create, 2, 2, true, "create NAME"},
                   {"list", list, 1, 1, false, "list"},
                   {"append", append, 3, CLI_ARGUMENTS_MAX, true, "append STREAM EVENT..."},
                   {"read", read_events, 2, 2, false, "read STREAM"}};
    struct cli_place place = {0};
    kmb_db *db = NULL;
    kmb_session *session = NULL;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(options->arguments[0], actions[i].name) != 0) {
            continue;
        }
        if (options->argument_count < actions[i].arguments_min || options->argument_count > actions[i].arguments_max) {
            return cli_error(2, "%s required: kimberlite stream %s",
                             options->argument_count < actions[i].arguments_min ? "more is" : "less is",
                             actions[i].usage);
        }
        int code = cli_open(options, actions[i].writes ? 0 : KMB_OPEN_READ_ONLY, &place, &db, &session);
        return code == 0 ? cli_close(db, session, actions[i].run(options, session)) : code;
    }
    return cli_error(2, "unrecognized argument \"%s\"; usage: kimberlite stream create|list|append|read",
                     options->arguments[0]);
}
