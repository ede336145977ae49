/*
 * The messages of the native protocol, version 5 as releases 0.8.0 and 0.9.1 speak it. 0.9 appended to two enums:
 * consent purposes from Treatment on and the error codes TenantIdTooLarge and RowVersionChainTooLarge, which a 0.8
 * client does not know.
 *
 * Names are those of the protocol's reference. Times are nanoseconds since 1970, stream ids (tenant << 32) | local.
 * What was decoded borrows from the payload and lives in the caller's arena.
 */
#ifndef KMB_WIRE_MESSAGE_H
#define KMB_WIRE_MESSAGE_H

#include "wire/schema.h"

/* The layout of struct wire_list with items of a type. */
#define WIRE_LIST_OF(element)                                                                                          \
    struct {                                                                                                           \
        uint32_t count;                                                                                                \
        element *items;                                                                                                \
    }

enum wire_data_class {
    WIRE_DATA_CLASS_PHI,
    WIRE_DATA_CLASS_DEIDENTIFIED,
    WIRE_DATA_CLASS_PII,
    WIRE_DATA_CLASS_SENSITIVE,
    WIRE_DATA_CLASS_PCI,
    WIRE_DATA_CLASS_FINANCIAL,
    WIRE_DATA_CLASS_CONFIDENTIAL,
    WIRE_DATA_CLASS_PUBLIC,
};

enum wire_cluster_mode {
    WIRE_CLUSTER_MODE_STANDALONE,
    WIRE_CLUSTER_MODE_CLUSTERED,
};

enum wire_consent_purpose {
    WIRE_CONSENT_PURPOSE_MARKETING,
    WIRE_CONSENT_PURPOSE_ANALYTICS,
    WIRE_CONSENT_PURPOSE_CONTRACTUAL,
    WIRE_CONSENT_PURPOSE_LEGAL_OBLIGATION,
    WIRE_CONSENT_PURPOSE_VITAL_INTERESTS,
    WIRE_CONSENT_PURPOSE_PUBLIC_TASK,
    WIRE_CONSENT_PURPOSE_RESEARCH,
    WIRE_CONSENT_PURPOSE_SECURITY,
    WIRE_CONSENT_PURPOSE_TREATMENT,
    WIRE_CONSENT_PURPOSE_PAYMENT,
    WIRE_CONSENT_PURPOSE_OPERATIONS,
    WIRE_CONSENT_PURPOSE_PUBLIC_HEALTH,
    WIRE_CONSENT_PURPOSE_EMERGENCY,
};

enum wire_consent_scope {
    WIRE_CONSENT_SCOPE_ALL_DATA,
    WIRE_CONSENT_SCOPE_CONTACT_INFO,
    WIRE_CONSENT_SCOPE_ANALYTICS_ONLY,
    WIRE_CONSENT_SCOPE_CONTRACTUAL_NECESSITY,
};

enum wire_gdpr_article {
    WIRE_GDPR_ARTICLE_CONSENT,
    WIRE_GDPR_ARTICLE_CONTRACT,
    WIRE_GDPR_ARTICLE_LEGAL_OBLIGATION,
    WIRE_GDPR_ARTICLE_VITAL_INTERESTS,
    WIRE_GDPR_ARTICLE_PUBLIC_TASK,
    WIRE_GDPR_ARTICLE_LEGITIMATE_INTERESTS,
};

enum wire_erasure_exemption {
    WIRE_ERASURE_EXEMPTION_LEGAL_OBLIGATION,
    WIRE_ERASURE_EXEMPTION_PUBLIC_HEALTH,
    WIRE_ERASURE_EXEMPTION_ARCHIVING,
    WIRE_ERASURE_EXEMPTION_LEGAL_CLAIMS,
};

enum wire_export_format {
    WIRE_EXPORT_FORMAT_JSON,
    WIRE_EXPORT_FORMAT_CSV,
};

enum wire_breach_severity {
    WIRE_BREACH_SEVERITY_LOW,
    WIRE_BREACH_SEVERITY_MEDIUM,
    WIRE_BREACH_SEVERITY_HIGH,
    WIRE_BREACH_SEVERITY_CRITICAL,
};

enum wire_close_reason {
    WIRE_CLOSE_REASON_CLIENT_CANCELLED,
    WIRE_CLOSE_REASON_SERVER_SHUTDOWN,
    WIRE_CLOSE_REASON_STREAM_DELETED,
    WIRE_CLOSE_REASON_BACKPRESSURE_TIMEOUT,
    WIRE_CLOSE_REASON_PROTOCOL_ERROR,
};

enum wire_error_code {
    WIRE_ERROR_CODE_UNKNOWN,
    WIRE_ERROR_CODE_INTERNAL_ERROR,
    WIRE_ERROR_CODE_INVALID_REQUEST,
    WIRE_ERROR_CODE_AUTHENTICATION_FAILED,
    WIRE_ERROR_CODE_TENANT_NOT_FOUND,
    WIRE_ERROR_CODE_STREAM_NOT_FOUND,
    WIRE_ERROR_CODE_TABLE_NOT_FOUND,
    WIRE_ERROR_CODE_QUERY_PARSE_ERROR,
    WIRE_ERROR_CODE_QUERY_EXECUTION_ERROR,
    WIRE_ERROR_CODE_POSITION_AHEAD,
    WIRE_ERROR_CODE_STREAM_ALREADY_EXISTS,
    WIRE_ERROR_CODE_INVALID_OFFSET,
    WIRE_ERROR_CODE_STORAGE_ERROR,
    WIRE_ERROR_CODE_PROJECTION_LAG,
    WIRE_ERROR_CODE_RATE_LIMITED,
    WIRE_ERROR_CODE_NOT_LEADER,
    WIRE_ERROR_CODE_OFFSET_MISMATCH,
    WIRE_ERROR_CODE_SUBSCRIPTION_NOT_FOUND,
    WIRE_ERROR_CODE_SUBSCRIPTION_CLOSED,
    WIRE_ERROR_CODE_SUBSCRIPTION_BACKPRESSURE,
    WIRE_ERROR_CODE_API_KEY_NOT_FOUND,
    WIRE_ERROR_CODE_TENANT_ALREADY_EXISTS,
    WIRE_ERROR_CODE_CONSENT_NOT_FOUND,
    WIRE_ERROR_CODE_CONSENT_EXPIRED,
    WIRE_ERROR_CODE_ERASURE_NOT_FOUND,
    WIRE_ERROR_CODE_ERASURE_ALREADY_COMPLETE,
    WIRE_ERROR_CODE_ERASURE_EXEMPT,
    WIRE_ERROR_CODE_BREACH_NOT_FOUND,
    WIRE_ERROR_CODE_EXPORT_NOT_FOUND,
    WIRE_ERROR_CODE_UNIQUE_CONSTRAINT_VIOLATION,
    WIRE_ERROR_CODE_TENANT_ID_TOO_LARGE,
    WIRE_ERROR_CODE_ROW_VERSION_CHAIN_TOO_LARGE,
};

enum wire_region_tag {
    WIRE_REGION_USEAST1,
    WIRE_REGION_APSOUTHEAST2,
    WIRE_REGION_CUSTOM,
};

struct wire_region {
    uint32_t tag; /* enum wire_region_tag */
    union {
        struct slice custom;
    } as;
};

enum wire_placement_tag {
    WIRE_PLACEMENT_REGION,
    WIRE_PLACEMENT_GLOBAL,
};

struct wire_placement {
    uint32_t tag; /* enum wire_placement_tag */
    union {
        struct wire_region region;
    } as;
};

enum wire_value_tag {
    WIRE_VALUE_NULL,
    WIRE_VALUE_BIG_INT,
    WIRE_VALUE_TEXT,
    WIRE_VALUE_BOOLEAN,
    WIRE_VALUE_TIMESTAMP,
};

struct wire_value {
    uint32_t tag; /* enum wire_value_tag */
    union {
        int64_t big_int;
        struct slice text;
        bool boolean;
        int64_t timestamp;
    } as;
};

enum wire_erasure_status_tag {
    WIRE_ERASURE_STATUS_PENDING,
    WIRE_ERASURE_STATUS_IN_PROGRESS,
    WIRE_ERASURE_STATUS_COMPLETE,
    WIRE_ERASURE_STATUS_FAILED,
    WIRE_ERASURE_STATUS_EXEMPT,
};

struct wire_erasure_status_in_progress {
    uint32_t streams_remaining;
};

struct wire_erasure_status_complete {
    uint64_t erased_at_nanos;
    uint64_t total_records;
};

struct wire_erasure_status_failed {
    struct slice reason;
    uint64_t retry_at_nanos;
};

struct wire_erasure_status_exempt {
    uint32_t basis; /* enum wire_erasure_exemption */
};

struct wire_erasure_status {
    uint32_t tag; /* enum wire_erasure_status_tag */
    union {
        struct wire_erasure_status_in_progress in_progress;
        struct wire_erasure_status_complete complete;
        struct wire_erasure_status_failed failed;
        struct wire_erasure_status_exempt exempt;
    } as;
};

enum wire_breach_indicator_tag {
    WIRE_BREACH_INDICATOR_MASS_DATA_EXPORT,
    WIRE_BREACH_INDICATOR_UNAUTHORIZED_ACCESS_PATTERN,
    WIRE_BREACH_INDICATOR_PRIVILEGE_ESCALATION,
    WIRE_BREACH_INDICATOR_ANOMALOUS_QUERY_VOLUME,
    WIRE_BREACH_INDICATOR_UNUSUAL_ACCESS_TIME,
    WIRE_BREACH_INDICATOR_DATA_EXFILTRATION_PATTERN,
};

struct wire_breach_indicator_mass_data_export {
    uint64_t records;
    WIRE_LIST_OF(uint32_t) data_classes; /* enum wire_data_class */
};

struct wire_breach_indicator_unauthorized_access_pattern {
    uint64_t denied_attempts;
    uint64_t window_secs;
};

struct wire_breach_indicator_privilege_escalation {
    struct slice from_role;
    struct slice to_role;
};

struct wire_breach_indicator_anomalous_query_volume {
    uint64_t queries_per_min;
    uint64_t baseline;
};

struct wire_breach_indicator_unusual_access_time {
    uint8_t hour;
};

struct wire_breach_indicator_data_exfiltration_pattern {
    uint64_t bytes_exported;
    WIRE_LIST_OF(uint32_t) data_classes; /* enum wire_data_class */
};

struct wire_breach_indicator {
    uint32_t tag; /* enum wire_breach_indicator_tag */
    union {
        struct wire_breach_indicator_mass_data_export mass_data_export;
        struct wire_breach_indicator_unauthorized_access_pattern unauthorized_access_pattern;
        struct wire_breach_indicator_privilege_escalation privilege_escalation;
        struct wire_breach_indicator_anomalous_query_volume anomalous_query_volume;
        struct wire_breach_indicator_unusual_access_time unusual_access_time;
        struct wire_breach_indicator_data_exfiltration_pattern data_exfiltration_pattern;
    } as;
};

enum wire_breach_status_tag {
    WIRE_BREACH_STATUS_DETECTED,
    WIRE_BREACH_STATUS_UNDER_INVESTIGATION,
    WIRE_BREACH_STATUS_CONFIRMED,
    WIRE_BREACH_STATUS_FALSE_POSITIVE,
    WIRE_BREACH_STATUS_RESOLVED,
};

struct wire_breach_status_confirmed {
    uint64_t *notification_sent_at_nanos;
};

struct wire_breach_status_false_positive {
    struct slice dismissed_by;
    struct slice reason;
};

struct wire_breach_status_resolved {
    uint64_t resolved_at_nanos;
    struct slice remediation;
};

struct wire_breach_status {
    uint32_t tag; /* enum wire_breach_status_tag */
    union {
        struct wire_breach_status_confirmed confirmed;
        struct wire_breach_status_false_positive false_positive;
        struct wire_breach_status_resolved resolved;
    } as;
};

enum wire_masking_strategy_tag {
    WIRE_MASKING_STRATEGY_REDACT,
    WIRE_MASKING_STRATEGY_HASH,
    WIRE_MASKING_STRATEGY_TOKENIZE,
    WIRE_MASKING_STRATEGY_TRUNCATE,
    WIRE_MASKING_STRATEGY_NULL,
};

struct wire_masking_strategy_redact {
    struct slice pattern;
    struct slice *replacement;
};

struct wire_masking_strategy_truncate {
    uint64_t max_chars;
};

struct wire_masking_strategy {
    uint32_t tag; /* enum wire_masking_strategy_tag */
    union {
        struct wire_masking_strategy_redact redact;
        struct wire_masking_strategy_truncate truncate;
    } as;
};

struct wire_audit {
    struct slice *actor;
    struct slice *reason;
    struct slice *correlation_id;
    struct slice *idempotency_key;
};

struct wire_row {
    WIRE_LIST_OF(struct wire_value) cells;
};

struct wire_result {
    WIRE_LIST_OF(struct slice) columns;
    WIRE_LIST_OF(struct wire_row) rows;
};

struct wire_table_info {
    struct slice name;
    uint32_t column_count;
};

struct wire_column_info {
    struct slice name;
    struct slice data_type;
    bool nullable;
    bool primary_key;
};

struct wire_index_info {
    struct slice name;
    WIRE_LIST_OF(struct slice) columns;
};

struct wire_tenant_info {
    uint64_t tenant_id;
    struct slice *name;
    uint32_t table_count;
    uint64_t *created_at_nanos;
};

struct wire_api_key_info {
    struct slice key_id;
    struct slice subject;
    uint64_t tenant_id;
    WIRE_LIST_OF(struct slice) roles;
    uint64_t *expires_at_nanos;
};

struct wire_consent_basis {
    uint32_t article; /* enum wire_gdpr_article */
    struct slice *justification;
};

struct wire_consent_record {
    struct slice consent_id;
    struct slice subject_id;
    uint32_t purpose; /* enum wire_consent_purpose */
    uint32_t scope;   /* enum wire_consent_scope */
    uint64_t granted_at_nanos;
    uint64_t *withdrawn_at_nanos;
    uint64_t *expires_at_nanos;
    struct slice *notes;
    struct wire_consent_basis *basis;
    struct slice *terms_version;
    bool accepted;
};

struct wire_erasure_info {
    struct slice request_id;
    struct slice subject_id;
    uint64_t requested_at_nanos;
    uint64_t deadline_nanos;
    struct wire_erasure_status status;
    uint64_t records_erased;
    WIRE_LIST_OF(uint64_t) streams_affected;
};

struct wire_erasure_audit {
    struct slice request_id;
    struct slice subject_id;
    uint64_t requested_at_nanos;
    uint64_t completed_at_nanos;
    uint64_t records_erased;
    WIRE_LIST_OF(uint64_t) streams_affected;
    struct slice *erasure_proof_hex;
};

struct wire_audit_event {
    struct slice event_id;
    uint64_t timestamp_nanos;
    struct slice action;
    struct slice *subject_id;
    struct slice *actor;
    uint64_t *tenant_id;
    struct slice *ip_address;
    struct slice *correlation_id;
    struct slice *request_id;
    struct slice *reason;
    struct slice *source_country;
    WIRE_LIST_OF(struct slice) changed_field_names;
};

struct wire_export_info {
    struct slice export_id;
    struct slice subject_id;
    struct slice requester_id;
    uint64_t requested_at_nanos;
    uint64_t completed_at_nanos;
    uint32_t format; /* enum wire_export_format */
    WIRE_LIST_OF(uint64_t) streams_included;
    uint64_t record_count;
    struct slice content_hash_hex;
    struct slice *signature_hex;
    struct slice body_base64;
};

struct wire_breach_event {
    struct slice event_id;
    uint64_t detected_at_nanos;
    struct wire_breach_indicator indicator;
    uint32_t severity; /* enum wire_breach_severity */
    uint64_t *affected_subjects;
    WIRE_LIST_OF(uint32_t) affected_data_classes; /* enum wire_data_class */
    uint64_t notification_deadline_nanos;
    struct wire_breach_status status;
};

struct wire_breach_report {
    struct wire_breach_event event;
    WIRE_LIST_OF(struct slice) timeline;
    uint64_t affected_subject_count;
    WIRE_LIST_OF(uint32_t) data_categories; /* enum wire_data_class */
    WIRE_LIST_OF(struct slice) remediation_steps;
    struct slice notification_status;
};

struct wire_masking_policy {
    struct slice name;
    struct wire_masking_strategy strategy;
    WIRE_LIST_OF(struct slice) exempt_roles;
    bool default_masked;
    uint32_t attachment_count;
};

struct wire_masking_attachment {
    struct slice table_name;
    struct slice column_name;
    struct slice policy_name;
};

/* --- requests --- */

struct wire_handshake_request {
    uint16_t client_version;
    struct slice *auth_token;
};

struct wire_create_stream_request {
    struct slice name;
    uint32_t data_class; /* enum wire_data_class */
    struct wire_placement placement;
};

struct wire_append_events_request {
    uint64_t stream_id;
    WIRE_LIST_OF(struct slice) events;
    uint64_t expected_offset;
};

struct wire_query_request {
    struct slice sql;
    WIRE_LIST_OF(struct wire_value) params;
    struct slice *break_glass_reason;
};

struct wire_query_at_request {
    struct slice sql;
    WIRE_LIST_OF(struct wire_value) params;
    uint64_t position;
    struct slice *break_glass_reason;
};

struct wire_read_events_request {
    uint64_t stream_id;
    uint64_t from_offset;
    uint64_t max_bytes;
};

struct wire_stream_info_request {
    uint64_t stream_id;
};

struct wire_subscribe_request {
    uint64_t stream_id;
    uint64_t from_offset;
    uint32_t initial_credits;
    struct slice *consumer_group;
};

struct wire_subscribe_credit_request {
    uint64_t subscription_id;
    uint32_t additional_credits;
};

struct wire_unsubscribe_request {
    uint64_t subscription_id;
};

struct wire_describe_table_request {
    struct slice table_name;
};

struct wire_list_indexes_request {
    struct slice table_name;
};

struct wire_tenant_create_request {
    uint64_t tenant_id;
    struct slice *name;
};

struct wire_tenant_delete_request {
    uint64_t tenant_id;
};

struct wire_tenant_get_request {
    uint64_t tenant_id;
};

struct wire_api_key_register_request {
    struct slice subject;
    uint64_t tenant_id;
    WIRE_LIST_OF(struct slice) roles;
    uint64_t *expires_at_nanos;
};

struct wire_api_key_revoke_request {
    struct slice key;
};

struct wire_api_key_list_request {
    uint64_t *tenant_id;
};

struct wire_api_key_rotate_request {
    struct slice old_key;
};

struct wire_consent_grant_request {
    struct slice subject_id;
    uint32_t purpose; /* enum wire_consent_purpose */
    uint32_t *scope;  /* enum wire_consent_scope */
    struct wire_consent_basis *basis;
    struct slice *terms_version;
    bool accepted;
};

struct wire_consent_withdraw_request {
    struct slice consent_id;
};

struct wire_consent_check_request {
    struct slice subject_id;
    uint32_t purpose; /* enum wire_consent_purpose */
};

struct wire_consent_list_request {
    struct slice subject_id;
    bool valid_only;
};

struct wire_erasure_request_request {
    struct slice subject_id;
};

struct wire_erasure_mark_progress_request {
    struct slice request_id;
    WIRE_LIST_OF(uint64_t) streams;
};

struct wire_erasure_mark_stream_erased_request {
    struct slice request_id;
    uint64_t stream_id;
    uint64_t records_erased;
};

struct wire_erasure_complete_request {
    struct slice request_id;
};

struct wire_erasure_exempt_request {
    struct slice request_id;
    uint32_t basis; /* enum wire_erasure_exemption */
};

struct wire_erasure_status_request {
    struct slice request_id;
};

struct wire_audit_query_request {
    struct slice *subject_id;
    struct slice *action_type;
    uint64_t *time_from_nanos;
    uint64_t *time_to_nanos;
    struct slice *actor;
    uint32_t *limit;
};

struct wire_export_subject_request {
    struct slice subject_id;
    struct slice requester_id;
    uint32_t format; /* enum wire_export_format */
    WIRE_LIST_OF(uint64_t) stream_ids;
    uint64_t max_records_per_stream;
};

struct wire_verify_export_request {
    struct slice export_id;
    struct slice body_base64;
};

struct wire_breach_report_indicator_request {
    struct wire_breach_indicator indicator;
};

struct wire_breach_query_status_request {
    struct slice event_id;
};

struct wire_breach_confirm_request {
    struct slice event_id;
};

struct wire_breach_resolve_request {
    struct slice event_id;
    struct slice remediation;
};

struct wire_masking_policy_list_request {
    bool include_attachments;
};

enum wire_request_variant {
    WIRE_REQUEST_HANDSHAKE,
    WIRE_REQUEST_CREATE_STREAM,
    WIRE_REQUEST_APPEND_EVENTS,
    WIRE_REQUEST_QUERY,
    WIRE_REQUEST_QUERY_AT,
    WIRE_REQUEST_READ_EVENTS,
    WIRE_REQUEST_STREAM_INFO,
    WIRE_REQUEST_SUBSCRIBE,
    WIRE_REQUEST_SYNC,
    WIRE_REQUEST_SUBSCRIBE_CREDIT,
    WIRE_REQUEST_UNSUBSCRIBE,
    WIRE_REQUEST_LIST_TABLES,
    WIRE_REQUEST_DESCRIBE_TABLE,
    WIRE_REQUEST_LIST_INDEXES,
    WIRE_REQUEST_TENANT_CREATE,
    WIRE_REQUEST_TENANT_LIST,
    WIRE_REQUEST_TENANT_DELETE,
    WIRE_REQUEST_TENANT_GET,
    WIRE_REQUEST_API_KEY_REGISTER,
    WIRE_REQUEST_API_KEY_REVOKE,
    WIRE_REQUEST_API_KEY_LIST,
    WIRE_REQUEST_API_KEY_ROTATE,
    WIRE_REQUEST_GET_SERVER_INFO,
    WIRE_REQUEST_CONSENT_GRANT,
    WIRE_REQUEST_CONSENT_WITHDRAW,
    WIRE_REQUEST_CONSENT_CHECK,
    WIRE_REQUEST_CONSENT_LIST,
    WIRE_REQUEST_ERASURE_REQUEST,
    WIRE_REQUEST_ERASURE_MARK_PROGRESS,
    WIRE_REQUEST_ERASURE_MARK_STREAM_ERASED,
    WIRE_REQUEST_ERASURE_COMPLETE,
    WIRE_REQUEST_ERASURE_EXEMPT,
    WIRE_REQUEST_ERASURE_STATUS,
    WIRE_REQUEST_ERASURE_LIST,
    WIRE_REQUEST_AUDIT_QUERY,
    WIRE_REQUEST_VERIFY_AUDIT_CHAIN,
    WIRE_REQUEST_EXPORT_SUBJECT,
    WIRE_REQUEST_VERIFY_EXPORT,
    WIRE_REQUEST_BREACH_REPORT_INDICATOR,
    WIRE_REQUEST_BREACH_QUERY_STATUS,
    WIRE_REQUEST_BREACH_CONFIRM,
    WIRE_REQUEST_BREACH_RESOLVE,
    WIRE_REQUEST_MASKING_POLICY_LIST,
};

/* --- responses --- */

struct wire_error_response {
    uint32_t code; /* enum wire_error_code */
    struct slice message;
};

struct wire_handshake_response {
    uint16_t server_version;
    bool authenticated;
    WIRE_LIST_OF(struct slice) capabilities;
};

struct wire_create_stream_response {
    uint64_t stream_id;
};

struct wire_append_events_response {
    uint64_t first_offset;
    uint32_t count;
};

struct wire_read_events_response {
    WIRE_LIST_OF(struct slice) events;
    uint64_t *next_offset;
};

struct wire_stream_info_response {
    uint64_t length;
};

struct wire_subscribe_response {
    uint64_t subscription_id;
    uint64_t start_offset;
    uint32_t credits;
};

struct wire_sync_response {
    bool success;
};

struct wire_subscription_ack_response {
    uint64_t subscription_id;
    uint32_t credits_remaining;
};

struct wire_list_tables_response {
    WIRE_LIST_OF(struct wire_table_info) tables;
};

struct wire_describe_table_response {
    struct slice table_name;
    WIRE_LIST_OF(struct wire_column_info) columns;
};

struct wire_list_indexes_response {
    WIRE_LIST_OF(struct wire_index_info) indexes;
};

struct wire_tenant_create_response {
    struct wire_tenant_info tenant;
    bool created;
};

struct wire_tenant_list_response {
    WIRE_LIST_OF(struct wire_tenant_info) tenants;
};

struct wire_tenant_delete_response {
    bool deleted;
    uint32_t tables_dropped;
};

struct wire_tenant_get_response {
    struct wire_tenant_info tenant;
};

struct wire_api_key_register_response {
    struct slice key;
    struct wire_api_key_info info;
};

struct wire_api_key_revoke_response {
    bool revoked;
};

struct wire_api_key_list_response {
    WIRE_LIST_OF(struct wire_api_key_info) keys;
};

struct wire_api_key_rotate_response {
    struct slice new_key;
    struct wire_api_key_info info;
};

struct wire_server_info_response {
    struct slice build_version;
    uint16_t protocol_version;
    WIRE_LIST_OF(struct slice) capabilities;
    uint64_t uptime_secs;
    uint32_t cluster_mode; /* enum wire_cluster_mode */
    uint32_t tenant_count;
};

struct wire_consent_grant_response {
    struct slice consent_id;
    uint64_t granted_at_nanos;
};

struct wire_consent_withdraw_response {
    uint64_t withdrawn_at_nanos;
};

struct wire_consent_check_response {
    bool is_valid;
};

struct wire_consent_list_response {
    WIRE_LIST_OF(struct wire_consent_record) consents;
};

struct wire_erasure_request_response {
    struct wire_erasure_info request;
};

struct wire_erasure_mark_progress_response {
    struct wire_erasure_info request;
};

struct wire_erasure_mark_stream_erased_response {
    struct wire_erasure_info request;
};

struct wire_erasure_complete_response {
    struct wire_erasure_audit audit;
};

struct wire_erasure_exempt_response {
    struct wire_erasure_info request;
};

struct wire_erasure_status_response {
    struct wire_erasure_info request;
};

struct wire_erasure_list_response {
    WIRE_LIST_OF(struct wire_erasure_audit) audit;
};

struct wire_audit_query_response {
    WIRE_LIST_OF(struct wire_audit_event) events;
};

struct wire_verify_audit_chain_response {
    bool ok;
    uint64_t event_count;
    struct slice chain_head_hex;
    uint64_t *mismatch_at_index;
    struct slice *error_message;
};

struct wire_export_subject_response {
    struct wire_export_info export;
};

struct wire_verify_export_response {
    bool valid;
    bool signature_valid;
};

struct wire_breach_report_indicator_response {
    struct wire_breach_event *event;
};

struct wire_breach_query_status_response {
    struct wire_breach_report report;
};

struct wire_breach_confirm_response {
    uint64_t notification_sent_at_nanos;
};

struct wire_breach_resolve_response {
    uint64_t resolved_at_nanos;
};

struct wire_masking_policy_list_response {
    WIRE_LIST_OF(struct wire_masking_policy) policies;
    WIRE_LIST_OF(struct wire_masking_attachment) attachments;
};

enum wire_response_variant {
    WIRE_RESPONSE_ERROR,
    WIRE_RESPONSE_HANDSHAKE,
    WIRE_RESPONSE_CREATE_STREAM,
    WIRE_RESPONSE_APPEND_EVENTS,
    WIRE_RESPONSE_QUERY,
    WIRE_RESPONSE_QUERY_AT,
    WIRE_RESPONSE_READ_EVENTS,
    WIRE_RESPONSE_STREAM_INFO,
    WIRE_RESPONSE_SUBSCRIBE,
    WIRE_RESPONSE_SYNC,
    WIRE_RESPONSE_SUBSCRIPTION_ACK,
    WIRE_RESPONSE_LIST_TABLES,
    WIRE_RESPONSE_DESCRIBE_TABLE,
    WIRE_RESPONSE_LIST_INDEXES,
    WIRE_RESPONSE_TENANT_CREATE,
    WIRE_RESPONSE_TENANT_LIST,
    WIRE_RESPONSE_TENANT_DELETE,
    WIRE_RESPONSE_TENANT_GET,
    WIRE_RESPONSE_API_KEY_REGISTER,
    WIRE_RESPONSE_API_KEY_REVOKE,
    WIRE_RESPONSE_API_KEY_LIST,
    WIRE_RESPONSE_API_KEY_ROTATE,
    WIRE_RESPONSE_SERVER_INFO,
    WIRE_RESPONSE_CONSENT_GRANT,
    WIRE_RESPONSE_CONSENT_WITHDRAW,
    WIRE_RESPONSE_CONSENT_CHECK,
    WIRE_RESPONSE_CONSENT_LIST,
    WIRE_RESPONSE_ERASURE_REQUEST,
    WIRE_RESPONSE_ERASURE_MARK_PROGRESS,
    WIRE_RESPONSE_ERASURE_MARK_STREAM_ERASED,
    WIRE_RESPONSE_ERASURE_COMPLETE,
    WIRE_RESPONSE_ERASURE_EXEMPT,
    WIRE_RESPONSE_ERASURE_STATUS,
    WIRE_RESPONSE_ERASURE_LIST,
    WIRE_RESPONSE_AUDIT_QUERY,
    WIRE_RESPONSE_VERIFY_AUDIT_CHAIN,
    WIRE_RESPONSE_EXPORT_SUBJECT,
    WIRE_RESPONSE_VERIFY_EXPORT,
    WIRE_RESPONSE_BREACH_REPORT_INDICATOR,
    WIRE_RESPONSE_BREACH_QUERY_STATUS,
    WIRE_RESPONSE_BREACH_CONFIRM,
    WIRE_RESPONSE_BREACH_RESOLVE,
    WIRE_RESPONSE_MASKING_POLICY_LIST,
};

/* --- pushes --- */

struct wire_subscription_events_push {
    uint64_t subscription_id;
    uint64_t start_offset;
    WIRE_LIST_OF(struct slice) events;
    uint32_t credits_remaining;
};

struct wire_subscription_closed_push {
    uint64_t subscription_id;
    uint32_t reason; /* enum wire_close_reason */
};

enum wire_push_variant {
    WIRE_PUSH_SUBSCRIPTION_EVENTS,
    WIRE_PUSH_SUBSCRIPTION_CLOSED,
};

/* --- messages --- */

enum wire_direction { WIRE_REQUEST, WIRE_RESPONSE, WIRE_PUSH };

struct wire_message {
    uint32_t direction;       /* enum wire_direction */
    uint64_t request_id;      /* requests and responses */
    uint64_t tenant_id;       /* requests */
    struct wire_audit *audit; /* requests; NULL: none */
    uint32_t variant;         /* of the direction's enum */
    void *payload;            /* the variant's struct; NULL where it has no fields */
};

/* Reads the message at the start of a frame's payload; what stands behind it is ignored, as the published decoders do.
 */
enum postcard_error wire_message_decode(struct slice payload, struct arena *arena, struct wire_message *out);
/* Appends the message's own encoding, without a frame. */
void wire_message_encode(struct buffer *out, const struct wire_message *message);

/* The variants of a direction, for what prints or builds messages by name. */
const struct wire_member *wire_variants(enum wire_direction direction, uint32_t *count);
const struct wire_type *wire_audit_type(void);

#endif
