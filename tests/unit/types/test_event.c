/* Events and definitions: round trip of every kind, walking batches, unknown kinds, hostile bytes, golden bytes. */
#include "types/event.h"
#include "types/key.h"
#include "support.h"

static const char *golden_folder;

static struct slice T(const char *text) {
    return slice_text(text);
}

/* --- samples --- */

static struct column_definition sample_columns[4];
static struct key_part sample_key[1] = {{.column = {1}}};
static struct key_part sample_parts[2] = {{.column = {2}, .descending = true}, {.column = {1}}};
static struct index_definition sample_indexes[1];
static struct check_definition sample_checks[1];
static struct buffer sample_missing;

static struct table_definition sample_table(void) {
    if (sample_missing.length == 0) {
        struct value missing = value_text(T("none"));
        value_encode(&missing, &sample_missing);
    }
    sample_columns[0] = (struct column_definition){
        .id = {1}, .name = T("id"), .type = type_make(TYPE_INT8), .not_null = true, .added_in = {1}};
    sample_columns[1] = (struct column_definition){.id = {2},
                                                   .name = T("name"),
                                                   .type = type_with(TYPE_VARCHAR, 40),
                                                   .default_kind = DEFAULT_EXPRESSION,
                                                   .default_text = T("upper('x')"),
                                                   .added_in = {1}};
    sample_columns[2] = (struct column_definition){
        .id = {3}, .name = T("old"), .type = type_make(TYPE_JSON), .dropped = true, .added_in = {1}, .dropped_in = {2}};
    sample_columns[3] = (struct column_definition){.id = {5},
                                                   .name = T("note"),
                                                   .type = type_make(TYPE_TEXT),
                                                   .missing_value = buffer_slice(&sample_missing),
                                                   .added_in = {3}};
    sample_indexes[0] = (struct index_definition){.id = {2},
                                                  .name = T("t_name_key"),
                                                  .parts = sample_parts,
                                                  .part_count = 2,
                                                  .unique = true,
                                                  .constraint = true,
                                                  .state = INDEX_READY};
    sample_checks[0] = (struct check_definition){.id = {1}, .name = T("t_check"), .text = T("id > 0")};
    return (struct table_definition){.id = {9},
                                     .version = {3},
                                     .schema_name = T("public"),
                                     .name = T("t"),
                                     .data_class = DATA_CLASS_PII,
                                     .columns = sample_columns,
                                     .column_count = 4,
                                     .primary_key = sample_key,
                                     .primary_key_count = 1,
                                     .primary_key_name = T("t_pkey"),
                                     .indexes = sample_indexes,
                                     .index_count = 1,
                                     .checks = sample_checks,
                                     .check_count = 1,
                                     .column_id_next = 6,
                                     .constraint_id_next = 2};
}

static struct slice sample_image(struct buffer *buffer, int64_t number) {
    struct row_column column = {.id = {1}, .type = type_make(TYPE_INT8)};
    struct row_layout layout;
    struct value value = value_int8(number);
    buffer_clear(buffer);
    assert_int_equal(row_layout_build(&layout, (struct table_id){9}, (struct schema_version){3}, &column, 1, NULL),
                     KMB_OK);
    assert_int_equal(row_encode(&layout, &value, buffer, NULL), KMB_OK);
    return buffer_slice(buffer);
}

static struct slice sample_old_key(struct buffer *buffer, int64_t number) {
    struct value value = value_int8(number);
    buffer_clear(buffer);
    key_append(buffer, (struct key_column){.type = type_make(TYPE_INT8)}, &value);
    return buffer_slice(buffer);
}

static struct table_definition sample_view(void) {
    static const struct column_definition columns[] = {
        {.id = {1}, .name = {(const uint8_t *)"n", 1}, .type = {.id = TYPE_INT8, .modifier = -1}, .added_in = {1}}};
    return (struct table_definition){.id = {10},
                                     .version = {1},
                                     .schema_name = T("public"),
                                     .name = T("v"),
                                     .columns = columns,
                                     .column_count = 1,
                                     .column_id_next = 2,
                                     .constraint_id_next = 1,
                                     .view_query = T("SELECT count(*) AS n FROM t")};
}

static const struct sequence_definition sample_sequence = {.type = TYPE_INT4,
                                                           .start = 5,
                                                           .increment = -2,
                                                           .minimum = -100,
                                                           .maximum = 5,
                                                           .cycle = true,
                                                           .owner = {9},
                                                           .owner_column = {2}};

static const struct reference_part sample_references[] = {{{2}, {1}}, {{3}, {4}}};
static const struct column_id sample_set_columns[] = {{3}};
static const struct foreign_key_definition sample_foreign_key = {.id = {6},
                                                                 .name = {(const uint8_t *)"t_fkey", 6},
                                                                 .parent = {8},
                                                                 .parts = sample_references,
                                                                 .part_count = 2,
                                                                 .match_full = true,
                                                                 .on_update = REFERENCE_CASCADE,
                                                                 .on_delete = REFERENCE_SET_NULL,
                                                                 .set_columns = sample_set_columns,
                                                                 .set_count = 1,
                                                                 .deferrable = true};

static const struct key_part sample_key_parts[] = {{{2}, false, false}, {{3}, true, true}};
static const struct column_id sample_include[] = {{1}, {4}};
static const struct index_definition sample_index_whole = {.id = {11},
                                                           .name = {(const uint8_t *)"t_i", 3},
                                                           .parts = sample_key_parts,
                                                           .part_count = 2,
                                                           .unique = true,
                                                           .nulls_same = true,
                                                           .filter = {5},
                                                           .include = sample_include,
                                                           .include_count = 2};
static const struct column_definition sample_column_hidden = {.id = {7},
                                                              .name = {(const uint8_t *)"..1", 3},
                                                              .type = {.id = TYPE_BOOL, .modifier = -1},
                                                              .hidden = true,
                                                              .place = {3},
                                                              .default_kind = DEFAULT_GENERATED,
                                                              .default_text = {(const uint8_t *)"a > 1", 5},
                                                              .added_in = {5}};

#define LABEL(bytes)                                                                                                   \
    { (const uint8_t *)(bytes), sizeof(bytes) - 1 }
static const struct slice sample_labels[] = {LABEL("\0\0\1\0\0\0\0\0sad"), LABEL("\0\0\2\0\0\0\0\0happy")};
static const struct slice sample_label_new = LABEL("\0\0\1\200\0\0\0\0ok");

static struct table_definition sample_enum(void) {
    return (struct table_definition){.id = {12},
                                     .version = {1},
                                     .schema_name = T("public"),
                                     .name = T("mood"),
                                     .column_id_next = 1,
                                     .constraint_id_next = 1,
                                     .form = DEFINITION_ENUM,
                                     .labels = sample_labels,
                                     .label_count = 2,
                                     .labels_renamed = true};
}

static const struct column_definition sample_domain_column = {
    .id = {1}, .name = {(const uint8_t *)"value", 5}, .type = {TYPE_VARCHAR, 8, 13}, .not_null = true, .added_in = {1}};
static const struct check_definition sample_domain_check = {.id = {1},
                                                            .name = {(const uint8_t *)"d_check", 7},
                                                            .text = {(const uint8_t *)"value > 'a'", 11},
                                                            .not_valid = true};

static struct table_definition sample_domain(void) {
    return (struct table_definition){.id = {14},
                                     .version = {1},
                                     .schema_name = T("public"),
                                     .name = T("d"),
                                     .columns = &sample_domain_column,
                                     .column_count = 1,
                                     .checks = &sample_domain_check,
                                     .check_count = 1,
                                     .column_id_next = 2,
                                     .constraint_id_next = 2,
                                     .form = DEFINITION_DOMAIN};
}

static const struct column_definition sample_column_typed = {
    .id = {8},
    .name = {(const uint8_t *)"moods", 5},
    .type = {(enum type_id)(TYPE_ARRAY | TYPE_ENUM | 12 << 8), -1, 15},
    .added_in = {5}};

static const struct role_definition sample_role = {
    .id = {12},
    .name = {(const uint8_t *)"alice", 5},
    .flags = ROLE_LOGIN | ROLE_INHERIT | ROLE_HAS_VALID_UNTIL,
    .connection_limit = 5,
    .valid_until_us = INT64_C(1767225600000000),
    .verifier = {(const uint8_t *)"SCRAM-SHA-256$4096:c2FsdA==$AAAA:BBBB", 37}};
static const struct slice sample_roles[] = {{(const uint8_t *)"admin", 5}, {(const uint8_t *)"user", 4}};
static const struct api_key_definition sample_api_key = {.id = {13},
                                                         .hash = {1, 2, 3, [31] = 32},
                                                         .subject = {(const uint8_t *)"billing", 7},
                                                         .roles = sample_roles,
                                                         .role_count = 2,
                                                         .expires_ns = UINT64_C(1767225600000000001)};
static const struct access_record sample_access = {.outcome = ACCESS_DENIED,
                                                   .action = {(const uint8_t *)"login", 5},
                                                   .actor = {(const uint8_t *)"mallory", 7},
                                                   .source = {(const uint8_t *)"192.0.2.1", 9},
                                                   .object = {NULL, 0},
                                                   .detail = {(const uint8_t *)"wrong password", 14}};

/* One event of each kind, in a body each; `name` is what the golden file calls it. */
static const char *sample_event(size_t number, struct buffer *body) {
    struct event e = {.kind = EVENT_TENANT_CREATED};
    struct kmb_error error = {0};
    struct buffer image = {0};
    struct buffer key = {0};
    struct event_writer writer;
    const char *name = NULL;
    buffer_clear(body);
    switch (number) {
    case 0:
        e.as.tenant_created = (struct event_tenant_created){{1}, T("clinic")};
        break;
    case 1:
        e.kind = EVENT_CHECKPOINT_KEY_SET;
        e.as.checkpoint_key = (struct event_checkpoint_key){.version = {1}, .verifier = {1, 2, 3}};
        break;
    case 2:
        e.kind = EVENT_CHECKPOINT_KEY_ROTATED;
        e.as.checkpoint_key = (struct event_checkpoint_key){.version = {2}, .verifier = {4}, .signature = {5}};
        break;
    case 3:
        e.kind = EVENT_CLOCK_ACCEPTED;
        e.as.clock_accepted = (struct event_clock_accepted){1700000000000000, -1};
        break;
    case 4:
        e.kind = EVENT_TABLE_CREATED;
        e.as.table_created.table = sample_table();
        break;
    case 5:
        e.kind = EVENT_TABLE_DROPPED;
        e.as.table_dropped.table.value = 9;
        break;
    case 6:
        e.kind = EVENT_TABLE_RENAMED;
        e.as.table_renamed = (struct event_table_renamed){{9}, T("u")};
        break;
    case 7:
        sample_table();
        e.kind = EVENT_COLUMN_ADDED;
        e.as.column_added = (struct event_column_added){{9}, {3}, sample_columns[3]};
        break;
    case 8:
        e.kind = EVENT_COLUMN_DROPPED;
        e.as.column_dropped = (struct event_column_dropped){{9}, {4}, {2}};
        break;
    case 9:
        e.kind = EVENT_COLUMN_RENAMED;
        e.as.column_renamed = (struct event_column_renamed){{9}, {4}, {2}, T("title")};
        break;
    case 10:
        e.kind = EVENT_COLUMN_DEFAULT_CHANGED;
        e.as.column_default_changed =
            (struct event_column_default_changed){{9}, {4}, {2}, DEFAULT_EXPRESSION, T("'y'")};
        break;
    case 11:
        e.kind = EVENT_COLUMN_NOT_NULL_CHANGED;
        e.as.column_not_null_changed = (struct event_column_not_null_changed){{9}, {4}, {2}, true};
        break;
    case 12:
        sample_table();
        e.kind = EVENT_CHECK_ADDED;
        e.as.check_added = (struct event_check_added){{9}, {4}, sample_checks[0]};
        break;
    case 13:
        e.kind = EVENT_CHECK_DROPPED;
        e.as.check_dropped = (struct event_check_dropped){{9}, {5}, {1}};
        break;
    case 14:
        sample_table();
        e.kind = EVENT_INDEX_DECLARED;
        e.as.index_declared = (struct event_index_declared){{9}, sample_indexes[0]};
        e.as.index_declared.index.state = INDEX_DECLARED;
        break;
    case 15:
        e.kind = EVENT_INDEX_READY;
        e.as.index_ready = (struct event_index_ready){{9}, {2}};
        break;
    case 16:
        e.kind = EVENT_INDEX_DROPPED;
        e.as.index_dropped = (struct event_index_dropped){{9}, {2}};
        break;
    case 17:
        e.kind = EVENT_STREAM_CREATED;
        e.as.stream_created = (struct event_stream_created){{4}, T("readings"), DATA_CLASS_PHI};
        break;
    case 18:
        writer = event_rows_begin(body, EVENT_ROWS_INSERTED, (struct table_id){9}, (struct schema_version){3}, true);
        event_rows_insert(&writer, (struct row_id){100}, sample_image(&image, 1));
        event_rows_insert(&writer, (struct row_id){101}, sample_image(&image, 2));
        name = "rows_inserted";
        break;
    case 19:
        writer = event_rows_begin(body, EVENT_ROWS_UPDATED, (struct table_id){9}, (struct schema_version){3}, false);
        event_rows_update(&writer, sample_old_key(&key, 1), sample_image(&image, 5));
        name = "rows_updated";
        break;
    case 20:
        writer = event_rows_begin(body, EVENT_ROWS_DELETED, (struct table_id){9}, (struct schema_version){3}, false);
        event_rows_delete(&writer, sample_old_key(&key, 1));
        event_rows_delete(&writer, sample_old_key(&key, 2));
        event_rows_delete(&writer, sample_old_key(&key, 3));
        name = "rows_deleted";
        break;
    case 21:
        writer = event_append_begin(body, (struct stream_id){4}, (struct stream_offset){10});
        event_append_add(&writer, T("one"));
        event_append_add(&writer, T(""));
        name = "stream_appended";
        break;
    case 22:
        e.kind = EVENT_VIEW_CREATED;
        e.as.table_created.table = sample_view();
        break;
    case 23:
        e.kind = EVENT_SEQUENCE_CREATED;
        e.as.table_created.table = sample_view();
        e.as.table_created.table.view_query = (struct slice){.length = 0};
        e.as.table_created.table.sequence = sample_sequence;
        break;
    case 24:
        e.kind = EVENT_SEQUENCE_CHANGED;
        e.as.sequence_changed = (struct event_sequence_changed){{10}, {2}, sample_sequence};
        break;
    case 25:
        e.kind = EVENT_SEQUENCE_ADVANCED;
        e.as.sequence_advanced = (struct event_sequence_advanced){{10}, {2}, 7, -3, true};
        break;
    case 26:
        e.kind = EVENT_FOREIGN_KEY_ADDED;
        e.as.foreign_key_added = (struct event_foreign_key_added){{9}, {3}, sample_foreign_key};
        break;
    case 27:
        e.kind = EVENT_FOREIGN_KEY_DROPPED;
        e.as.foreign_key_dropped = (struct event_foreign_key_dropped){{9}, {4}, {6}};
        break;
    case 28:
        e.kind = EVENT_COLUMN_REPLACED;
        e.as.column_replaced = (struct event_column_replaced){{9}, {5}, {2}, {6}};
        break;
    case 29:
        e.kind = EVENT_PRIMARY_KEY_CHANGED;
        e.as.primary_key_changed = (struct event_primary_key_changed){{9}, {5}, T("t_pk"), sample_key_parts, 2};
        break;
    case 30:
        e.kind = EVENT_CONSTRAINT_RENAMED;
        e.as.constraint_renamed = (struct event_constraint_renamed){{9}, {5}, DEFINITION_CONSTRAINT, 6, T("kept")};
        break;
    case 31:
        e.kind = EVENT_CONSTRAINT_VALID_CHANGED;
        e.as.constraint_valid_changed = (struct event_constraint_valid_changed){{9}, {5}, {6}, true};
        break;
    case 32:
        e.kind = EVENT_COMMENT_SET;
        e.as.comment_set = (struct event_comment_set){{9}, DEFINITION_COLUMN, 2, T("what it is")};
        break;
    case 33: /* an index with all that came later */
        e.kind = EVENT_INDEX_DECLARED;
        e.as.index_declared = (struct event_index_declared){{9}, sample_index_whole};
        name = "index_declared_whole";
        break;
    case 34: /* a hidden column, and one in the place of another */
        e.kind = EVENT_COLUMN_ADDED;
        e.as.column_added = (struct event_column_added){{9}, {5}, sample_column_hidden};
        name = "column_added_hidden";
        break;
    case 35:
        e.kind = EVENT_VIEW_CREATED;
        e.as.table_created.table = sample_view();
        e.as.table_created.table.view_check = VIEW_CHECK_CASCADED;
        name = "view_created_checked";
        break;
    case 36:
        e.kind = EVENT_SCHEMA_CREATED;
        e.as.schema_created = (struct event_schema_created){{12}, T("audit")};
        break;
    case 37:
        e.kind = EVENT_SCHEMA_DROPPED;
        e.as.schema_dropped = (struct event_schema_dropped){{12}};
        break;
    case 38:
        e.kind = EVENT_SCHEMA_RENAMED;
        e.as.schema_renamed = (struct event_schema_renamed){{0}, T("kept")};
        break;
    case 39:
        e.kind = EVENT_SCHEMA_COMMENT_SET;
        e.as.schema_comment_set = (struct event_schema_comment_set){{12}, T("what it is")};
        break;
    case 40:
        e.kind = EVENT_TABLE_MOVED;
        e.as.table_moved = (struct event_table_moved){{9}, T("audit")};
        break;
    case 41:
        e.kind = EVENT_VIEW_CHANGED;
        e.as.view_changed = (struct event_view_changed){{9}, T("SELECT a FROM audit.t")};
        break;
    case 42:
        e.kind = EVENT_TYPE_CREATED;
        e.as.table_created.table = sample_enum();
        break;
    case 43:
        e.kind = EVENT_LABEL_ADDED;
        e.as.label = (struct event_label){{12}, {2}, sample_label_new};
        break;
    case 44:
        e.kind = EVENT_LABEL_RENAMED;
        e.as.label = (struct event_label){{12}, {3}, sample_label_new};
        break;
    case 45:
        e.kind = EVENT_TYPE_CREATED;
        e.as.table_created.table = sample_domain();
        name = "type_created_domain";
        break;
    case 46: /* of an enum type's arrays, and of a domain */
        e.kind = EVENT_COLUMN_ADDED;
        e.as.column_added = (struct event_column_added){{9}, {5}, sample_column_typed};
        name = "column_added_typed";
        break;
    case 47:
        e.kind = EVENT_ROLE_CREATED;
        e.as.role = sample_role;
        break;
    case 48: /* the one of the start, without a password and a limit */
        e.kind = EVENT_ROLE_CHANGED;
        e.as.role = (struct role_definition){.name = T("root"), .flags = 0x7f, .connection_limit = -1};
        break;
    case 49:
        e.kind = EVENT_ROLE_DROPPED;
        e.as.role_dropped = (struct event_role_dropped){{12}};
        break;
    case 50:
        e.kind = EVENT_API_KEY_CREATED;
        e.as.api_key = sample_api_key;
        break;
    case 51:
        e.kind = EVENT_API_KEY_REVOKED;
        e.as.api_key_revoked = (struct event_api_key_revoked){{13}};
        break;
    case 52:
        e.kind = EVENT_ACCESS_RECORDED;
        e.as.access = sample_access;
        break;
    case 53:
        e.kind = EVENT_TENANT_DELETED;
        e.as.tenant_deleted = (struct event_tenant_deleted){{9}, 3};
        break;
    case 54:
        e.kind = EVENT_REQUEST_ANSWERED;
        e.as.answered = (struct event_request_answered){
            .key = T("k-1"), .digest = {1, 2}, .answer = 4, .form = ANSWER_POSITION_SIGNED, .bytes = T("done")};
        break;
    case 55:
        e.kind = EVENT_COLUMN_SHOWN;
        e.as.column_shown = (struct event_column_shown){{9}, {5}, {6}, T("total")};
        break;
    default:
        return NULL;
    }
    if (name != NULL && number < 28) {
        assert_int_equal(event_writer_end(&writer, &error), KMB_OK);
    } else {
        assert_int_equal(event_encode(&e, body, &error), KMB_OK);
        name = name != NULL ? name : event_kind_name(e.kind);
    }
    buffer_free(&image);
    buffer_free(&key);
    return name;
}

/* --- tests --- */

static void test_round_trip(void **state) {
    (void)state;
    struct buffer body = {0};
    struct buffer again = {0};
    const char *name;
    size_t count = 0;
    for (size_t i = 0; (name = sample_event(i, &body)) != NULL; i++, count++) {
        test_golden(golden_folder, "event.hex", name, buffer_slice(&body));
        struct arena arena;
        arena_init(&arena, 0);
        struct event_reader reader = event_reader_make(buffer_slice(&body), &arena);
        struct event event;
        struct kmb_error error = {0};
        if (event_next(&reader, &event, &error) != KMB_ROW) {
            fail_msg("%s: %s", name, error.message);
        }
        assert_int_equal(strncmp(name, event_kind_name(event.kind), strlen(event_kind_name(event.kind))), 0);
        buffer_clear(&again);
        assert_int_equal(event_encode(&event, &again, &error), KMB_OK);
        assert_true(slice_equal(buffer_slice(&again), buffer_slice(&body)));
        assert_int_equal(event_next(&reader, &event, &error), KMB_DONE);
        arena_free(&arena);
    }
    assert_int_equal(count, 56);
    buffer_free(&body);
    buffer_free(&again);
}

static void test_batches(void **state) {
    (void)state;
    struct buffer body = {0};
    struct buffer whole = {0};
    struct arena arena;
    arena_init(&arena, 0);
    for (size_t i = 0; sample_event(i, &body) != NULL; i++) {
        buffer_append_slice(&whole, buffer_slice(&body));
    }
    uint64_t positions = 0;
    assert_int_equal(event_count_positions(buffer_slice(&whole), &positions, NULL), KMB_OK);
    assert_int_equal(positions, 2 + 1 + 3 + 2);
    struct event_reader reader = event_reader_make(buffer_slice(&whole), &arena);
    struct event event;
    uint64_t walked = 0;
    uint64_t counted = 0;
    while (event_next(&reader, &event, NULL) == KMB_ROW) {
        counted += event_positions(&event);
        struct event_row row;
        struct slice payload;
        if (event.kind == EVENT_ROWS_INSERTED || event.kind == EVENT_ROWS_UPDATED || event.kind == EVENT_ROWS_DELETED) {
            struct reader items = event_row_start(&event);
            for (uint64_t n = 0; event_row_next(&event, &items, &row); n++, walked++) {
                assert_true(event.kind != EVENT_ROWS_INSERTED || row.row_id.value == 100 + n);
                assert_int_equal(row.old_key.length, event.kind == EVENT_ROWS_INSERTED ? 0 : 9);
                assert_int_equal(row.image.length > 0, event.kind != EVENT_ROWS_DELETED);
            }
        } else if (event.kind == EVENT_STREAM_APPENDED) {
            struct reader items = event_append_start(&event);
            while (event_append_next(&event, &items, &payload)) {
                assert_true(payload.length == 0 || slice_equal_text(payload, "one"));
                walked++;
            }
        }
    }
    assert_int_equal(walked, positions);
    assert_int_equal(counted, positions);
    /* A batch of none leaves no trace. */
    size_t before = whole.length;
    struct event_writer writer =
        event_rows_begin(&whole, EVENT_ROWS_DELETED, (struct table_id){9}, (struct schema_version){3}, false);
    assert_int_equal(event_writer_end(&writer, NULL), KMB_OK);
    assert_int_equal(whole.length, before);
    buffer_free(&body);
    buffer_free(&whole);
    arena_free(&arena);
}

static void test_unknown_kinds(void **state) {
    (void)state;
    struct buffer body = {0};
    struct arena arena;
    arena_init(&arena, 0);
    buffer_u16(&body, 0x0777); /* not critical: skipped */
    buffer_u32(&body, 3);
    buffer_append(&body, "abc", 3);
    size_t start = body.length;
    struct event e = {.kind = EVENT_TABLE_DROPPED, .as.table_dropped.table.value = 1};
    assert_int_equal(event_encode(&e, &body, NULL), KMB_OK);
    size_t second = body.length;
    struct event_reader reader = event_reader_make(buffer_slice(&body), &arena);
    struct event event;
    struct kmb_error error = {0};
    assert_int_equal(event_next(&reader, &event, &error), KMB_ROW);
    assert_int_equal(event.kind, EVENT_TABLE_DROPPED);
    assert_int_equal(event_next(&reader, &event, &error), KMB_DONE);
    assert_true(start < second);
    buffer_u16(&body, 0x8777);
    buffer_u32(&body, 0);
    reader = event_reader_make(buffer_slice(&body), &arena);
    assert_int_equal(event_next(&reader, &event, &error), KMB_ROW);
    assert_int_equal(event_next(&reader, &event, &error), KMB_FORMAT_VERSION);
    assert_string_equal(error.message, "event kind 0x8777 at byte 19 of the body is not known");
    uint64_t positions;
    assert_int_equal(event_count_positions(buffer_slice(&body), &positions, &error), KMB_FORMAT_VERSION);
    buffer_free(&body);
    arena_free(&arena);
}

/* Cut and changed bodies: refused, or events whose parts can be read. */
static void test_hostile(void **state) {
    (void)state;
    struct buffer body = {0};
    size_t refused = 0;
    size_t read = 0;
    for (int round = 0; round < 40000; round++) {
        assert_non_null(sample_event(test_below(28), &body));
        size_t length = test_below(3) == 0 ? test_below(body.length + 1) : body.length;
        uint8_t *bytes = malloc(length + 1);
        assert_non_null(bytes);
        memcpy(bytes + 1, body.bytes, length);
        for (uint64_t i = test_below(4); i > 0 && length > 0; i--) {
            bytes[1 + test_below(length)] ^= (uint8_t)(1u << test_below(8));
        }
        struct arena arena;
        arena_init(&arena, 0);
        struct event_reader reader = event_reader_make(slice_make(bytes + 1, length), &arena);
        struct event event;
        struct kmb_error error = {0};
        enum kmb_status status;
        while ((status = event_next(&reader, &event, &error)) == KMB_ROW) {
            struct event_row row;
            read++;
            if (event.kind == EVENT_ROWS_INSERTED || event.kind == EVENT_ROWS_UPDATED ||
                event.kind == EVENT_ROWS_DELETED) {
                uint32_t count = 0;
                struct reader items = event_row_start(&event);
                while (event_row_next(&event, &items, &row)) {
                    count++;
                }
                assert_int_equal(count, event.as.rows.count);
            }
            struct buffer again = {0};
            assert_int_equal(event_encode(&event, &again, NULL), KMB_OK);
            assert_true(slice_equal(slice_make(again.bytes + EVENT_FRAME_SIZE, again.length - EVENT_FRAME_SIZE),
                                    event.payload)); /* one event, one encoding */
            buffer_free(&again);
        }
        assert_true(status == KMB_DONE || status == KMB_CORRUPT || status == KMB_FORMAT_VERSION);
        refused += status == KMB_DONE ? 0 : 1;
        uint64_t positions;
        (void)event_count_positions(slice_make(bytes + 1, length), &positions, NULL);
        arena_free(&arena);
        free(bytes);
    }
    assert_true(refused > 10000 && read > 5000);
    buffer_free(&body);
}

static void test_definition(void **state) {
    (void)state;
    struct table_definition table = sample_table();
    struct table_definition back;
    struct table_definition copy;
    struct buffer bytes = {0};
    struct buffer again = {0};
    struct arena arena;
    struct arena other;
    arena_init(&arena, 0);
    arena_init(&other, 0);
    struct kmb_error error = {0};
    definition_encode_table(&table, &bytes);
    test_golden(golden_folder, "event.hex", "definition", buffer_slice(&bytes));
    assert_int_equal(definition_decode_table(buffer_slice(&bytes), &arena, &back, &error), KMB_OK);
    assert_true(definition_copy_table(&back, &other, &copy));
    arena_free(&arena);
    definition_encode_table(&copy, &again);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    assert_int_equal(definition_column_of_name(&copy, T("name"))->id.value, 2);
    assert_null(definition_column_of_name(&copy, T("old")));
    assert_non_null(definition_column_of_id(&copy, (struct column_id){3}));
    assert_null(definition_column_of_id(&copy, (struct column_id){4}));
    assert_non_null(definition_index_of_name(&copy, T("t_name_key")));
    assert_non_null(definition_index_of_id(&copy, (struct index_id){2}));
    assert_null(definition_index_of_id(&copy, (struct index_id){1}));
    assert_false(definition_has_row_id(&copy));
    /* Each schema version has the columns of its time. */
    static const uint32_t expected[][4] = {{3, 1, 2, 3}, {2, 1, 2, 0}, {3, 1, 2, 5}};
    for (uint32_t version = 1; version <= 3; version++) {
        struct row_layout layout;
        assert_int_equal(definition_row_layout(&copy, (struct schema_version){version}, &other, &layout, &error),
                         KMB_OK);
        assert_int_equal(layout.column_count, expected[version - 1][0]);
        for (uint32_t i = 0; i < layout.column_count; i++) {
            assert_int_equal(layout.columns[i].id.value, expected[version - 1][1 + i]);
        }
    }
    /* A key on a dropped column, and on a type without order. */
    sample_key[0].column.value = 3;
    buffer_clear(&bytes);
    definition_encode_table(&table, &bytes);
    sample_key[0].column.value = 1;
    assert_int_equal(definition_decode_table(buffer_slice(&bytes), &other, &back, &error), KMB_CORRUPT);
    buffer_free(&bytes);
    buffer_free(&again);
    arena_free(&other);
}

static void test_no_memory(void **state) {
    (void)state;
    struct buffer body = {.failed = true};
    struct kmb_error error = {0};
    struct event e = {.kind = EVENT_TABLE_DROPPED, .as.table_dropped.table.value = 1};
    assert_int_equal(event_encode(&e, &body, &error), KMB_NO_MEMORY);
    struct buffer good = {0};
    sample_event(4, &good);
    struct arena arena;
    arena_init(&arena, 1); /* a budget that nothing fits */
    struct event_reader reader = event_reader_make(buffer_slice(&good), &arena);
    struct event event;
    assert_int_equal(event_next(&reader, &event, &error), KMB_NO_MEMORY);
    arena_free(&arena);
    buffer_free(&good);
}

static int teardown(void **state) {
    (void)state;
    buffer_free(&sample_missing);
    return 0;
}

int main(int argc, char **argv) {
    golden_folder = argc > 1 ? argv[1] : "tests/golden/types";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_batches),    cmocka_unit_test(test_unknown_kinds),
        cmocka_unit_test(test_hostile),    cmocka_unit_test(test_definition), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
