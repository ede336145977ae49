/*
 * Frames of the published codec (tests/golden/wire): read and compared field by field; built from the fields and
 * compared byte by byte; cut anywhere; and those that are broken.
 *
 * usage: test_wire_golden FOLDER...
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/codec.h"
#include "json.h"
#include "wire/extension.h"
#include "wire/frame.h"

#define LINE_MAX_BYTES (1 << 20)

static char **folders;

/* --- lines --- */

/* jansson has no integers above 2^63 - 1: they become texts, which json.c takes for numbers. */
static void quote_large_integers(const char *line, char *out) {
    bool in_text = false;
    while (*line != 0) {
        if (in_text && *line == '\\') {
            *out++ = *line++;
        } else if (*line == '"') {
            in_text = !in_text;
        } else if (!in_text && *line >= '0' && *line <= '9') {
            size_t digits = strspn(line, "0123456789");
            bool large =
                out[-1] != '-' && (digits > 19 || (digits == 19 && strncmp(line, "9223372036854775807", 19) > 0));
            out += sprintf(out, large ? "\"%.*s\"" : "%.*s", (int)digits, line);
            line += digits;
            continue;
        }
        *out++ = *line++;
    }
    *out = 0;
}

/* Calls each with the lines of a file in every folder; answers how many there were. */
static unsigned each_line(const char *file, void (*each)(const json_t *line)) {
    unsigned count = 0;
    char *text = malloc(LINE_MAX_BYTES);
    char *quoted = malloc(LINE_MAX_BYTES);
    for (char **folder = folders; *folder != NULL; folder++) {
        char path[1024];
        snprintf(path, sizeof(path), "%s/%s.jsonl", *folder, file);
        FILE *lines = fopen(path, "r");
        if (lines == NULL) {
            fail_msg("%s cannot be opened", path);
        }
        while (fgets(text, LINE_MAX_BYTES, lines) != NULL) {
            quote_large_integers(text, quoted);
            json_error_t error;
            json_t *line = json_loads(quoted, JSON_ALLOW_NUL, &error);
            if (line == NULL) {
                fail_msg("%s: %s", path, error.text);
            }
            each(line);
            json_decref(line);
            count++;
        }
        fclose(lines);
    }
    free(text);
    free(quoted);
    return count;
}

static const char *text_of(const json_t *line, const char *name) {
    return json_string_value(json_object_get(line, name));
}

static struct slice bytes_of(const json_t *line, const char *name) {
    size_t length = strlen(text_of(line, name)) / 2;
    uint8_t *bytes = malloc(length + 1);
    assert_true(codec_unhex(bytes, length, slice_text(text_of(line, name))));
    return slice_make(bytes, length);
}

static uint64_t number_of(const json_t *line, const char *name) {
    const json_t *value = json_object_get(line, name);
    return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10) : (uint64_t)json_integer_value(value);
}

/* --- good frames --- */

static enum wire_direction direction_of(const json_t *line) {
    const char *direction = text_of(line, "direction");
    return strcmp(direction, "request") == 0    ? WIRE_REQUEST
           : strcmp(direction, "response") == 0 ? WIRE_RESPONSE
                                                : WIRE_PUSH;
}

static const struct wire_type *content_of(const json_t *line, uint32_t variant) {
    uint32_t count;
    const struct wire_member *variants = wire_variants(direction_of(line), &count);
    const struct wire_member *member =
        variant < count ? &variants[variant] : wire_extension(direction_of(line), variant);
    assert_non_null(member);
    assert_string_equal(member->name, text_of(line, "variant"));
    return member->content;
}

static void same_json(const json_t *line, const char *what, const json_t *got, const json_t *want) {
    if (!json_equal(got, want)) {
        char *text = json_dumps(got, JSON_ENCODE_ANY);
        char *wanted = json_dumps(want, JSON_ENCODE_ANY);
        fail_msg("%s, %s: %s\nbut wanted: %s", text_of(line, "name"), what, text, wanted);
    }
}

static void decodes(const json_t *line) {
    struct slice frame = bytes_of(line, "frame_hex");
    struct slice payload;
    size_t used;
    for (size_t length = 0; length < frame.length; length++) { /* byte by byte nothing is judged too early */
        assert_int_equal(frame_read(slice_make(frame.bytes, length), &payload, &used), FRAME_INCOMPLETE);
        assert_int_equal(used, 0);
    }
    assert_int_equal(frame_read(frame, &payload, &used), FRAME_WHOLE);
    assert_int_equal(used, frame.length);
    assert_int_equal(payload.length, number_of(line, "payload_length"));
    struct arena arena;
    struct wire_message message;
    arena_init(&arena, 0);
    assert_int_equal(wire_message_decode(payload, &arena, &message), POSTCARD_OK);
    assert_int_equal(message.direction, direction_of(line));
    assert_true(message.request_id == number_of(line, "request_id"));
    assert_true(message.tenant_id == number_of(line, "tenant_id"));
    assert_int_equal(message.variant, number_of(line, "variant_index"));
    const struct wire_type *content = content_of(line, message.variant);
    json_t *fields = content == NULL ? json_object() : wire_to_json(content, message.payload);
    same_json(line, "fields", fields, json_object_get(line, "fields"));
    json_decref(fields);
    if (message.direction == WIRE_REQUEST) {
        json_t *audit = message.audit == NULL ? json_null() : wire_to_json(wire_audit_type(), message.audit);
        same_json(line, "audit", audit, json_object_get(line, "audit"));
        json_decref(audit);
    }
    for (size_t length = 0; length < payload.length; length++) { /* cut anywhere it ends too early */
        assert_int_equal(wire_message_decode(slice_make(payload.bytes, length), &arena, &message), POSTCARD_END);
    }
    arena_free(&arena);
    free((void *)(uintptr_t)frame.bytes);
}

static void encodes(const json_t *line) {
    struct slice frame = bytes_of(line, "frame_hex");
    struct arena arena;
    struct buffer out = {.bytes = NULL};
    arena_init(&arena, 0);
    struct wire_message message = {.direction = direction_of(line),
                                   .request_id = number_of(line, "request_id"),
                                   .tenant_id = number_of(line, "tenant_id"),
                                   .variant = (uint32_t)number_of(line, "variant_index")};
    const json_t *audit = json_object_get(line, "audit");
    if (json_is_object(audit)) {
        message.audit = arena_alloc_zero(&arena, 1, sizeof(*message.audit));
        wire_of_json(wire_audit_type(), audit, &arena, message.audit);
    }
    const struct wire_type *content = content_of(line, message.variant);
    if (content != NULL) {
        message.payload = arena_alloc_zero(&arena, 1, content->size);
        wire_of_json(content, json_object_get(line, "fields"), &arena, message.payload);
    }
    size_t start = frame_begin(&out);
    wire_message_encode(&out, &message);
    assert_true(frame_end(&out, start));
    if (!slice_equal(buffer_slice(&out), frame)) {
        fail_msg("%s is encoded otherwise", text_of(line, "name"));
    }
    buffer_free(&out);
    arena_free(&arena);
    free((void *)(uintptr_t)frame.bytes);
}

static void good_frames(void **state) {
    (void)state;
    static const char *const files[] = {"requests", "responses", "pushes"};
    unsigned lines = 0;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        lines += each_line(files[i], decodes);
        assert_true(each_line(files[i], encodes) > 0);
    }
    print_message("%u frames\n", lines);
    assert_true(lines >= 400);
}

/* --- broken frames --- */

static const char *const frame_names[] = {[FRAME_WHOLE] = "whole",         [FRAME_INCOMPLETE] = "incomplete",
                                          [FRAME_BAD_MAGIC] = "bad-magic", [FRAME_BAD_VERSION] = "bad-version",
                                          [FRAME_TOO_LONG] = "too-long",   [FRAME_BAD_CHECKSUM] = "bad-checksum"};
static const char *const postcard_names[] = {
    [POSTCARD_OK] = "accepted",         [POSTCARD_END] = "end-of-input",      [POSTCARD_VARINT] = "bad-varint",
    [POSTCARD_BOOL] = "bad-bool",       [POSTCARD_OPTION] = "bad-option-tag", [POSTCARD_UTF8] = "bad-utf8",
    [POSTCARD_INDEX] = "unknown-index", [POSTCARD_MEMORY] = "memory"};

static bool added_later; /* the folder's codec does not know what 0.9 appended */

static void judged(const json_t *line) {
    struct slice input = bytes_of(line, "input_hex");
    struct slice payload;
    size_t used;
    const char *note = text_of(line, "note");
    const char *want = text_of(line, "error") != NULL ? text_of(line, "error") : text_of(line, "result");
    enum frame_result result = frame_read(input, &payload, &used);
    const char *got = frame_names[result];
    if (result == FRAME_WHOLE) {
        struct arena arena;
        struct wire_message message;
        arena_init(&arena, 0);
        got = postcard_names[wire_message_decode(payload, &arena, &message)];
        arena_free(&arena);
        assert_string_equal(text_of(line, "stage"), "message");
    }
    bool newer = note != NULL && strstr(note, "added after 0.8.0") != NULL;
    if (strcmp(got, want) != 0 && !newer) {
        fail_msg("%s: %s, but wanted %s", text_of(line, "name"), got, want);
    }
    added_later = added_later || newer;
    assert_int_equal(input.length - used, number_of(line, "bytes_left_in_buffer"));
    free((void *)(uintptr_t)input.bytes);
}

static void broken_frames(void **state) {
    (void)state;
    assert_true(each_line("bad-frames", judged) >= 60);
    assert_true(added_later);
}

/* What a list declares is not believed, and what it holds in memory is bounded by the caller. */
static void memory_is_bounded(void **state) {
    (void)state;
    struct buffer out = {.bytes = NULL};
    struct arena arena;
    struct wire_message message;
    const uint32_t count = 1 << 20;
    postcard_write_unsigned(&out, WIRE_REQUEST);
    postcard_write_unsigned(&out, 1);
    postcard_write_unsigned(&out, 1);
    postcard_write_unsigned(&out, 0); /* no audit */
    postcard_write_unsigned(&out, WIRE_REQUEST_APPEND_EVENTS);
    postcard_write_unsigned(&out, 1);
    postcard_write_unsigned(&out, count);
    for (uint32_t i = 0; i <= count; i++) { /* empty events, and the offset */
        postcard_write_unsigned(&out, 0);
    }
    arena_init(&arena, 1 << 20);
    assert_int_equal(wire_message_decode(buffer_slice(&out), &arena, &message), POSTCARD_MEMORY);
    arena_free(&arena);
    arena_init(&arena, 0);
    assert_int_equal(wire_message_decode(buffer_slice(&out), &arena, &message), POSTCARD_OK);
    assert_int_equal(((struct wire_append_events_request *)message.payload)->events.count, count);
    arena_free(&arena);
    buffer_free(&out);
}

static void too_large_a_frame(void **state) {
    (void)state;
    struct buffer out = {.bytes = NULL};
    buffer_append_text(&out, "before");
    size_t start = frame_begin(&out);
    assert_non_null(buffer_extend(&out, WIRE_PAYLOAD_MAX));
    memset(out.bytes + start + WIRE_HEADER_SIZE, 0, WIRE_PAYLOAD_MAX);
    assert_true(frame_end(&out, start));
    size_t next = frame_begin(&out);
    assert_non_null(buffer_extend(&out, WIRE_PAYLOAD_MAX + 1));
    assert_false(frame_end(&out, next));
    assert_int_equal(out.length, next);
    buffer_free(&out);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: test_wire_golden FOLDER...\n");
        return 2;
    }
    folders = argv + 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_frames),
        cmocka_unit_test(broken_frames),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(too_large_a_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
