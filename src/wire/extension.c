/* Descriptions of the appended variants; extension.h has the structs. */
#include "wire/extension.h"

#include "wire/describe.h"

/* --- values --- */

static const struct wire_field timestamp_fields[] = {
    FIELD(struct wire_timestamp, micros, wire_i64, WIRE_ONE),
    FIELD(struct wire_timestamp, nanos, wire_u32, WIRE_ONE),
};
static const struct wire_type timestamp_type = STRUCT(struct wire_timestamp, timestamp_fields);

static const struct wire_field interval_fields[] = {
    FIELD(struct wire_interval, months, wire_i64, WIRE_ONE),
    FIELD(struct wire_interval, days, wire_i64, WIRE_ONE),
    FIELD(struct wire_interval, micros, wire_i64, WIRE_ONE),
};
static const struct wire_type interval_type = STRUCT(struct wire_interval, interval_fields);

static const struct wire_member typed_members[] = {
    [WIRE_TYPED_NULL] = {"Null", NULL},
    [WIRE_TYPED_BOOLEAN] = {"Boolean", &wire_bool},
    [WIRE_TYPED_INTEGER] = {"Integer", &wire_i64},
    [WIRE_TYPED_REAL] = {"Real", &wire_f64},
    [WIRE_TYPED_DECIMAL] = {"Decimal", &wire_text},
    [WIRE_TYPED_TEXT] = {"Text", &wire_text},
    [WIRE_TYPED_BYTES] = {"Bytes", &wire_bytes},
    [WIRE_TYPED_DATE] = {"Date", &wire_i64},
    [WIRE_TYPED_TIME] = {"Time", &wire_i64},
    [WIRE_TYPED_TIMESTAMP] = {"Timestamp", &timestamp_type},
    [WIRE_TYPED_TIMESTAMP_UTC] = {"TimestampUtc", &timestamp_type},
    [WIRE_TYPED_INTERVAL] = {"Interval", &interval_type},
    [WIRE_TYPED_UUID] = {"Uuid", &wire_bytes},
    [WIRE_TYPED_JSON] = {"Json", &wire_text},
    [WIRE_TYPED_OTHER] = {"Other", &wire_text},
};
static const struct wire_type typed_type = UNION(struct wire_typed, typed_members);

static const struct wire_field typed_row_fields[] = {
    {.type = &typed_type, .form = WIRE_LIST, .offset = offsetof(struct wire_typed_row, cells)},
};
static const struct wire_type typed_row_type = STRUCT(struct wire_typed_row, typed_row_fields);

static const struct wire_field column_fields[] = {
    FIELD(struct wire_column, name, wire_text, WIRE_ONE),
    FIELD(struct wire_column, type_oid, wire_u32, WIRE_ONE),
    FIELD(struct wire_column, modifier, wire_i64, WIRE_ONE),
    FIELD(struct wire_column, type_name, wire_text, WIRE_ONE),
};
static const struct wire_type column_type = STRUCT(struct wire_column, column_fields);

static const struct wire_member moment_members[] = {
    [WIRE_MOMENT_PRESENT] = {"Present", NULL},
    [WIRE_MOMENT_POSITION] = {"Position", &wire_u64},
    [WIRE_MOMENT_TIME] = {"Time", &wire_i64},
};
static const struct wire_type moment_type = UNION(struct wire_moment, moment_members);

static const struct wire_field page_fields[] = {
    FIELD(struct wire_page, rows_max, wire_u32, WIRE_ONE),
    FIELD(struct wire_page, bytes_max, wire_u32, WIRE_ONE),
};
static const struct wire_type page_type = STRUCT(struct wire_page, page_fields);

static const struct wire_member isolation_members[] = {{"Default", NULL}, {"Snapshot", NULL}, {"Serializable", NULL}};
static const struct wire_type isolation_type = ENUM(isolation_members);

static const struct wire_member access_members[] = {{"Default", NULL}, {"ReadWrite", NULL}, {"ReadOnly", NULL}};
static const struct wire_type access_type = ENUM(access_members);

static const struct wire_member transaction_state_members[] = {{"None", NULL}, {"Open", NULL}, {"Failed", NULL}};
static const struct wire_type transaction_state_type = ENUM(transaction_state_members);

static const struct wire_member proof_members[] = {
    [WIRE_PROOF_CHECKPOINT] = {"Checkpoint", NULL},
    [WIRE_PROOF_INCLUSION] = {"Inclusion", &wire_u64},
    [WIRE_PROOF_CONSISTENCY] = {"Consistency", &wire_u64},
};
static const struct wire_type proof_type = UNION(struct wire_proof, proof_members);

/* --- requests --- */

static const struct wire_field run_request_fields[] = {
    FIELD(struct wire_run_request, sql, wire_text, WIRE_ONE),
    FIELD(struct wire_run_request, parameters, typed_type, WIRE_LIST),
    FIELD(struct wire_run_request, at, moment_type, WIRE_ONE),
    FIELD(struct wire_run_request, page, page_type, WIRE_ONE),
};
static const struct wire_type run_request_type = STRUCT(struct wire_run_request, run_request_fields);

static const struct wire_field prepare_request_fields[] = {
    FIELD(struct wire_prepare_request, statement, wire_u32, WIRE_ONE),
    FIELD(struct wire_prepare_request, sql, wire_text, WIRE_ONE),
    FIELD(struct wire_prepare_request, parameter_types, wire_u32, WIRE_LIST),
};
static const struct wire_type prepare_request_type = STRUCT(struct wire_prepare_request, prepare_request_fields);

static const struct wire_field execute_request_fields[] = {
    FIELD(struct wire_execute_request, statement, wire_u32, WIRE_ONE),
    FIELD(struct wire_execute_request, parameters, typed_type, WIRE_LIST),
    FIELD(struct wire_execute_request, at, moment_type, WIRE_ONE),
    FIELD(struct wire_execute_request, page, page_type, WIRE_ONE),
};
static const struct wire_type execute_request_type = STRUCT(struct wire_execute_request, execute_request_fields);

static const struct wire_field close_statement_request_fields[] = {
    FIELD(struct wire_close_statement_request, statement, wire_u32, WIRE_ONE),
};
static const struct wire_type close_statement_request_type =
    STRUCT(struct wire_close_statement_request, close_statement_request_fields);

static const struct wire_field fetch_request_fields[] = {
    FIELD(struct wire_fetch_request, cursor, wire_u64, WIRE_ONE),
    FIELD(struct wire_fetch_request, page, page_type, WIRE_ONE),
};
static const struct wire_type fetch_request_type = STRUCT(struct wire_fetch_request, fetch_request_fields);

static const struct wire_field close_cursor_request_fields[] = {
    FIELD(struct wire_close_cursor_request, cursor, wire_u64, WIRE_ONE),
};
static const struct wire_type close_cursor_request_type =
    STRUCT(struct wire_close_cursor_request, close_cursor_request_fields);

static const struct wire_field begin_request_fields[] = {
    FIELD(struct wire_begin_request, isolation, isolation_type, WIRE_ONE),
    FIELD(struct wire_begin_request, access, access_type, WIRE_ONE),
};
static const struct wire_type begin_request_type = STRUCT(struct wire_begin_request, begin_request_fields);

static const struct wire_field prove_request_fields[] = {
    FIELD(struct wire_prove_request, proof, proof_type, WIRE_ONE),
};
static const struct wire_type prove_request_type = STRUCT(struct wire_prove_request, prove_request_fields);

static const struct wire_field cancel_request_fields[] = {
    FIELD(struct wire_cancel_request, connection, wire_u64, WIRE_ONE),
    FIELD(struct wire_cancel_request, secret, wire_bytes, WIRE_ONE),
};
static const struct wire_type cancel_request_type = STRUCT(struct wire_cancel_request, cancel_request_fields);

static const struct wire_field append_request_fields[] = {
    FIELD(struct wire_append_request, stream_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_append_request, events, wire_bytes, WIRE_LIST),
    FIELD(struct wire_append_request, expected_offset, wire_u64, WIRE_OPTION),
};
static const struct wire_type append_request_type = STRUCT(struct wire_append_request, append_request_fields);

static const struct wire_field options_request_fields[] = {
    FIELD(struct wire_options_request, names, wire_text, WIRE_LIST),
};
static const struct wire_type options_request_type = STRUCT(struct wire_options_request, options_request_fields);

static const struct wire_field compile_request_fields[] = {
    FIELD(struct wire_compile_request, statement, wire_u32, WIRE_ONE),
    FIELD(struct wire_compile_request, sql, wire_text, WIRE_ONE),
    FIELD(struct wire_compile_request, parameter_types, wire_u32, WIRE_LIST),
    FIELD(struct wire_compile_request, at, moment_type, WIRE_ONE),
};
static const struct wire_type compile_request_type = STRUCT(struct wire_compile_request, compile_request_fields);

static const struct wire_field authenticate_request_fields[] = {
    FIELD(struct wire_authenticate_request, user, wire_text, WIRE_ONE),
    FIELD(struct wire_authenticate_request, mechanism, wire_text, WIRE_ONE),
    FIELD(struct wire_authenticate_request, message, wire_bytes, WIRE_ONE),
    FIELD(struct wire_authenticate_request, tenant_name, wire_text, WIRE_OPTION),
};
static const struct wire_type authenticate_request_type =
    STRUCT(struct wire_authenticate_request, authenticate_request_fields);

static const struct wire_field authenticate_next_request_fields[] = {
    FIELD(struct wire_authenticate_next_request, message, wire_bytes, WIRE_ONE),
};
static const struct wire_type authenticate_next_request_type =
    STRUCT(struct wire_authenticate_next_request, authenticate_next_request_fields);

static const struct wire_field find_tenant_request_fields[] = {
    FIELD(struct wire_find_tenant_request, name, wire_text, WIRE_ONE),
};
static const struct wire_type find_tenant_request_type =
    STRUCT(struct wire_find_tenant_request, find_tenant_request_fields);

static const struct wire_field verifier_request_fields[] = {
    FIELD(struct wire_verifier_request, tenant_id, wire_u64, WIRE_ONE),
};
static const struct wire_type verifier_request_type = STRUCT(struct wire_verifier_request, verifier_request_fields);

static const struct wire_field copy_data_request_fields[] = {
    FIELD(struct wire_copy_data_request, bytes, wire_bytes, WIRE_ONE),
};
static const struct wire_type copy_data_request_type = STRUCT(struct wire_copy_data_request, copy_data_request_fields);

static const struct wire_field copy_end_request_fields[] = {
    FIELD(struct wire_copy_end_request, failure, wire_text, WIRE_OPTION),
};
static const struct wire_type copy_end_request_type = STRUCT(struct wire_copy_end_request, copy_end_request_fields);

static const struct wire_field open_appender_request_fields[] = {
    FIELD(struct wire_open_appender_request, appender, wire_u32, WIRE_ONE),
    FIELD(struct wire_open_appender_request, table, wire_text, WIRE_ONE),
};
static const struct wire_type open_appender_request_type =
    STRUCT(struct wire_open_appender_request, open_appender_request_fields);

static const struct wire_field append_rows_request_fields[] = {
    FIELD(struct wire_append_rows_request, appender, wire_u32, WIRE_ONE),
    FIELD(struct wire_append_rows_request, rows, typed_row_type, WIRE_LIST),
    FIELD(struct wire_append_rows_request, defaults, wire_u64, WIRE_LIST),
    FIELD(struct wire_append_rows_request, flush, wire_bool, WIRE_ONE),
};
static const struct wire_type append_rows_request_type =
    STRUCT(struct wire_append_rows_request, append_rows_request_fields);

static const struct wire_field close_appender_request_fields[] = {
    FIELD(struct wire_close_appender_request, appender, wire_u32, WIRE_ONE),
};
static const struct wire_type close_appender_request_type =
    STRUCT(struct wire_close_appender_request, close_appender_request_fields);

#define PLACE(number) (number) - WIRE_EXTENSION_FIRST

static const struct wire_member requests[] = {
    [PLACE(WIRE_REQUEST_RUN)] = {"Run", &run_request_type},
    [PLACE(WIRE_REQUEST_PREPARE)] = {"Prepare", &prepare_request_type},
    [PLACE(WIRE_REQUEST_EXECUTE)] = {"Execute", &execute_request_type},
    [PLACE(WIRE_REQUEST_CLOSE_STATEMENT)] = {"CloseStatement", &close_statement_request_type},
    [PLACE(WIRE_REQUEST_FETCH)] = {"Fetch", &fetch_request_type},
    [PLACE(WIRE_REQUEST_CLOSE_CURSOR)] = {"CloseCursor", &close_cursor_request_type},
    [PLACE(WIRE_REQUEST_BEGIN)] = {"Begin", &begin_request_type},
    [PLACE(WIRE_REQUEST_COMMIT)] = {"Commit", NULL},
    [PLACE(WIRE_REQUEST_ROLLBACK)] = {"Rollback", NULL},
    [PLACE(WIRE_REQUEST_POSITION)] = {"Position", NULL},
    [PLACE(WIRE_REQUEST_PROVE)] = {"Prove", &prove_request_type},
    [PLACE(WIRE_REQUEST_SESSION_KEY)] = {"SessionKey", NULL},
    [PLACE(WIRE_REQUEST_CANCEL)] = {"Cancel", &cancel_request_type},
    [PLACE(WIRE_REQUEST_APPEND)] = {"Append", &append_request_type},
    [PLACE(WIRE_REQUEST_LIST_STREAMS)] = {"ListStreams", NULL},
    [PLACE(WIRE_REQUEST_OPTIONS)] = {"Options", &options_request_type},
    [PLACE(WIRE_REQUEST_STATE)] = {"State", NULL},
    [PLACE(WIRE_REQUEST_COMPILE)] = {"Compile", &compile_request_type},
    [PLACE(WIRE_REQUEST_AUTHENTICATE)] = {"Authenticate", &authenticate_request_type},
    [PLACE(WIRE_REQUEST_AUTHENTICATE_NEXT)] = {"AuthenticateNext", &authenticate_next_request_type},
    [PLACE(WIRE_REQUEST_FIND_TENANT)] = {"FindTenant", &find_tenant_request_type},
    [PLACE(WIRE_REQUEST_LIST_TENANTS)] = {"ListTenants", NULL},
    [PLACE(WIRE_REQUEST_VERIFIER)] = {"Verifier", &verifier_request_type},
    [PLACE(WIRE_REQUEST_DATABASE_INFO)] = {"DatabaseInfo", NULL},
    [PLACE(WIRE_REQUEST_STATE_HASH)] = {"StateHash", NULL},
    [PLACE(WIRE_REQUEST_CHECKPOINT)] = {"Checkpoint", NULL},
    [PLACE(WIRE_REQUEST_COPY_DATA)] = {"CopyData", &copy_data_request_type},
    [PLACE(WIRE_REQUEST_COPY_END)] = {"CopyEnd", &copy_end_request_type},
    [PLACE(WIRE_REQUEST_OPEN_APPENDER)] = {"OpenAppender", &open_appender_request_type},
    [PLACE(WIRE_REQUEST_APPEND_ROWS)] = {"AppendRows", &append_rows_request_type},
    [PLACE(WIRE_REQUEST_CLOSE_APPENDER)] = {"CloseAppender", &close_appender_request_type},
};

/* --- responses --- */

static const struct wire_field error_detail_response_fields[] = {
    FIELD(struct wire_error_detail_response, code, wire_error_code_type, WIRE_ONE),
    FIELD(struct wire_error_detail_response, sqlstate, wire_text, WIRE_ONE),
    FIELD(struct wire_error_detail_response, name, wire_text, WIRE_ONE),
    FIELD(struct wire_error_detail_response, message, wire_text, WIRE_ONE),
    FIELD(struct wire_error_detail_response, detail, wire_text, WIRE_OPTION),
    FIELD(struct wire_error_detail_response, hint, wire_text, WIRE_OPTION),
    FIELD(struct wire_error_detail_response, position, wire_u32, WIRE_OPTION),
};
static const struct wire_type error_detail_response_type =
    STRUCT(struct wire_error_detail_response, error_detail_response_fields);

static const struct wire_field rows_response_fields[] = {
    FIELD(struct wire_rows_response, columns, column_type, WIRE_LIST),
    FIELD(struct wire_rows_response, rows, typed_row_type, WIRE_LIST),
    FIELD(struct wire_rows_response, cursor, wire_u64, WIRE_OPTION),
    FIELD(struct wire_rows_response, command, wire_text, WIRE_OPTION),
    FIELD(struct wire_rows_response, rows_affected, wire_u64, WIRE_ONE),
    FIELD(struct wire_rows_response, position, wire_u64, WIRE_ONE),
};
static const struct wire_type rows_response_type = STRUCT(struct wire_rows_response, rows_response_fields);

static const struct wire_field prepared_response_fields[] = {
    FIELD(struct wire_prepared_response, statement, wire_u32, WIRE_ONE),
    FIELD(struct wire_prepared_response, parameter_types, wire_u32, WIRE_LIST),
    FIELD(struct wire_prepared_response, columns, column_type, WIRE_LIST),
    FIELD(struct wire_prepared_response, writes, wire_bool, WIRE_ONE),
};
static const struct wire_type prepared_response_type = STRUCT(struct wire_prepared_response, prepared_response_fields);

static const struct wire_field transaction_response_fields[] = {
    FIELD(struct wire_transaction_response, state, transaction_state_type, WIRE_ONE),
    FIELD(struct wire_transaction_response, position, wire_u64, WIRE_ONE),
};
static const struct wire_type transaction_response_type =
    STRUCT(struct wire_transaction_response, transaction_response_fields);

static const struct wire_field position_response_fields[] = {
    FIELD(struct wire_position_response, position, wire_u64, WIRE_ONE),
    FIELD(struct wire_position_response, sequence, wire_u64, WIRE_ONE),
    FIELD(struct wire_position_response, time_micros, wire_i64, WIRE_ONE),
};
static const struct wire_type position_response_type = STRUCT(struct wire_position_response, position_response_fields);

static const struct wire_field proof_response_fields[] = {
    FIELD(struct wire_proof_response, text, wire_text, WIRE_ONE),
};
static const struct wire_type proof_response_type = STRUCT(struct wire_proof_response, proof_response_fields);

static const struct wire_field session_key_response_fields[] = {
    FIELD(struct wire_session_key_response, connection, wire_u64, WIRE_ONE),
    FIELD(struct wire_session_key_response, secret, wire_bytes, WIRE_ONE),
};
static const struct wire_type session_key_response_type =
    STRUCT(struct wire_session_key_response, session_key_response_fields);

static const struct wire_field appended_response_fields[] = {
    FIELD(struct wire_appended_response, first_offset, wire_u64, WIRE_ONE),
    FIELD(struct wire_appended_response, count, wire_u32, WIRE_ONE),
    FIELD(struct wire_appended_response, position, wire_u64, WIRE_ONE),
};
static const struct wire_type appended_response_type = STRUCT(struct wire_appended_response, appended_response_fields);

static const struct wire_field stream_info_fields[] = {
    FIELD(struct wire_stream_info, stream_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_stream_info, name, wire_text, WIRE_ONE),
    FIELD(struct wire_stream_info, data_class, wire_data_class_type, WIRE_ONE),
    FIELD(struct wire_stream_info, length, wire_u64, WIRE_ONE),
};
static const struct wire_type stream_info_type = STRUCT(struct wire_stream_info, stream_info_fields);

static const struct wire_field streams_response_fields[] = {
    FIELD(struct wire_streams_response, streams, stream_info_type, WIRE_LIST),
};
static const struct wire_type streams_response_type = STRUCT(struct wire_streams_response, streams_response_fields);

static const struct wire_member copy_members[] = {{"None", NULL}, {"In", NULL}, {"Out", NULL}};
static const struct wire_type copy_type = ENUM(copy_members);

static const struct wire_field compiled_response_fields[] = {
    FIELD(struct wire_compiled_response, statement, wire_u32, WIRE_ONE),
    FIELD(struct wire_compiled_response, parameters, column_type, WIRE_LIST),
    FIELD(struct wire_compiled_response, columns, column_type, WIRE_LIST),
    FIELD(struct wire_compiled_response, writes, wire_bool, WIRE_ONE),
    FIELD(struct wire_compiled_response, copy, copy_type, WIRE_ONE),
};
static const struct wire_type compiled_response_type = STRUCT(struct wire_compiled_response, compiled_response_fields);

static const struct wire_field authenticating_response_fields[] = {
    FIELD(struct wire_authenticating_response, message, wire_bytes, WIRE_ONE),
    FIELD(struct wire_authenticating_response, done, wire_bool, WIRE_ONE),
    FIELD(struct wire_authenticating_response, tenant_id, wire_u64, WIRE_ONE),
};
static const struct wire_type authenticating_response_type =
    STRUCT(struct wire_authenticating_response, authenticating_response_fields);

static const struct wire_field tenant_facts_fields[] = {
    FIELD(struct wire_tenant_facts, tenant_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_tenant_facts, name, wire_text, WIRE_ONE),
    FIELD(struct wire_tenant_facts, position, wire_u64, WIRE_ONE),
    FIELD(struct wire_tenant_facts, entries, wire_u64, WIRE_ONE),
};
static const struct wire_type tenant_facts_type = STRUCT(struct wire_tenant_facts, tenant_facts_fields);

static const struct wire_field tenants_response_fields[] = {
    FIELD(struct wire_tenants_response, tenants, tenant_facts_type, WIRE_LIST),
};
static const struct wire_type tenants_response_type = STRUCT(struct wire_tenants_response, tenants_response_fields);

static const struct wire_field text_response_fields[] = {
    FIELD(struct wire_text_response, text, wire_text, WIRE_ONE),
};
static const struct wire_type text_response_type = STRUCT(struct wire_text_response, text_response_fields);

static const struct wire_field database_info_response_fields[] = {
    FIELD(struct wire_database_info_response, uuid, wire_text, WIRE_ONE),
    FIELD(struct wire_database_info_response, encrypted, wire_bool, WIRE_ONE),
    FIELD(struct wire_database_info_response, key_on_same_filesystem, wire_bool, WIRE_ONE),
    FIELD(struct wire_database_info_response, clock_refused, wire_bool, WIRE_ONE),
    FIELD(struct wire_database_info_response, op, wire_u64, WIRE_ONE),
    FIELD(struct wire_database_info_response, log_bytes, wire_u64, WIRE_ONE),
    FIELD(struct wire_database_info_response, store_bytes, wire_u64, WIRE_ONE),
    FIELD(struct wire_database_info_response, cache_bytes, wire_u64, WIRE_ONE),
    FIELD(struct wire_database_info_response, pinned_roots, wire_u64, WIRE_ONE),
    FIELD(struct wire_database_info_response, pinned_oldest_op, wire_u64, WIRE_ONE),
    FIELD(struct wire_database_info_response, pinned_bytes, wire_u64, WIRE_ONE),
    FIELD(struct wire_database_info_response, recovered_entries, wire_u64, WIRE_ONE),
    FIELD(struct wire_database_info_response, cut_bytes, wire_u64, WIRE_ONE),
    FIELD(struct wire_database_info_response, tenants, wire_u32, WIRE_ONE),
};
static const struct wire_type database_info_response_type =
    STRUCT(struct wire_database_info_response, database_info_response_fields);

static const struct wire_field append_column_fields[] = {
    FIELD(struct wire_append_column, column, column_type, WIRE_ONE),
    FIELD(struct wire_append_column, not_null, wire_bool, WIRE_ONE),
};
static const struct wire_type append_column_type = STRUCT(struct wire_append_column, append_column_fields);

static const struct wire_field appender_response_fields[] = {
    FIELD(struct wire_appender_response, columns, append_column_type, WIRE_LIST),
};
static const struct wire_type appender_response_type = STRUCT(struct wire_appender_response, appender_response_fields);

static const struct wire_field error_full_response_fields[] = {
    FIELD(struct wire_error_full_response, detail, error_detail_response_type, WIRE_ONE),
    FIELD(struct wire_error_full_response, schema, wire_text, WIRE_OPTION),
    FIELD(struct wire_error_full_response, table, wire_text, WIRE_OPTION),
    FIELD(struct wire_error_full_response, column, wire_text, WIRE_OPTION),
    FIELD(struct wire_error_full_response, constraint, wire_text, WIRE_OPTION),
    FIELD(struct wire_error_full_response, context, wire_text, WIRE_OPTION),
};
static const struct wire_type error_full_response_type =
    STRUCT(struct wire_error_full_response, error_full_response_fields);

static const struct wire_member responses[] = {
    [PLACE(WIRE_RESPONSE_ERROR_DETAIL)] = {"ErrorDetail", &error_detail_response_type},
    [PLACE(WIRE_RESPONSE_ROWS)] = {"Rows", &rows_response_type},
    [PLACE(WIRE_RESPONSE_PREPARED)] = {"Prepared", &prepared_response_type},
    [PLACE(WIRE_RESPONSE_CLOSED)] = {"Closed", NULL},
    [PLACE(WIRE_RESPONSE_TRANSACTION)] = {"Transaction", &transaction_response_type},
    [PLACE(WIRE_RESPONSE_POSITION)] = {"Position", &position_response_type},
    [PLACE(WIRE_RESPONSE_PROOF)] = {"Proof", &proof_response_type},
    [PLACE(WIRE_RESPONSE_SESSION_KEY)] = {"SessionKey", &session_key_response_type},
    [PLACE(WIRE_RESPONSE_CANCELLED)] = {"Cancelled", NULL},
    [PLACE(WIRE_RESPONSE_APPENDED)] = {"Appended", &appended_response_type},
    [PLACE(WIRE_RESPONSE_STREAMS)] = {"Streams", &streams_response_type},
    [PLACE(WIRE_RESPONSE_DONE)] = {"Done", NULL},
    [PLACE(WIRE_RESPONSE_COMPILED)] = {"Compiled", &compiled_response_type},
    [PLACE(WIRE_RESPONSE_AUTHENTICATING)] = {"Authenticating", &authenticating_response_type},
    [PLACE(WIRE_RESPONSE_TENANTS)] = {"Tenants", &tenants_response_type},
    [PLACE(WIRE_RESPONSE_TEXT)] = {"Text", &text_response_type},
    [PLACE(WIRE_RESPONSE_DATABASE_INFO)] = {"DatabaseInfo", &database_info_response_type},
    [PLACE(WIRE_RESPONSE_APPENDER)] = {"Appender", &appender_response_type},
    [PLACE(WIRE_RESPONSE_ERROR_FULL)] = {"ErrorFull", &error_full_response_type},
};

/* --- pushes --- */

static const struct wire_field notification_push_fields[] = {
    FIELD(struct wire_notification_push, tenant_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_notification_push, channel, wire_text, WIRE_ONE),
    FIELD(struct wire_notification_push, payload, wire_text, WIRE_ONE),
    FIELD(struct wire_notification_push, session, wire_u64, WIRE_ONE),
};
static const struct wire_type notification_push_type = STRUCT(struct wire_notification_push, notification_push_fields);

static const struct wire_field setting_push_fields[] = {
    FIELD(struct wire_setting_push, tenant_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_setting_push, name, wire_text, WIRE_ONE),
    FIELD(struct wire_setting_push, value, wire_text, WIRE_ONE),
};
static const struct wire_type setting_push_type = STRUCT(struct wire_setting_push, setting_push_fields);

static const struct wire_field copy_out_push_fields[] = {
    FIELD(struct wire_copy_out_push, request_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_copy_out_push, bytes, wire_bytes, WIRE_ONE),
};
static const struct wire_type copy_out_push_type = STRUCT(struct wire_copy_out_push, copy_out_push_fields);

static const struct wire_field notice_push_fields[] = {
    FIELD(struct wire_notice_push, tenant_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_notice_push, severity, wire_text, WIRE_ONE),
    FIELD(struct wire_notice_push, sqlstate, wire_text, WIRE_ONE),
    FIELD(struct wire_notice_push, message, wire_text, WIRE_ONE),
    FIELD(struct wire_notice_push, detail, wire_text, WIRE_OPTION),
    FIELD(struct wire_notice_push, hint, wire_text, WIRE_OPTION),
};
static const struct wire_type notice_push_type = STRUCT(struct wire_notice_push, notice_push_fields);

static const struct wire_member pushes[] = {
    [PLACE(WIRE_PUSH_NOTIFICATION)] = {"Notification", &notification_push_type},
    [PLACE(WIRE_PUSH_SETTING)] = {"Setting", &setting_push_type},
    [PLACE(WIRE_PUSH_COPY_OUT)] = {"CopyOut", &copy_out_push_type},
    [PLACE(WIRE_PUSH_NOTICE)] = {"Notice", &notice_push_type},
};

_Static_assert(COUNT(pushes) == PLACE(WIRE_PUSH_END), "each push has its description");
_Static_assert(COUNT(requests) == PLACE(WIRE_REQUEST_END), "each request has its description");
_Static_assert(COUNT(responses) == PLACE(WIRE_RESPONSE_END), "each response has its description");

const struct wire_member *wire_extension(uint32_t direction, uint32_t variant) {
    static const struct {
        const struct wire_member *variants;
        uint32_t count;
    } directions[] = {
        [WIRE_REQUEST] = {requests, COUNT(requests)},
        [WIRE_RESPONSE] = {responses, COUNT(responses)},
        [WIRE_PUSH] = {pushes, COUNT(pushes)},
    };
    if (variant < WIRE_EXTENSION_FIRST || variant - WIRE_EXTENSION_FIRST >= directions[direction].count) {
        return NULL;
    }
    return &directions[direction].variants[variant - WIRE_EXTENSION_FIRST];
}

const struct wire_type *wire_typed_type(void) {
    return &typed_type;
}

const struct wire_type *wire_column_type(void) {
    return &column_type;
}
