/* The native protocol's machine: frames, handshake, who may do what, tenants, schema, and what must end nothing. */
#include "engine/identity.h"
#include "native.h"
#include "server/authenticate.h"
#include "server/limits.h"

/* --- frames ------------------------------------------------------------------------------------------------------- */

static void sends_handshake(struct client *client) {
    struct wire_handshake_request request = {.client_version = WIRE_VERSION};
    client_send(client, WIRE_REQUEST_HANDSHAKE, &request);
}

static void handshake(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 1);
    struct wire_handshake_request request = {.client_version = WIRE_VERSION};
    const struct wire_handshake_response *answer =
        client_ask(&client, WIRE_REQUEST_HANDSHAKE, &request, WIRE_RESPONSE_HANDSHAKE);
    assert_int_equal(answer->server_version, WIRE_VERSION);
    assert_true(answer->authenticated);
    assert_true(answer->capabilities.count > 3);
    assert_true(slice_equal_text(answer->capabilities.items[0], "query"));
    assert_true(slice_equal_text(answer->capabilities.items[1], "append"));
    assert_true(slice_equal_text(answer->capabilities.items[2], "subscribe"));
    request.client_version = 4;
    const char *text = client_refused(&client, WIRE_REQUEST_HANDSHAKE, &request, WIRE_ERROR_CODE_INVALID_REQUEST);
    assert_non_null(strstr(text, "4"));
    assert_non_null(strstr(text, "5"));
    assert_false(client.closed);
    client_close(&client);
}

/* Bytes may come one at a time, and many frames at once. */
static void pieces(void **state) {
    (void)state;
    struct client client;
    struct client slow;
    struct wire_message message;
    client_open(&client, db, service, 1);
    client_open(&slow, db, service, 1);
    for (unsigned i = 0; i < 10; i++) {
        sends_handshake(&client);
    }
    for (size_t i = 0; i < client.input.length; i++) {
        client_put(&slow, slice_make(client.input.bytes + i, 1));
        client_step(&slow);
    }
    client_step(&client);
    for (uint64_t id = 1; id <= 10; id++) {
        assert_true(client_next(&client, &message) && message.request_id == id);
        assert_true(client_next(&slow, &message) && message.request_id == id);
    }
    assert_false(client_next(&client, &message));
    assert_false(client_next(&slow, &message));
    client_close(&client);
    client_close(&slow);
}

/* What was asked before a broken frame is answered; then the connection ends. */
static void ends_after_answers(struct slice broken) {
    struct client client;
    struct wire_message message;
    client_open(&client, db, service, 1);
    sends_handshake(&client);
    client_put(&client, broken);
    sends_handshake(&client);
    client_step(&client);
    assert_true(client.closed);
    assert_true(client_next(&client, &message));
    assert_int_equal(message.variant, WIRE_RESPONSE_HANDSHAKE);
    assert_false(client_next(&client, &message));
    client_close(&client);
}

static void broken_frames(void **state) {
    (void)state;
    struct buffer out = {0};
    struct wire_message message = {.direction = WIRE_RESPONSE, .variant = WIRE_RESPONSE_SYNC, .payload = &(bool){true}};
    size_t start = frame_begin(&out);
    wire_message_encode(&out, &message);
    assert_true(frame_end(&out, start));
    ends_after_answers(buffer_slice(&out)); /* a response */
    buffer_clear(&out);
    start = frame_begin(&out);
    assert_true(frame_end(&out, start));
    ends_after_answers(buffer_slice(&out)); /* no message */
    buffer_clear(&out);
    start = frame_begin(&out);
    buffer_append(&out, "\x00\x01\x01\x00\x2b", 5); /* request 43, which no release has */
    assert_true(frame_end(&out, start));
    ends_after_answers(buffer_slice(&out));
    out.bytes[10] ^= 1; /* the checksum */
    ends_after_answers(buffer_slice(&out));
    out.bytes[5] = 4; /* the version */
    ends_after_answers(buffer_slice(&out));
    ends_after_answers(TEXT("GET / HTTP/1.1\r\n"));
    buffer_free(&out);
}

/* The client has closed its side: what it asked for is done and answered. */
static void half_close(void **state) {
    (void)state;
    struct client client;
    struct wire_message message;
    client_open(&client, db, service, 2);
    uint64_t stream = client_stream(&client, "half");
    struct slice event = TEXT("x");
    struct wire_append_events_request append = {.stream_id = stream, .events = {1, &event}};
    client_send(&client, WIRE_REQUEST_APPEND_EVENTS, &append);
    client_put(&client, TEXT("VDB ")); /* half a header */
    client.ended = true;
    client_step(&client);
    assert_true(client.closed);
    assert_true(client_next(&client, &message));
    assert_int_equal(message.variant, WIRE_RESPONSE_APPEND_EVENTS);
    client_close(&client);
}

/* --- tenants ------------------------------------------------------------------------------------------------------ */

static void tenants(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 0);
    struct slice name = TEXT("clinic");
    struct slice other = TEXT("other");
    struct wire_tenant_create_request create = {.tenant_id = 100, .name = &name};
    const struct wire_tenant_create_response *made =
        client_ask(&client, WIRE_REQUEST_TENANT_CREATE, &create, WIRE_RESPONSE_TENANT_CREATE);
    assert_true(made->created && made->tenant.tenant_id == 100 && slice_equal(*made->tenant.name, name));
    assert_true(*made->tenant.created_at_nanos > UINT64_C(1600000000000000000));
    made = client_ask(&client, WIRE_REQUEST_TENANT_CREATE, &create, WIRE_RESPONSE_TENANT_CREATE);
    assert_false(made->created);
    create.name = &other;
    client_refused(&client, WIRE_REQUEST_TENANT_CREATE, &create, WIRE_ERROR_CODE_TENANT_ALREADY_EXISTS);
    create = (struct wire_tenant_create_request){.tenant_id = 101};
    made = client_ask(&client, WIRE_REQUEST_TENANT_CREATE, &create, WIRE_RESPONSE_TENANT_CREATE);
    assert_true(made->created && made->tenant.name == NULL);
    create.name = &other; /* naming one without a name does not set it */
    made = client_ask(&client, WIRE_REQUEST_TENANT_CREATE, &create, WIRE_RESPONSE_TENANT_CREATE);
    assert_true(!made->created && made->tenant.name == NULL);
    create = (struct wire_tenant_create_request){.tenant_id = 102, .name = &name}; /* as 100's */
    made = client_ask(&client, WIRE_REQUEST_TENANT_CREATE, &create, WIRE_RESPONSE_TENANT_CREATE);
    assert_true(made->created && slice_equal(*made->tenant.name, name));
    client.tenant = 1;
    client_ask(&client, WIRE_REQUEST_POSITION, NULL, WIRE_RESPONSE_POSITION); /* shows that it is no published one */
    create.tenant_id = 103;
    client_refused(&client, WIRE_REQUEST_TENANT_CREATE, &create, WIRE_ERROR_CODE_TENANT_ALREADY_EXISTS);
    create.tenant_id = 0;
    client_refused(&client, WIRE_REQUEST_TENANT_CREATE, &create, WIRE_ERROR_CODE_TENANT_NOT_FOUND);
    client.tenant = 100;
    client_query(&client, "CREATE TABLE t (id INT PRIMARY KEY)");
    struct wire_tenant_get_request get = {.tenant_id = 100};
    const struct wire_tenant_get_response *got =
        client_ask(&client, WIRE_REQUEST_TENANT_GET, &get, WIRE_RESPONSE_TENANT_GET);
    assert_int_equal(got->tenant.table_count, 1);
    get.tenant_id = 999;
    client_refused(&client, WIRE_REQUEST_TENANT_GET, &get, WIRE_ERROR_CODE_TENANT_NOT_FOUND);
    const struct wire_tenant_list_response *list =
        client_ask(&client, WIRE_REQUEST_TENANT_LIST, NULL, WIRE_RESPONSE_TENANT_LIST);
    assert_true(list->tenants.count >= 3);
    for (uint32_t i = 1; i < list->tenants.count; i++) {
        assert_true(list->tenants.items[i - 1].tenant_id < list->tenants.items[i].tenant_id);
    }
    struct wire_tenant_delete_request delete = {.tenant_id = 100};
    client.tenant = 100;
    client_query(&client, "CREATE TABLE gone (id INT)");
    const struct wire_tenant_delete_response *deleted =
        client_ask(&client, WIRE_REQUEST_TENANT_DELETE, &delete, WIRE_RESPONSE_TENANT_DELETE);
    assert_true(deleted->deleted && deleted->tables_dropped == 2);
    deleted = client_ask(&client, WIRE_REQUEST_TENANT_DELETE, &delete, WIRE_RESPONSE_TENANT_DELETE);
    assert_true(!deleted->deleted && deleted->tables_dropped == 0);
    struct wire_run_request run = {.sql = TEXT("SELECT id FROM gone")};
    client_refused(&client, WIRE_REQUEST_RUN, &run, WIRE_ERROR_CODE_TENANT_NOT_FOUND);
    run.sql = TEXT("INSERT INTO gone VALUES (1)");
    client_refused(&client, WIRE_REQUEST_RUN, &run, WIRE_ERROR_CODE_TENANT_NOT_FOUND);
    client_refused(&client, WIRE_REQUEST_TENANT_GET, &delete, WIRE_ERROR_CODE_TENANT_NOT_FOUND);
    client_refused(&client, WIRE_REQUEST_TENANT_CREATE, &(struct wire_tenant_create_request){.tenant_id = 100},
                   WIRE_ERROR_CODE_TENANT_ALREADY_EXISTS);
    delete.tenant_id = 1;
    client_refused(&client, WIRE_REQUEST_TENANT_DELETE, &delete, WIRE_ERROR_CODE_INVALID_REQUEST);
    const struct wire_server_info_response *info =
        client_ask(&client, WIRE_REQUEST_GET_SERVER_INFO, NULL, WIRE_RESPONSE_SERVER_INFO);
    assert_true(info->protocol_version == 5 && info->tenant_count >= 3);
    assert_true(slice_equal_text(info->build_version, kmb_version()));
    assert_true(slice_equal_text(info->capabilities.items[5], "server_info.v1"));
    client_close(&client);
}

/* A tenant that nobody made: it is there when it is first spoken for, and holds nothing. */
static void tenant_without_creation(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 4242);
    const struct wire_list_tables_response *tables =
        client_ask(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_RESPONSE_LIST_TABLES);
    assert_int_equal(tables->tables.count, 0);
    client.tenant = 0;
    client_refused(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_ERROR_CODE_TENANT_NOT_FOUND);
    client_close(&client);
    struct native_service *fixed;
    struct settings settings;
    assert_int_equal(settings_init(&settings, NULL), KMB_OK);
    assert_int_equal(native_service_new(&(struct native_options){.db = db, .settings = &settings}, &fixed, NULL),
                     KMB_OK);
    client_open(&client, db, fixed, 4243);
    client_refused(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_ERROR_CODE_TENANT_NOT_FOUND);
    client_close(&client);
    native_service_free(fixed);
    settings_free(&settings);
}

/* More tenants than a connection holds sessions: those without work give way; with work, the next is refused. */
static void many_tenants(void **state) {
    (void)state;
    struct client client;
    struct wire_message message;
    client_open(&client, db, service, 0);
    for (uint64_t tenant = 200; tenant < 220; tenant++) {
        client.tenant = tenant;
        client_query(&client, "BEGIN");
        client_query(&client, "ROLLBACK");
    }
    for (uint64_t tenant = 200; tenant < 220; tenant++) { /* writes of all, in one go */
        struct wire_create_stream_request create = {.name = TEXT("s"), .placement = {.tag = WIRE_PLACEMENT_GLOBAL}};
        client.tenant = tenant;
        client_send(&client, WIRE_REQUEST_CREATE_STREAM, &create);
    }
    client_step(&client);
    for (uint64_t tenant = 200; tenant < 220; tenant++) {
        assert_true(client_next(&client, &message));
        assert_int_equal(message.variant, WIRE_RESPONSE_CREATE_STREAM);
    }
    for (uint64_t tenant = 200; tenant < 216; tenant++) {
        client.tenant = tenant;
        client_query(&client, "BEGIN");
    }
    client.tenant = 216;
    client_refused(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    assert_true(native_protocol.busy(client.machine));
    client.tenant = 200;
    client_query(&client, "COMMIT");
    client.tenant = 216;
    client_ask(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_RESPONSE_LIST_TABLES);
    client_close(&client);
}

/* --- schema ------------------------------------------------------------------------------------------------------- */

static void schema(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 300);
    client_query(&client,
                 "CREATE TABLE visits (id BIGINT, day DATE NOT NULL, note VARCHAR(20), PRIMARY KEY (id, day))");
    client_query(&client, "CREATE INDEX visits_note ON visits (note, id)");
    client_query(&client, "CREATE TABLE a (x NUMERIC(10,2))");
    client_query(&client, "CREATE VIEW v AS SELECT 1 AS one");
    client_query(&client, "CREATE SCHEMA s");
    client_query(&client, "CREATE TABLE s.t (x INT)");
    const struct wire_list_tables_response *tables =
        client_ask(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_RESPONSE_LIST_TABLES);
    assert_int_equal(tables->tables.count, 3);
    assert_true(slice_equal_text(tables->tables.items[0].name, "a"));
    assert_true(slice_equal_text(tables->tables.items[1].name, "s.t"));
    assert_true(slice_equal_text(tables->tables.items[2].name, "visits"));
    assert_int_equal(tables->tables.items[2].column_count, 3);
    struct wire_describe_table_request describe = {.table_name = TEXT("visits")};
    const struct wire_describe_table_response *table =
        client_ask(&client, WIRE_REQUEST_DESCRIBE_TABLE, &describe, WIRE_RESPONSE_DESCRIBE_TABLE);
    assert_int_equal(table->columns.count, 3);
    assert_true(table->columns.items[0].primary_key && !table->columns.items[0].nullable);
    assert_true(slice_equal_text(table->columns.items[1].data_type, "date"));
    assert_true(!table->columns.items[2].primary_key && table->columns.items[2].nullable);
    assert_true(slice_equal_text(table->columns.items[2].data_type, "character varying(20)"));
    struct wire_list_indexes_request indexes = {.table_name = TEXT("visits")};
    const struct wire_list_indexes_response *list =
        client_ask(&client, WIRE_REQUEST_LIST_INDEXES, &indexes, WIRE_RESPONSE_LIST_INDEXES);
    assert_int_equal(list->indexes.count, 2);
    assert_true(slice_equal_text(list->indexes.items[0].name, "visits_pkey"));
    assert_int_equal(list->indexes.items[0].columns.count, 2);
    assert_true(slice_equal_text(list->indexes.items[1].name, "visits_note"));
    assert_true(slice_equal_text(list->indexes.items[1].columns.items[0], "note"));
    describe.table_name = TEXT("s.t");
    client_ask(&client, WIRE_REQUEST_DESCRIBE_TABLE, &describe, WIRE_RESPONSE_DESCRIBE_TABLE);
    /* Names are names: none of these reaches SQL, and a view is no table. */
    static const char *const none[] = {"", "nothing", "v", "visits; DROP TABLE visits", "a\" OR 1=1 --", ".", "s."};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        describe.table_name = TEXT(none[i]);
        indexes.table_name = TEXT(none[i]);
        client_refused(&client, WIRE_REQUEST_DESCRIBE_TABLE, &describe, WIRE_ERROR_CODE_TABLE_NOT_FOUND);
        client_refused(&client, WIRE_REQUEST_LIST_INDEXES, &indexes, WIRE_ERROR_CODE_TABLE_NOT_FOUND);
    }
    client_close(&client);
}

/* --- everything there is ------------------------------------------------------------------------------------------ */

/* A payload of zeros is one that decodes: empty texts, first members. Data of a COPY has no answer of its own. */
static void each_request(struct client *client, void (*check)(struct client *client, uint32_t variant, void *payload)) {
    uint32_t count;
    const struct wire_member *variants = wire_variants(WIRE_REQUEST, &count);
    for (uint32_t i = 0; i < WIRE_REQUEST_END; i++) {
        const struct wire_member *variant = i < count ? &variants[i] : wire_extension(WIRE_REQUEST, i);
        bool data = i == WIRE_REQUEST_COPY_DATA || i == WIRE_REQUEST_COPY_END;
        if (variant != NULL && !data) {
            void *payload =
                variant->content == NULL ? NULL : arena_alloc_zero(&client->arena, 1, variant->content->size);
            check(client, i, payload);
        }
    }
}

static void is_refused_as_too_large(struct client *client, uint32_t variant, void *payload) {
    client_refused(client, variant, payload, WIRE_ERROR_CODE_INVALID_REQUEST);
}

static void is_answered(struct client *client, uint32_t variant, void *payload) {
    struct wire_message message;
    uint64_t id = client_send(client, variant, payload);
    client_step(client);
    assert_true(client_next(client, &message));
    assert_true(message.direction == WIRE_RESPONSE && message.request_id == id);
    assert_false(client_next(client, &message));
    assert_false(client->closed);
}

static void is_refused_without_identity(struct client *client, uint32_t variant, void *payload) {
    if (variant != WIRE_REQUEST_HANDSHAKE) {
        client_refused(client, variant, payload, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
    }
}

static void tenant_ids_above_32_bits(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, UINT64_C(1) << 32);
    each_request(&client, is_refused_as_too_large);
    client.tenant = UINT64_MAX;
    each_request(&client, is_refused_as_too_large);
    client.tenant = 1;
    struct wire_tenant_create_request create = {.tenant_id = UINT64_C(1) << 32};
    client_refused(&client, WIRE_REQUEST_TENANT_CREATE, &create, WIRE_ERROR_CODE_INVALID_REQUEST);
    client_refused(&client, WIRE_REQUEST_TENANT_GET, &create, WIRE_ERROR_CODE_INVALID_REQUEST);
    client_refused(&client, WIRE_REQUEST_TENANT_DELETE, &create, WIRE_ERROR_CODE_INVALID_REQUEST);
    struct wire_api_key_register_request key = {.tenant_id = UINT64_C(1) << 32};
    client_refused(&client, WIRE_REQUEST_API_KEY_REGISTER, &key, WIRE_ERROR_CODE_INVALID_REQUEST);
    uint64_t large = UINT64_MAX;
    struct wire_api_key_list_request keys = {.tenant_id = &large};
    client_refused(&client, WIRE_REQUEST_API_KEY_LIST, &keys, WIRE_ERROR_CODE_INVALID_REQUEST);
    client.tenant = UINT32_MAX; /* the greatest there is */
    client_ask(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_RESPONSE_LIST_TABLES);
    client_close(&client);
}

static void every_request_has_one_answer(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 400);
    each_request(&client, is_answered);
    client_close(&client);
}

/* Requests that ended or wedged the published server, and their like. */
static void hostile_requests(void **state) {
    (void)state;
    struct client client;
    client_open(&client, db, service, 401);
    uint64_t stream = client_stream(&client, "s");
    struct wire_append_events_request append = {.stream_id = stream};
    client_refused(&client, WIRE_REQUEST_APPEND_EVENTS, &append, WIRE_ERROR_CODE_INVALID_REQUEST);
    struct wire_breach_report_indicator_request report = {
        .indicator = {.tag = WIRE_BREACH_INDICATOR_UNUSUAL_ACCESS_TIME, .as.unusual_access_time.hour = 24}};
    client_refused(&client, WIRE_REQUEST_BREACH_REPORT_INDICATOR, &report, WIRE_ERROR_CODE_INVALID_REQUEST);
    report.indicator.as.unusual_access_time.hour = 255;
    client_refused(&client, WIRE_REQUEST_BREACH_REPORT_INDICATOR, &report, WIRE_ERROR_CODE_INVALID_REQUEST);
    report = (struct wire_breach_report_indicator_request){
        .indicator = {.tag = WIRE_BREACH_INDICATOR_PRIVILEGE_ESCALATION,
                      .as.privilege_escalation = {.from_role = TEXT("user"), .to_role = TEXT("")}}};
    client_refused(&client, WIRE_REQUEST_BREACH_REPORT_INDICATOR, &report, WIRE_ERROR_CODE_INVALID_REQUEST);
    struct wire_breach_resolve_request resolve = {.event_id = TEXT("00000000-0000-4000-8000-000000000000")};
    client_refused(&client, WIRE_REQUEST_BREACH_RESOLVE, &resolve, WIRE_ERROR_CODE_INVALID_REQUEST);
    resolve.remediation = TEXT("keys changed");
    client_refused(&client, WIRE_REQUEST_BREACH_RESOLVE, &resolve, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    struct wire_erasure_mark_stream_erased_request erased = {.request_id = TEXT("no uuid"), .stream_id = stream};
    client_refused(&client, WIRE_REQUEST_ERASURE_MARK_STREAM_ERASED, &erased, WIRE_ERROR_CODE_INVALID_REQUEST);
    erased.request_id = TEXT("{00000000-0000-4000-8000-000000000000}");
    for (unsigned twice = 0; twice < 2; twice++) {
        client_refused(&client, WIRE_REQUEST_ERASURE_MARK_STREAM_ERASED, &erased,
                       WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR);
    }
    struct wire_api_key_register_request key = {.subject = TEXT("bob"), .tenant_id = 401};
    client_refused(&client, WIRE_REQUEST_API_KEY_REGISTER, &key, WIRE_ERROR_CODE_INVALID_REQUEST);
    struct wire_verify_export_request export = {.export_id = TEXT("urn:uuid:00000000-0000-4000-8000-000000000000"),
                                                .body_base64 = TEXT("no base64!")};
    client_refused(&client, WIRE_REQUEST_VERIFY_EXPORT, &export, WIRE_ERROR_CODE_INVALID_REQUEST);
    struct wire_consent_grant_request grant = {.subject_id = TEXT("")};
    client_refused(&client, WIRE_REQUEST_CONSENT_GRANT, &grant, WIRE_ERROR_CODE_INVALID_REQUEST);
    grant.subject_id = TEXT("alice");
    grant.purpose = WIRE_CONSENT_PURPOSE_TREATMENT;
    assert_string_equal(
        client_refused(&client, WIRE_REQUEST_CONSENT_GRANT, &grant, WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR),
        "ConsentGrant is not implemented by this server");
    client_query(&client, "CREATE TABLE t (id INT PRIMARY KEY, name TEXT)");
    client_query(&client, "INSERT INTO t VALUES (3, 'x')");
    client_query(&client, "SELECT UPPER(name), LENGTH(name) FROM t WHERE id = 3");
    client_query(&client, "SELECT NOW() FROM t");
    static const char *const cut[] = {"SEL\xc3\xa9", "INSER\xc3\xa9 x", "\xf0\x9f\x94\x92\xf0\x9f\x94\x92",
                                      "SELECT '\xc3\xa9"};
    for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
        struct wire_query_request query = {.sql = TEXT(cut[i])};
        client_refused(&client, WIRE_REQUEST_QUERY, &query, WIRE_ERROR_CODE_QUERY_PARSE_ERROR);
    }
    client_close(&client);
}

/* --- who may ------------------------------------------------------------------------------------------------------ */

/* A key of tenant 500 for a role. */
static void make_key(const char *role, char text[IDENTITY_KEY_LENGTH + 1]) {
    struct identity_key key = {.tenant = {500}, .role_count = 1};
    struct identity_actor actor = {.name = TEXT("test")};
    snprintf(key.subject, sizeof(key.subject), "%s", role);
    snprintf(key.roles[0], sizeof(key.roles[0]), "%s", role);
    assert_int_equal(identity_key_register(api_shard(db), &key, &actor, text, NULL), KMB_OK);
}

static void log_in(struct client *client, const char *token) {
    struct slice text = TEXT(token);
    struct wire_handshake_request request = {.client_version = WIRE_VERSION, .auth_token = &text};
    const struct wire_handshake_response *answer =
        client_ask(client, WIRE_REQUEST_HANDSHAKE, &request, WIRE_RESPONSE_HANDSHAKE);
    assert_true(answer->authenticated);
}

static void authentication(void **state) {
    (void)state;
    struct native_service *guarded;
    struct client client;
    struct settings settings;
    struct native_options options = {.db = db};
    char user[IDENTITY_KEY_LENGTH + 1];
    char admin[IDENTITY_KEY_LENGTH + 1];
    char reader[IDENTITY_KEY_LENGTH + 1];
    assert_int_equal(settings_init(&settings, NULL), KMB_OK);
    settings.auth.mode = SETTINGS_AUTH_APIKEY;
    assert_int_equal(authenticator_new(&settings, api_shard(db), &options.authenticator, NULL), KMB_OK);
    assert_int_equal(kmb_tenant_create(db, 500, NULL, NULL), KMB_OK);
    make_key("user", user);
    make_key("admin", admin);
    assert_int_equal(native_service_new(&options, &guarded, NULL), KMB_OK);
    client_open(&client, db, guarded, 500);
    each_request(&client, is_refused_without_identity);
    struct wire_handshake_request request = {.client_version = WIRE_VERSION};
    const struct wire_handshake_response *answer =
        client_ask(&client, WIRE_REQUEST_HANDSHAKE, &request, WIRE_RESPONSE_HANDSHAKE);
    assert_false(answer->authenticated);
    each_request(&client, is_refused_without_identity);
    struct slice wrong = TEXT("wrong");
    request.auth_token = &wrong;
    client_refused(&client, WIRE_REQUEST_HANDSHAKE, &request, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
    log_in(&client, user);
    client_query(&client, "CREATE TABLE t (id INT)");
    client_refused(&client, WIRE_REQUEST_HANDSHAKE, &request, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
    client_query(&client, "INSERT INTO t VALUES (1)"); /* a failed handshake leaves the identity */
    client.tenant = 501;
    client_refused(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
    client_refused(&client, WIRE_REQUEST_GET_SERVER_INFO, NULL, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
    client.tenant = 500;
    client_refused(&client, WIRE_REQUEST_TENANT_LIST, NULL, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
    static const char *const readers[] = {"auditor", "analyst"};
    for (unsigned i = 0; i < 2; i++) {
        make_key(readers[i], reader);
        log_in(&client, reader);
        client_query(&client, "SELECT * FROM t");
        struct wire_query_request insert = {.sql = TEXT("INSERT INTO t VALUES (2)")};
        client_refused(&client, WIRE_REQUEST_QUERY, &insert, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
        insert.sql = TEXT("WITH x AS (INSERT INTO t VALUES (2) RETURNING id) SELECT * FROM x");
        client_refused(&client, WIRE_REQUEST_QUERY, &insert, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
        insert.sql = TEXT("DO $$BEGIN INSERT INTO t VALUES (2); END$$");
        client_refused(&client, WIRE_REQUEST_QUERY, &insert, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
        struct wire_run_request run = {.sql = TEXT("DELETE FROM t")};
        client_refused(&client, WIRE_REQUEST_RUN, &run, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
        run.sql = TEXT("DO $$BEGIN EXECUTE 'DELETE FROM t'; END$$");
        client_refused(&client, WIRE_REQUEST_RUN, &run, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
        struct wire_create_stream_request create = {.name = TEXT("s"), .placement = {.tag = WIRE_PLACEMENT_GLOBAL}};
        client_refused(&client, WIRE_REQUEST_CREATE_STREAM, &create, WIRE_ERROR_CODE_AUTHENTICATION_FAILED);
    }
    log_in(&client, admin);
    client.tenant = 501;
    client_ask(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_RESPONSE_LIST_TABLES);
    client_ask(&client, WIRE_REQUEST_TENANT_LIST, NULL, WIRE_RESPONSE_TENANT_LIST);
    client_close(&client);
    native_service_free(guarded);
    authenticator_free(options.authenticator);
    settings_free(&settings);
}

static void api_keys(void **state) {
    (void)state;
    struct client client;
    struct slice roles[2] = {TEXT("user"), TEXT("auditor")};
    uint64_t expires = UINT64_C(4000000000000000000);
    client_open(&client, db, service, 510);
    client_ask(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_RESPONSE_LIST_TABLES);
    struct wire_api_key_register_request request = {
        .subject = TEXT("robot"), .tenant_id = 510, .roles = {2, roles}, .expires_at_nanos = &expires};
    const struct wire_api_key_register_response *made =
        client_ask(&client, WIRE_REQUEST_API_KEY_REGISTER, &request, WIRE_RESPONSE_API_KEY_REGISTER);
    assert_int_equal(made->key.length, 73);
    assert_true(slice_equal_text(made->info.subject, "robot") && made->info.tenant_id == 510);
    assert_true(made->info.roles.count == 2 && slice_equal_text(made->info.roles.items[1], "auditor"));
    assert_true(*made->info.expires_at_nanos == expires);
    uint64_t tenant = 510;
    struct wire_api_key_list_request list = {.tenant_id = &tenant};
    const struct wire_api_key_list_response *keys =
        client_ask(&client, WIRE_REQUEST_API_KEY_LIST, &list, WIRE_RESPONSE_API_KEY_LIST);
    assert_int_equal(keys->keys.count, 1);
    assert_true(slice_equal(keys->keys.items[0].key_id, made->info.key_id));
    struct wire_api_key_rotate_request rotate = {.old_key = made->key};
    const struct wire_api_key_rotate_response *rotated =
        client_ask(&client, WIRE_REQUEST_API_KEY_ROTATE, &rotate, WIRE_RESPONSE_API_KEY_ROTATE);
    assert_false(slice_equal(rotated->new_key, made->key));
    client_refused(&client, WIRE_REQUEST_API_KEY_ROTATE, &rotate, WIRE_ERROR_CODE_API_KEY_NOT_FOUND);
    struct wire_api_key_revoke_request revoke = {.key = rotated->new_key};
    const struct wire_api_key_revoke_response *revoked =
        client_ask(&client, WIRE_REQUEST_API_KEY_REVOKE, &revoke, WIRE_RESPONSE_API_KEY_REVOKE);
    assert_true(revoked->revoked);
    client_refused(&client, WIRE_REQUEST_API_KEY_REVOKE, &revoke, WIRE_ERROR_CODE_API_KEY_NOT_FOUND);
    keys = client_ask(&client, WIRE_REQUEST_API_KEY_LIST, &list, WIRE_RESPONSE_API_KEY_LIST);
    assert_int_equal(keys->keys.count, 0);
    static char long_text[5000];
    memset(long_text, 'x', sizeof(long_text));
    request.subject = slice_make(long_text, sizeof(long_text));
    client_refused(&client, WIRE_REQUEST_API_KEY_REGISTER, &request, WIRE_ERROR_CODE_INVALID_REQUEST);
    request.subject = TEXT("robot");
    roles[1] = slice_make("a\0b", 3);
    client_refused(&client, WIRE_REQUEST_API_KEY_REGISTER, &request, WIRE_ERROR_CODE_INVALID_REQUEST);
    request.roles.count = 0;
    client_refused(&client, WIRE_REQUEST_API_KEY_REGISTER, &request, WIRE_ERROR_CODE_INVALID_REQUEST);
    request.tenant_id = 999;
    request.roles.count = 1;
    client_refused(&client, WIRE_REQUEST_API_KEY_REGISTER, &request, WIRE_ERROR_CODE_TENANT_NOT_FOUND);
    client_close(&client);
}

static int64_t no_time(void *context) {
    (void)context;
    return 1;
}

static void request_limit(void **state) {
    (void)state;
    struct native_service *limited;
    struct client client;
    struct settings settings = {.limits = {.requests_per_tenant = 3},
                                .tenants = {.mode = SETTINGS_TENANTS_AUTO_CREATE}};
    struct environment clock = {.monotonic_ns = no_time};
    struct limits *limits = limits_new(&settings, &clock);
    struct native_options options = {.db = db, .settings = &settings, .limits = limits};
    assert_non_null(limits);
    assert_int_equal(native_service_new(&options, &limited, NULL), KMB_OK);
    client_open(&client, db, limited, 1);
    for (unsigned i = 0; i < 3; i++) {
        client_query(&client, "SELECT 1");
    }
    struct wire_run_request run = {.sql = TEXT("SELECT 1")};
    client_refused(&client, WIRE_REQUEST_RUN, &run, WIRE_ERROR_CODE_RATE_LIMITED);
    client_refused(&client, WIRE_REQUEST_LIST_TABLES, NULL, WIRE_ERROR_CODE_RATE_LIMITED);
    client_ask(&client, WIRE_REQUEST_GET_SERVER_INFO, NULL, WIRE_RESPONSE_SERVER_INFO); /* of no tenant */
    assert_false(client.closed);
    client_close(&client);
    native_service_free(limited);
    limits_free(limits);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void draining(void **state) {
    (void)state;
    struct client client;
    struct wire_message message;
    client_open(&client, db, service, 600);
    uint64_t stream = client_stream(&client, "s");
    struct wire_subscribe_request subscribe = {.stream_id = stream, .initial_credits = 5};
    client_ask(&client, WIRE_REQUEST_SUBSCRIBE, &subscribe, WIRE_RESPONSE_SUBSCRIBE);
    client_query(&client, "BEGIN");
    client_query(&client, "CREATE TABLE t (id INT)");
    client.draining = true;
    client_step(&client);
    assert_false(client.closed); /* a transaction may come to its end */
    client_query(&client, "COMMIT");
    assert_true(client.closed);
    assert_true(client_next(&client, &message));
    const struct wire_subscription_closed_push *closed = message.payload;
    assert_int_equal(message.variant, WIRE_PUSH_SUBSCRIPTION_CLOSED);
    assert_int_equal(closed->reason, WIRE_CLOSE_REASON_SERVER_SHUTDOWN);
    client_close(&client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake),
        cmocka_unit_test(pieces),
        cmocka_unit_test(broken_frames),
        cmocka_unit_test(half_close),
        cmocka_unit_test(tenants),
        cmocka_unit_test(tenant_without_creation),
        cmocka_unit_test(many_tenants),
        cmocka_unit_test(schema),
        cmocka_unit_test(tenant_ids_above_32_bits),
        cmocka_unit_test(every_request_has_one_answer),
        cmocka_unit_test(hostile_requests),
        cmocka_unit_test(authentication),
        cmocka_unit_test(api_keys),
        cmocka_unit_test(request_limit),
        cmocka_unit_test(draining),
    };
    return cmocka_run_group_tests(tests, native_setup, native_teardown);
}
