/* The messages' descriptions; message.h has the structs, schema.h says what a description is. */
#include "wire/message.h"

#include "base/assert.h"
#include "wire/describe.h"
#include "wire/extension.h"

static const struct wire_member data_class_members[] = {
    {"PHI", NULL}, {"Deidentified", NULL}, {"PII", NULL},          {"Sensitive", NULL},
    {"PCI", NULL}, {"Financial", NULL},    {"Confidential", NULL}, {"Public", NULL},
};

const struct wire_type wire_data_class_type = ENUM(data_class_members);

static const struct wire_member cluster_mode_members[] = {
    {"Standalone", NULL},
    {"Clustered", NULL},
};

static const struct wire_type cluster_mode_type = ENUM(cluster_mode_members);

static const struct wire_member consent_purpose_members[] = {
    {"Marketing", NULL},      {"Analytics", NULL},  {"Contractual", NULL}, {"LegalObligation", NULL},
    {"VitalInterests", NULL}, {"PublicTask", NULL}, {"Research", NULL},    {"Security", NULL},
    {"Treatment", NULL},      {"Payment", NULL},    {"Operations", NULL},  {"PublicHealth", NULL},
    {"Emergency", NULL},
};

static const struct wire_type consent_purpose_type = ENUM(consent_purpose_members);

static const struct wire_member consent_scope_members[] = {
    {"AllData", NULL},
    {"ContactInfo", NULL},
    {"AnalyticsOnly", NULL},
    {"ContractualNecessity", NULL},
};

static const struct wire_type consent_scope_type = ENUM(consent_scope_members);

static const struct wire_member gdpr_article_members[] = {
    {"Consent", NULL},        {"Contract", NULL},   {"LegalObligation", NULL},
    {"VitalInterests", NULL}, {"PublicTask", NULL}, {"LegitimateInterests", NULL},
};

static const struct wire_type gdpr_article_type = ENUM(gdpr_article_members);

static const struct wire_member erasure_exemption_members[] = {
    {"LegalObligation", NULL},
    {"PublicHealth", NULL},
    {"Archiving", NULL},
    {"LegalClaims", NULL},
};

static const struct wire_type erasure_exemption_type = ENUM(erasure_exemption_members);

static const struct wire_member export_format_members[] = {
    {"Json", NULL},
    {"Csv", NULL},
};

static const struct wire_type export_format_type = ENUM(export_format_members);

static const struct wire_member breach_severity_members[] = {
    {"Low", NULL},
    {"Medium", NULL},
    {"High", NULL},
    {"Critical", NULL},
};

static const struct wire_type breach_severity_type = ENUM(breach_severity_members);

static const struct wire_member close_reason_members[] = {
    {"ClientCancelled", NULL},     {"ServerShutdown", NULL}, {"StreamDeleted", NULL},
    {"BackpressureTimeout", NULL}, {"ProtocolError", NULL},
};

static const struct wire_type close_reason_type = ENUM(close_reason_members);

static const struct wire_member error_code_members[] = {
    {"Unknown", NULL},
    {"InternalError", NULL},
    {"InvalidRequest", NULL},
    {"AuthenticationFailed", NULL},
    {"TenantNotFound", NULL},
    {"StreamNotFound", NULL},
    {"TableNotFound", NULL},
    {"QueryParseError", NULL},
    {"QueryExecutionError", NULL},
    {"PositionAhead", NULL},
    {"StreamAlreadyExists", NULL},
    {"InvalidOffset", NULL},
    {"StorageError", NULL},
    {"ProjectionLag", NULL},
    {"RateLimited", NULL},
    {"NotLeader", NULL},
    {"OffsetMismatch", NULL},
    {"SubscriptionNotFound", NULL},
    {"SubscriptionClosed", NULL},
    {"SubscriptionBackpressure", NULL},
    {"ApiKeyNotFound", NULL},
    {"TenantAlreadyExists", NULL},
    {"ConsentNotFound", NULL},
    {"ConsentExpired", NULL},
    {"ErasureNotFound", NULL},
    {"ErasureAlreadyComplete", NULL},
    {"ErasureExempt", NULL},
    {"BreachNotFound", NULL},
    {"ExportNotFound", NULL},
    {"UniqueConstraintViolation", NULL},
    {"TenantIdTooLarge", NULL},
    {"RowVersionChainTooLarge", NULL},
};

const struct wire_type wire_error_code_type = ENUM(error_code_members);

static const struct wire_member region_members[] = {
    {"USEast1", NULL},
    {"APSoutheast2", NULL},
    {"Custom", &wire_text},
};

static const struct wire_type region_type = UNION(struct wire_region, region_members);

static const struct wire_member placement_members[] = {
    {"Region", &region_type},
    {"Global", NULL},
};

static const struct wire_type placement_type = UNION(struct wire_placement, placement_members);

static const struct wire_member value_members[] = {
    {"Null", NULL}, {"BigInt", &wire_i64}, {"Text", &wire_text}, {"Boolean", &wire_bool}, {"Timestamp", &wire_i64},
};

static const struct wire_type value_type = UNION(struct wire_value, value_members);

static const struct wire_field erasure_status_in_progress_fields[] = {
    FIELD(struct wire_erasure_status_in_progress, streams_remaining, wire_u32, WIRE_ONE),
};

static const struct wire_type erasure_status_in_progress_type =
    STRUCT(struct wire_erasure_status_in_progress, erasure_status_in_progress_fields);

static const struct wire_field erasure_status_complete_fields[] = {
    FIELD(struct wire_erasure_status_complete, erased_at_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_erasure_status_complete, total_records, wire_u64, WIRE_ONE),
};

static const struct wire_type erasure_status_complete_type =
    STRUCT(struct wire_erasure_status_complete, erasure_status_complete_fields);

static const struct wire_field erasure_status_failed_fields[] = {
    FIELD(struct wire_erasure_status_failed, reason, wire_text, WIRE_ONE),
    FIELD(struct wire_erasure_status_failed, retry_at_nanos, wire_u64, WIRE_ONE),
};

static const struct wire_type erasure_status_failed_type =
    STRUCT(struct wire_erasure_status_failed, erasure_status_failed_fields);

static const struct wire_field erasure_status_exempt_fields[] = {
    FIELD(struct wire_erasure_status_exempt, basis, erasure_exemption_type, WIRE_ONE),
};

static const struct wire_type erasure_status_exempt_type =
    STRUCT(struct wire_erasure_status_exempt, erasure_status_exempt_fields);

static const struct wire_member erasure_status_members[] = {
    {"Pending", NULL},
    {"InProgress", &erasure_status_in_progress_type},
    {"Complete", &erasure_status_complete_type},
    {"Failed", &erasure_status_failed_type},
    {"Exempt", &erasure_status_exempt_type},
};

static const struct wire_type erasure_status_type = UNION(struct wire_erasure_status, erasure_status_members);

static const struct wire_field breach_indicator_mass_data_export_fields[] = {
    FIELD(struct wire_breach_indicator_mass_data_export, records, wire_u64, WIRE_ONE),
    FIELD(struct wire_breach_indicator_mass_data_export, data_classes, wire_data_class_type, WIRE_LIST),
};

static const struct wire_type breach_indicator_mass_data_export_type =
    STRUCT(struct wire_breach_indicator_mass_data_export, breach_indicator_mass_data_export_fields);

static const struct wire_field breach_indicator_unauthorized_access_pattern_fields[] = {
    FIELD(struct wire_breach_indicator_unauthorized_access_pattern, denied_attempts, wire_u64, WIRE_ONE),
    FIELD(struct wire_breach_indicator_unauthorized_access_pattern, window_secs, wire_u64, WIRE_ONE),
};

static const struct wire_type breach_indicator_unauthorized_access_pattern_type = STRUCT(
    struct wire_breach_indicator_unauthorized_access_pattern, breach_indicator_unauthorized_access_pattern_fields);

static const struct wire_field breach_indicator_privilege_escalation_fields[] = {
    FIELD(struct wire_breach_indicator_privilege_escalation, from_role, wire_text, WIRE_ONE),
    FIELD(struct wire_breach_indicator_privilege_escalation, to_role, wire_text, WIRE_ONE),
};

static const struct wire_type breach_indicator_privilege_escalation_type =
    STRUCT(struct wire_breach_indicator_privilege_escalation, breach_indicator_privilege_escalation_fields);

static const struct wire_field breach_indicator_anomalous_query_volume_fields[] = {
    FIELD(struct wire_breach_indicator_anomalous_query_volume, queries_per_min, wire_u64, WIRE_ONE),
    FIELD(struct wire_breach_indicator_anomalous_query_volume, baseline, wire_u64, WIRE_ONE),
};

static const struct wire_type breach_indicator_anomalous_query_volume_type =
    STRUCT(struct wire_breach_indicator_anomalous_query_volume, breach_indicator_anomalous_query_volume_fields);

static const struct wire_field breach_indicator_unusual_access_time_fields[] = {
    FIELD(struct wire_breach_indicator_unusual_access_time, hour, wire_u8, WIRE_ONE),
};

static const struct wire_type breach_indicator_unusual_access_time_type =
    STRUCT(struct wire_breach_indicator_unusual_access_time, breach_indicator_unusual_access_time_fields);

static const struct wire_field breach_indicator_data_exfiltration_pattern_fields[] = {
    FIELD(struct wire_breach_indicator_data_exfiltration_pattern, bytes_exported, wire_u64, WIRE_ONE),
    FIELD(struct wire_breach_indicator_data_exfiltration_pattern, data_classes, wire_data_class_type, WIRE_LIST),
};

static const struct wire_type breach_indicator_data_exfiltration_pattern_type =
    STRUCT(struct wire_breach_indicator_data_exfiltration_pattern, breach_indicator_data_exfiltration_pattern_fields);

static const struct wire_member breach_indicator_members[] = {
    {"MassDataExport", &breach_indicator_mass_data_export_type},
    {"UnauthorizedAccessPattern", &breach_indicator_unauthorized_access_pattern_type},
    {"PrivilegeEscalation", &breach_indicator_privilege_escalation_type},
    {"AnomalousQueryVolume", &breach_indicator_anomalous_query_volume_type},
    {"UnusualAccessTime", &breach_indicator_unusual_access_time_type},
    {"DataExfiltrationPattern", &breach_indicator_data_exfiltration_pattern_type},
};

static const struct wire_type breach_indicator_type = UNION(struct wire_breach_indicator, breach_indicator_members);

static const struct wire_field breach_status_confirmed_fields[] = {
    FIELD(struct wire_breach_status_confirmed, notification_sent_at_nanos, wire_u64, WIRE_OPTION),
};

static const struct wire_type breach_status_confirmed_type =
    STRUCT(struct wire_breach_status_confirmed, breach_status_confirmed_fields);

static const struct wire_field breach_status_false_positive_fields[] = {
    FIELD(struct wire_breach_status_false_positive, dismissed_by, wire_text, WIRE_ONE),
    FIELD(struct wire_breach_status_false_positive, reason, wire_text, WIRE_ONE),
};

static const struct wire_type breach_status_false_positive_type =
    STRUCT(struct wire_breach_status_false_positive, breach_status_false_positive_fields);

static const struct wire_field breach_status_resolved_fields[] = {
    FIELD(struct wire_breach_status_resolved, resolved_at_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_breach_status_resolved, remediation, wire_text, WIRE_ONE),
};

static const struct wire_type breach_status_resolved_type =
    STRUCT(struct wire_breach_status_resolved, breach_status_resolved_fields);

static const struct wire_member breach_status_members[] = {
    {"Detected", NULL},
    {"UnderInvestigation", NULL},
    {"Confirmed", &breach_status_confirmed_type},
    {"FalsePositive", &breach_status_false_positive_type},
    {"Resolved", &breach_status_resolved_type},
};

static const struct wire_type breach_status_type = UNION(struct wire_breach_status, breach_status_members);

static const struct wire_field masking_strategy_redact_fields[] = {
    FIELD(struct wire_masking_strategy_redact, pattern, wire_text, WIRE_ONE),
    FIELD(struct wire_masking_strategy_redact, replacement, wire_text, WIRE_OPTION),
};

static const struct wire_type masking_strategy_redact_type =
    STRUCT(struct wire_masking_strategy_redact, masking_strategy_redact_fields);

static const struct wire_field masking_strategy_truncate_fields[] = {
    FIELD(struct wire_masking_strategy_truncate, max_chars, wire_u64, WIRE_ONE),
};

static const struct wire_type masking_strategy_truncate_type =
    STRUCT(struct wire_masking_strategy_truncate, masking_strategy_truncate_fields);

static const struct wire_member masking_strategy_members[] = {
    {"Redact", &masking_strategy_redact_type},     {"Hash", NULL}, {"Tokenize", NULL},
    {"Truncate", &masking_strategy_truncate_type}, {"Null", NULL},
};

static const struct wire_type masking_strategy_type = UNION(struct wire_masking_strategy, masking_strategy_members);

static const struct wire_field audit_fields[] = {
    FIELD(struct wire_audit, actor, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit, reason, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit, correlation_id, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit, idempotency_key, wire_text, WIRE_OPTION),
};

static const struct wire_type audit_type = STRUCT(struct wire_audit, audit_fields);

static const struct wire_field row_fields[] = {
    {.type = &value_type, .form = WIRE_LIST, .offset = offsetof(struct wire_row, cells)}, /* no name: the row is it */
};

static const struct wire_type row_type = STRUCT(struct wire_row, row_fields);

static const struct wire_field result_fields[] = {
    FIELD(struct wire_result, columns, wire_text, WIRE_LIST),
    FIELD(struct wire_result, rows, row_type, WIRE_LIST),
};

static const struct wire_type result_type = STRUCT(struct wire_result, result_fields);

static const struct wire_field table_info_fields[] = {
    FIELD(struct wire_table_info, name, wire_text, WIRE_ONE),
    FIELD(struct wire_table_info, column_count, wire_u32, WIRE_ONE),
};

static const struct wire_type table_info_type = STRUCT(struct wire_table_info, table_info_fields);

static const struct wire_field column_info_fields[] = {
    FIELD(struct wire_column_info, name, wire_text, WIRE_ONE),
    FIELD(struct wire_column_info, data_type, wire_text, WIRE_ONE),
    FIELD(struct wire_column_info, nullable, wire_bool, WIRE_ONE),
    FIELD(struct wire_column_info, primary_key, wire_bool, WIRE_ONE),
};

static const struct wire_type column_info_type = STRUCT(struct wire_column_info, column_info_fields);

static const struct wire_field index_info_fields[] = {
    FIELD(struct wire_index_info, name, wire_text, WIRE_ONE),
    FIELD(struct wire_index_info, columns, wire_text, WIRE_LIST),
};

static const struct wire_type index_info_type = STRUCT(struct wire_index_info, index_info_fields);

static const struct wire_field tenant_info_fields[] = {
    FIELD(struct wire_tenant_info, tenant_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_tenant_info, name, wire_text, WIRE_OPTION),
    FIELD(struct wire_tenant_info, table_count, wire_u32, WIRE_ONE),
    FIELD(struct wire_tenant_info, created_at_nanos, wire_u64, WIRE_OPTION),
};

static const struct wire_type tenant_info_type = STRUCT(struct wire_tenant_info, tenant_info_fields);

static const struct wire_field api_key_info_fields[] = {
    FIELD(struct wire_api_key_info, key_id, wire_text, WIRE_ONE),
    FIELD(struct wire_api_key_info, subject, wire_text, WIRE_ONE),
    FIELD(struct wire_api_key_info, tenant_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_api_key_info, roles, wire_text, WIRE_LIST),
    FIELD(struct wire_api_key_info, expires_at_nanos, wire_u64, WIRE_OPTION),
};

static const struct wire_type api_key_info_type = STRUCT(struct wire_api_key_info, api_key_info_fields);

static const struct wire_field consent_basis_fields[] = {
    FIELD(struct wire_consent_basis, article, gdpr_article_type, WIRE_ONE),
    FIELD(struct wire_consent_basis, justification, wire_text, WIRE_OPTION),
};

static const struct wire_type consent_basis_type = STRUCT(struct wire_consent_basis, consent_basis_fields);

static const struct wire_field consent_record_fields[] = {
    FIELD(struct wire_consent_record, consent_id, wire_text, WIRE_ONE),
    FIELD(struct wire_consent_record, subject_id, wire_text, WIRE_ONE),
    FIELD(struct wire_consent_record, purpose, consent_purpose_type, WIRE_ONE),
    FIELD(struct wire_consent_record, scope, consent_scope_type, WIRE_ONE),
    FIELD(struct wire_consent_record, granted_at_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_consent_record, withdrawn_at_nanos, wire_u64, WIRE_OPTION),
    FIELD(struct wire_consent_record, expires_at_nanos, wire_u64, WIRE_OPTION),
    FIELD(struct wire_consent_record, notes, wire_text, WIRE_OPTION),
    FIELD(struct wire_consent_record, basis, consent_basis_type, WIRE_OPTION),
    FIELD(struct wire_consent_record, terms_version, wire_text, WIRE_OPTION),
    FIELD(struct wire_consent_record, accepted, wire_bool, WIRE_ONE),
};

static const struct wire_type consent_record_type = STRUCT(struct wire_consent_record, consent_record_fields);

static const struct wire_field erasure_info_fields[] = {
    FIELD(struct wire_erasure_info, request_id, wire_text, WIRE_ONE),
    FIELD(struct wire_erasure_info, subject_id, wire_text, WIRE_ONE),
    FIELD(struct wire_erasure_info, requested_at_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_erasure_info, deadline_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_erasure_info, status, erasure_status_type, WIRE_ONE),
    FIELD(struct wire_erasure_info, records_erased, wire_u64, WIRE_ONE),
    FIELD(struct wire_erasure_info, streams_affected, wire_u64, WIRE_LIST),
};

static const struct wire_type erasure_info_type = STRUCT(struct wire_erasure_info, erasure_info_fields);

static const struct wire_field erasure_audit_fields[] = {
    FIELD(struct wire_erasure_audit, request_id, wire_text, WIRE_ONE),
    FIELD(struct wire_erasure_audit, subject_id, wire_text, WIRE_ONE),
    FIELD(struct wire_erasure_audit, requested_at_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_erasure_audit, completed_at_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_erasure_audit, records_erased, wire_u64, WIRE_ONE),
    FIELD(struct wire_erasure_audit, streams_affected, wire_u64, WIRE_LIST),
    FIELD(struct wire_erasure_audit, erasure_proof_hex, wire_text, WIRE_OPTION),
};

static const struct wire_type erasure_audit_type = STRUCT(struct wire_erasure_audit, erasure_audit_fields);

static const struct wire_field audit_event_fields[] = {
    FIELD(struct wire_audit_event, event_id, wire_text, WIRE_ONE),
    FIELD(struct wire_audit_event, timestamp_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_audit_event, action, wire_text, WIRE_ONE),
    FIELD(struct wire_audit_event, subject_id, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit_event, actor, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit_event, tenant_id, wire_u64, WIRE_OPTION),
    FIELD(struct wire_audit_event, ip_address, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit_event, correlation_id, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit_event, request_id, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit_event, reason, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit_event, source_country, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit_event, changed_field_names, wire_text, WIRE_LIST),
};

static const struct wire_type audit_event_type = STRUCT(struct wire_audit_event, audit_event_fields);

static const struct wire_field export_info_fields[] = {
    FIELD(struct wire_export_info, export_id, wire_text, WIRE_ONE),
    FIELD(struct wire_export_info, subject_id, wire_text, WIRE_ONE),
    FIELD(struct wire_export_info, requester_id, wire_text, WIRE_ONE),
    FIELD(struct wire_export_info, requested_at_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_export_info, completed_at_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_export_info, format, export_format_type, WIRE_ONE),
    FIELD(struct wire_export_info, streams_included, wire_u64, WIRE_LIST),
    FIELD(struct wire_export_info, record_count, wire_u64, WIRE_ONE),
    FIELD(struct wire_export_info, content_hash_hex, wire_text, WIRE_ONE),
    FIELD(struct wire_export_info, signature_hex, wire_text, WIRE_OPTION),
    FIELD(struct wire_export_info, body_base64, wire_text, WIRE_ONE),
};

static const struct wire_type export_info_type = STRUCT(struct wire_export_info, export_info_fields);

static const struct wire_field breach_event_fields[] = {
    FIELD(struct wire_breach_event, event_id, wire_text, WIRE_ONE),
    FIELD(struct wire_breach_event, detected_at_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_breach_event, indicator, breach_indicator_type, WIRE_ONE),
    FIELD(struct wire_breach_event, severity, breach_severity_type, WIRE_ONE),
    FIELD(struct wire_breach_event, affected_subjects, wire_u64, WIRE_OPTION),
    FIELD(struct wire_breach_event, affected_data_classes, wire_data_class_type, WIRE_LIST),
    FIELD(struct wire_breach_event, notification_deadline_nanos, wire_u64, WIRE_ONE),
    FIELD(struct wire_breach_event, status, breach_status_type, WIRE_ONE),
};

static const struct wire_type breach_event_type = STRUCT(struct wire_breach_event, breach_event_fields);

static const struct wire_field breach_report_fields[] = {
    FIELD(struct wire_breach_report, event, breach_event_type, WIRE_ONE),
    FIELD(struct wire_breach_report, timeline, wire_text, WIRE_LIST),
    FIELD(struct wire_breach_report, affected_subject_count, wire_u64, WIRE_ONE),
    FIELD(struct wire_breach_report, data_categories, wire_data_class_type, WIRE_LIST),
    FIELD(struct wire_breach_report, remediation_steps, wire_text, WIRE_LIST),
    FIELD(struct wire_breach_report, notification_status, wire_text, WIRE_ONE),
};

static const struct wire_type breach_report_type = STRUCT(struct wire_breach_report, breach_report_fields);

static const struct wire_field masking_policy_fields[] = {
    FIELD(struct wire_masking_policy, name, wire_text, WIRE_ONE),
    FIELD(struct wire_masking_policy, strategy, masking_strategy_type, WIRE_ONE),
    FIELD(struct wire_masking_policy, exempt_roles, wire_text, WIRE_LIST),
    FIELD(struct wire_masking_policy, default_masked, wire_bool, WIRE_ONE),
    FIELD(struct wire_masking_policy, attachment_count, wire_u32, WIRE_ONE),
};

static const struct wire_type masking_policy_type = STRUCT(struct wire_masking_policy, masking_policy_fields);

static const struct wire_field masking_attachment_fields[] = {
    FIELD(struct wire_masking_attachment, table_name, wire_text, WIRE_ONE),
    FIELD(struct wire_masking_attachment, column_name, wire_text, WIRE_ONE),
    FIELD(struct wire_masking_attachment, policy_name, wire_text, WIRE_ONE),
};

static const struct wire_type masking_attachment_type =
    STRUCT(struct wire_masking_attachment, masking_attachment_fields);

/* --- requests --- */

static const struct wire_field handshake_request_fields[] = {
    FIELD(struct wire_handshake_request, client_version, wire_u16, WIRE_ONE),
    FIELD(struct wire_handshake_request, auth_token, wire_text, WIRE_OPTION),
};

static const struct wire_type handshake_request_type = STRUCT(struct wire_handshake_request, handshake_request_fields);

static const struct wire_field create_stream_request_fields[] = {
    FIELD(struct wire_create_stream_request, name, wire_text, WIRE_ONE),
    FIELD(struct wire_create_stream_request, data_class, wire_data_class_type, WIRE_ONE),
    FIELD(struct wire_create_stream_request, placement, placement_type, WIRE_ONE),
};

static const struct wire_type create_stream_request_type =
    STRUCT(struct wire_create_stream_request, create_stream_request_fields);

static const struct wire_field append_events_request_fields[] = {
    FIELD(struct wire_append_events_request, stream_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_append_events_request, events, wire_bytes, WIRE_LIST),
    FIELD(struct wire_append_events_request, expected_offset, wire_u64, WIRE_ONE),
};

static const struct wire_type append_events_request_type =
    STRUCT(struct wire_append_events_request, append_events_request_fields);

static const struct wire_field query_request_fields[] = {
    FIELD(struct wire_query_request, sql, wire_text, WIRE_ONE),
    FIELD(struct wire_query_request, params, value_type, WIRE_LIST),
    FIELD(struct wire_query_request, break_glass_reason, wire_text, WIRE_OPTION),
};

static const struct wire_type query_request_type = STRUCT(struct wire_query_request, query_request_fields);

static const struct wire_field query_at_request_fields[] = {
    FIELD(struct wire_query_at_request, sql, wire_text, WIRE_ONE),
    FIELD(struct wire_query_at_request, params, value_type, WIRE_LIST),
    FIELD(struct wire_query_at_request, position, wire_u64, WIRE_ONE),
    FIELD(struct wire_query_at_request, break_glass_reason, wire_text, WIRE_OPTION),
};

static const struct wire_type query_at_request_type = STRUCT(struct wire_query_at_request, query_at_request_fields);

static const struct wire_field read_events_request_fields[] = {
    FIELD(struct wire_read_events_request, stream_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_read_events_request, from_offset, wire_u64, WIRE_ONE),
    FIELD(struct wire_read_events_request, max_bytes, wire_u64, WIRE_ONE),
};

static const struct wire_type read_events_request_type =
    STRUCT(struct wire_read_events_request, read_events_request_fields);

static const struct wire_field stream_info_request_fields[] = {
    FIELD(struct wire_stream_info_request, stream_id, wire_u64, WIRE_ONE),
};

static const struct wire_type stream_info_request_type =
    STRUCT(struct wire_stream_info_request, stream_info_request_fields);

static const struct wire_field subscribe_request_fields[] = {
    FIELD(struct wire_subscribe_request, stream_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_subscribe_request, from_offset, wire_u64, WIRE_ONE),
    FIELD(struct wire_subscribe_request, initial_credits, wire_u32, WIRE_ONE),
    FIELD(struct wire_subscribe_request, consumer_group, wire_text, WIRE_OPTION),
};

static const struct wire_type subscribe_request_type = STRUCT(struct wire_subscribe_request, subscribe_request_fields);

static const struct wire_field subscribe_credit_request_fields[] = {
    FIELD(struct wire_subscribe_credit_request, subscription_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_subscribe_credit_request, additional_credits, wire_u32, WIRE_ONE),
};

static const struct wire_type subscribe_credit_request_type =
    STRUCT(struct wire_subscribe_credit_request, subscribe_credit_request_fields);

static const struct wire_field unsubscribe_request_fields[] = {
    FIELD(struct wire_unsubscribe_request, subscription_id, wire_u64, WIRE_ONE),
};

static const struct wire_type unsubscribe_request_type =
    STRUCT(struct wire_unsubscribe_request, unsubscribe_request_fields);

static const struct wire_field describe_table_request_fields[] = {
    FIELD(struct wire_describe_table_request, table_name, wire_text, WIRE_ONE),
};

static const struct wire_type describe_table_request_type =
    STRUCT(struct wire_describe_table_request, describe_table_request_fields);

static const struct wire_field list_indexes_request_fields[] = {
    FIELD(struct wire_list_indexes_request, table_name, wire_text, WIRE_ONE),
};

static const struct wire_type list_indexes_request_type =
    STRUCT(struct wire_list_indexes_request, list_indexes_request_fields);

static const struct wire_field tenant_create_request_fields[] = {
    FIELD(struct wire_tenant_create_request, tenant_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_tenant_create_request, name, wire_text, WIRE_OPTION),
};

static const struct wire_type tenant_create_request_type =
    STRUCT(struct wire_tenant_create_request, tenant_create_request_fields);

static const struct wire_field tenant_delete_request_fields[] = {
    FIELD(struct wire_tenant_delete_request, tenant_id, wire_u64, WIRE_ONE),
};

static const struct wire_type tenant_delete_request_type =
    STRUCT(struct wire_tenant_delete_request, tenant_delete_request_fields);

static const struct wire_field tenant_get_request_fields[] = {
    FIELD(struct wire_tenant_get_request, tenant_id, wire_u64, WIRE_ONE),
};

static const struct wire_type tenant_get_request_type =
    STRUCT(struct wire_tenant_get_request, tenant_get_request_fields);

static const struct wire_field api_key_register_request_fields[] = {
    FIELD(struct wire_api_key_register_request, subject, wire_text, WIRE_ONE),
    FIELD(struct wire_api_key_register_request, tenant_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_api_key_register_request, roles, wire_text, WIRE_LIST),
    FIELD(struct wire_api_key_register_request, expires_at_nanos, wire_u64, WIRE_OPTION),
};

static const struct wire_type api_key_register_request_type =
    STRUCT(struct wire_api_key_register_request, api_key_register_request_fields);

static const struct wire_field api_key_revoke_request_fields[] = {
    FIELD(struct wire_api_key_revoke_request, key, wire_text, WIRE_ONE),
};

static const struct wire_type api_key_revoke_request_type =
    STRUCT(struct wire_api_key_revoke_request, api_key_revoke_request_fields);

static const struct wire_field api_key_list_request_fields[] = {
    FIELD(struct wire_api_key_list_request, tenant_id, wire_u64, WIRE_OPTION),
};

static const struct wire_type api_key_list_request_type =
    STRUCT(struct wire_api_key_list_request, api_key_list_request_fields);

static const struct wire_field api_key_rotate_request_fields[] = {
    FIELD(struct wire_api_key_rotate_request, old_key, wire_text, WIRE_ONE),
};

static const struct wire_type api_key_rotate_request_type =
    STRUCT(struct wire_api_key_rotate_request, api_key_rotate_request_fields);

static const struct wire_field consent_grant_request_fields[] = {
    FIELD(struct wire_consent_grant_request, subject_id, wire_text, WIRE_ONE),
    FIELD(struct wire_consent_grant_request, purpose, consent_purpose_type, WIRE_ONE),
    FIELD(struct wire_consent_grant_request, scope, consent_scope_type, WIRE_OPTION),
    FIELD(struct wire_consent_grant_request, basis, consent_basis_type, WIRE_OPTION),
    FIELD(struct wire_consent_grant_request, terms_version, wire_text, WIRE_OPTION),
    FIELD(struct wire_consent_grant_request, accepted, wire_bool, WIRE_ONE),
};

static const struct wire_type consent_grant_request_type =
    STRUCT(struct wire_consent_grant_request, consent_grant_request_fields);

static const struct wire_field consent_withdraw_request_fields[] = {
    FIELD(struct wire_consent_withdraw_request, consent_id, wire_text, WIRE_ONE),
};

static const struct wire_type consent_withdraw_request_type =
    STRUCT(struct wire_consent_withdraw_request, consent_withdraw_request_fields);

static const struct wire_field consent_check_request_fields[] = {
    FIELD(struct wire_consent_check_request, subject_id, wire_text, WIRE_ONE),
    FIELD(struct wire_consent_check_request, purpose, consent_purpose_type, WIRE_ONE),
};

static const struct wire_type consent_check_request_type =
    STRUCT(struct wire_consent_check_request, consent_check_request_fields);

static const struct wire_field consent_list_request_fields[] = {
    FIELD(struct wire_consent_list_request, subject_id, wire_text, WIRE_ONE),
    FIELD(struct wire_consent_list_request, valid_only, wire_bool, WIRE_ONE),
};

static const struct wire_type consent_list_request_type =
    STRUCT(struct wire_consent_list_request, consent_list_request_fields);

static const struct wire_field erasure_request_request_fields[] = {
    FIELD(struct wire_erasure_request_request, subject_id, wire_text, WIRE_ONE),
};

static const struct wire_type erasure_request_request_type =
    STRUCT(struct wire_erasure_request_request, erasure_request_request_fields);

static const struct wire_field erasure_mark_progress_request_fields[] = {
    FIELD(struct wire_erasure_mark_progress_request, request_id, wire_text, WIRE_ONE),
    FIELD(struct wire_erasure_mark_progress_request, streams, wire_u64, WIRE_LIST),
};

static const struct wire_type erasure_mark_progress_request_type =
    STRUCT(struct wire_erasure_mark_progress_request, erasure_mark_progress_request_fields);

static const struct wire_field erasure_mark_stream_erased_request_fields[] = {
    FIELD(struct wire_erasure_mark_stream_erased_request, request_id, wire_text, WIRE_ONE),
    FIELD(struct wire_erasure_mark_stream_erased_request, stream_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_erasure_mark_stream_erased_request, records_erased, wire_u64, WIRE_ONE),
};

static const struct wire_type erasure_mark_stream_erased_request_type =
    STRUCT(struct wire_erasure_mark_stream_erased_request, erasure_mark_stream_erased_request_fields);

static const struct wire_field erasure_complete_request_fields[] = {
    FIELD(struct wire_erasure_complete_request, request_id, wire_text, WIRE_ONE),
};

static const struct wire_type erasure_complete_request_type =
    STRUCT(struct wire_erasure_complete_request, erasure_complete_request_fields);

static const struct wire_field erasure_exempt_request_fields[] = {
    FIELD(struct wire_erasure_exempt_request, request_id, wire_text, WIRE_ONE),
    FIELD(struct wire_erasure_exempt_request, basis, erasure_exemption_type, WIRE_ONE),
};

static const struct wire_type erasure_exempt_request_type =
    STRUCT(struct wire_erasure_exempt_request, erasure_exempt_request_fields);

static const struct wire_field erasure_status_request_fields[] = {
    FIELD(struct wire_erasure_status_request, request_id, wire_text, WIRE_ONE),
};

static const struct wire_type erasure_status_request_type =
    STRUCT(struct wire_erasure_status_request, erasure_status_request_fields);

static const struct wire_field audit_query_request_fields[] = {
    FIELD(struct wire_audit_query_request, subject_id, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit_query_request, action_type, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit_query_request, time_from_nanos, wire_u64, WIRE_OPTION),
    FIELD(struct wire_audit_query_request, time_to_nanos, wire_u64, WIRE_OPTION),
    FIELD(struct wire_audit_query_request, actor, wire_text, WIRE_OPTION),
    FIELD(struct wire_audit_query_request, limit, wire_u32, WIRE_OPTION),
};

static const struct wire_type audit_query_request_type =
    STRUCT(struct wire_audit_query_request, audit_query_request_fields);

static const struct wire_field export_subject_request_fields[] = {
    FIELD(struct wire_export_subject_request, subject_id, wire_text, WIRE_ONE),
    FIELD(struct wire_export_subject_request, requester_id, wire_text, WIRE_ONE),
    FIELD(struct wire_export_subject_request, format, export_format_type, WIRE_ONE),
    FIELD(struct wire_export_subject_request, stream_ids, wire_u64, WIRE_LIST),
    FIELD(struct wire_export_subject_request, max_records_per_stream, wire_u64, WIRE_ONE),
};

static const struct wire_type export_subject_request_type =
    STRUCT(struct wire_export_subject_request, export_subject_request_fields);

static const struct wire_field verify_export_request_fields[] = {
    FIELD(struct wire_verify_export_request, export_id, wire_text, WIRE_ONE),
    FIELD(struct wire_verify_export_request, body_base64, wire_text, WIRE_ONE),
};

static const struct wire_type verify_export_request_type =
    STRUCT(struct wire_verify_export_request, verify_export_request_fields);

static const struct wire_field breach_report_indicator_request_fields[] = {
    FIELD(struct wire_breach_report_indicator_request, indicator, breach_indicator_type, WIRE_ONE),
};

static const struct wire_type breach_report_indicator_request_type =
    STRUCT(struct wire_breach_report_indicator_request, breach_report_indicator_request_fields);

static const struct wire_field breach_query_status_request_fields[] = {
    FIELD(struct wire_breach_query_status_request, event_id, wire_text, WIRE_ONE),
};

static const struct wire_type breach_query_status_request_type =
    STRUCT(struct wire_breach_query_status_request, breach_query_status_request_fields);

static const struct wire_field breach_confirm_request_fields[] = {
    FIELD(struct wire_breach_confirm_request, event_id, wire_text, WIRE_ONE),
};

static const struct wire_type breach_confirm_request_type =
    STRUCT(struct wire_breach_confirm_request, breach_confirm_request_fields);

static const struct wire_field breach_resolve_request_fields[] = {
    FIELD(struct wire_breach_resolve_request, event_id, wire_text, WIRE_ONE),
    FIELD(struct wire_breach_resolve_request, remediation, wire_text, WIRE_ONE),
};

static const struct wire_type breach_resolve_request_type =
    STRUCT(struct wire_breach_resolve_request, breach_resolve_request_fields);

static const struct wire_field masking_policy_list_request_fields[] = {
    FIELD(struct wire_masking_policy_list_request, include_attachments, wire_bool, WIRE_ONE),
};

static const struct wire_type masking_policy_list_request_type =
    STRUCT(struct wire_masking_policy_list_request, masking_policy_list_request_fields);

static const struct wire_member request_variants[] = {
    {"Handshake", &handshake_request_type},
    {"CreateStream", &create_stream_request_type},
    {"AppendEvents", &append_events_request_type},
    {"Query", &query_request_type},
    {"QueryAt", &query_at_request_type},
    {"ReadEvents", &read_events_request_type},
    {"StreamInfo", &stream_info_request_type},
    {"Subscribe", &subscribe_request_type},
    {"Sync", NULL},
    {"SubscribeCredit", &subscribe_credit_request_type},
    {"Unsubscribe", &unsubscribe_request_type},
    {"ListTables", NULL},
    {"DescribeTable", &describe_table_request_type},
    {"ListIndexes", &list_indexes_request_type},
    {"TenantCreate", &tenant_create_request_type},
    {"TenantList", NULL},
    {"TenantDelete", &tenant_delete_request_type},
    {"TenantGet", &tenant_get_request_type},
    {"ApiKeyRegister", &api_key_register_request_type},
    {"ApiKeyRevoke", &api_key_revoke_request_type},
    {"ApiKeyList", &api_key_list_request_type},
    {"ApiKeyRotate", &api_key_rotate_request_type},
    {"GetServerInfo", NULL},
    {"ConsentGrant", &consent_grant_request_type},
    {"ConsentWithdraw", &consent_withdraw_request_type},
    {"ConsentCheck", &consent_check_request_type},
    {"ConsentList", &consent_list_request_type},
    {"ErasureRequest", &erasure_request_request_type},
    {"ErasureMarkProgress", &erasure_mark_progress_request_type},
    {"ErasureMarkStreamErased", &erasure_mark_stream_erased_request_type},
    {"ErasureComplete", &erasure_complete_request_type},
    {"ErasureExempt", &erasure_exempt_request_type},
    {"ErasureStatus", &erasure_status_request_type},
    {"ErasureList", NULL},
    {"AuditQuery", &audit_query_request_type},
    {"VerifyAuditChain", NULL},
    {"ExportSubject", &export_subject_request_type},
    {"VerifyExport", &verify_export_request_type},
    {"BreachReportIndicator", &breach_report_indicator_request_type},
    {"BreachQueryStatus", &breach_query_status_request_type},
    {"BreachConfirm", &breach_confirm_request_type},
    {"BreachResolve", &breach_resolve_request_type},
    {"MaskingPolicyList", &masking_policy_list_request_type},
};

/* --- responses --- */

static const struct wire_field error_response_fields[] = {
    FIELD(struct wire_error_response, code, wire_error_code_type, WIRE_ONE),
    FIELD(struct wire_error_response, message, wire_text, WIRE_ONE),
};

static const struct wire_type error_response_type = STRUCT(struct wire_error_response, error_response_fields);

static const struct wire_field handshake_response_fields[] = {
    FIELD(struct wire_handshake_response, server_version, wire_u16, WIRE_ONE),
    FIELD(struct wire_handshake_response, authenticated, wire_bool, WIRE_ONE),
    FIELD(struct wire_handshake_response, capabilities, wire_text, WIRE_LIST),
};

static const struct wire_type handshake_response_type =
    STRUCT(struct wire_handshake_response, handshake_response_fields);

static const struct wire_field create_stream_response_fields[] = {
    FIELD(struct wire_create_stream_response, stream_id, wire_u64, WIRE_ONE),
};

static const struct wire_type create_stream_response_type =
    STRUCT(struct wire_create_stream_response, create_stream_response_fields);

static const struct wire_field append_events_response_fields[] = {
    FIELD(struct wire_append_events_response, first_offset, wire_u64, WIRE_ONE),
    FIELD(struct wire_append_events_response, count, wire_u32, WIRE_ONE),
};

static const struct wire_type append_events_response_type =
    STRUCT(struct wire_append_events_response, append_events_response_fields);

static const struct wire_field read_events_response_fields[] = {
    FIELD(struct wire_read_events_response, events, wire_bytes, WIRE_LIST),
    FIELD(struct wire_read_events_response, next_offset, wire_u64, WIRE_OPTION),
};

static const struct wire_type read_events_response_type =
    STRUCT(struct wire_read_events_response, read_events_response_fields);

static const struct wire_field stream_info_response_fields[] = {
    FIELD(struct wire_stream_info_response, length, wire_u64, WIRE_ONE),
};

static const struct wire_type stream_info_response_type =
    STRUCT(struct wire_stream_info_response, stream_info_response_fields);

static const struct wire_field subscribe_response_fields[] = {
    FIELD(struct wire_subscribe_response, subscription_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_subscribe_response, start_offset, wire_u64, WIRE_ONE),
    FIELD(struct wire_subscribe_response, credits, wire_u32, WIRE_ONE),
};

static const struct wire_type subscribe_response_type =
    STRUCT(struct wire_subscribe_response, subscribe_response_fields);

static const struct wire_field sync_response_fields[] = {
    FIELD(struct wire_sync_response, success, wire_bool, WIRE_ONE),
};

static const struct wire_type sync_response_type = STRUCT(struct wire_sync_response, sync_response_fields);

static const struct wire_field subscription_ack_response_fields[] = {
    FIELD(struct wire_subscription_ack_response, subscription_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_subscription_ack_response, credits_remaining, wire_u32, WIRE_ONE),
};

static const struct wire_type subscription_ack_response_type =
    STRUCT(struct wire_subscription_ack_response, subscription_ack_response_fields);

static const struct wire_field list_tables_response_fields[] = {
    FIELD(struct wire_list_tables_response, tables, table_info_type, WIRE_LIST),
};

static const struct wire_type list_tables_response_type =
    STRUCT(struct wire_list_tables_response, list_tables_response_fields);

static const struct wire_field describe_table_response_fields[] = {
    FIELD(struct wire_describe_table_response, table_name, wire_text, WIRE_ONE),
    FIELD(struct wire_describe_table_response, columns, column_info_type, WIRE_LIST),
};

static const struct wire_type describe_table_response_type =
    STRUCT(struct wire_describe_table_response, describe_table_response_fields);

static const struct wire_field list_indexes_response_fields[] = {
    FIELD(struct wire_list_indexes_response, indexes, index_info_type, WIRE_LIST),
};

static const struct wire_type list_indexes_response_type =
    STRUCT(struct wire_list_indexes_response, list_indexes_response_fields);

static const struct wire_field tenant_create_response_fields[] = {
    FIELD(struct wire_tenant_create_response, tenant, tenant_info_type, WIRE_ONE),
    FIELD(struct wire_tenant_create_response, created, wire_bool, WIRE_ONE),
};

static const struct wire_type tenant_create_response_type =
    STRUCT(struct wire_tenant_create_response, tenant_create_response_fields);

static const struct wire_field tenant_list_response_fields[] = {
    FIELD(struct wire_tenant_list_response, tenants, tenant_info_type, WIRE_LIST),
};

static const struct wire_type tenant_list_response_type =
    STRUCT(struct wire_tenant_list_response, tenant_list_response_fields);

static const struct wire_field tenant_delete_response_fields[] = {
    FIELD(struct wire_tenant_delete_response, deleted, wire_bool, WIRE_ONE),
    FIELD(struct wire_tenant_delete_response, tables_dropped, wire_u32, WIRE_ONE),
};

static const struct wire_type tenant_delete_response_type =
    STRUCT(struct wire_tenant_delete_response, tenant_delete_response_fields);

static const struct wire_field tenant_get_response_fields[] = {
    FIELD(struct wire_tenant_get_response, tenant, tenant_info_type, WIRE_ONE),
};

static const struct wire_type tenant_get_response_type =
    STRUCT(struct wire_tenant_get_response, tenant_get_response_fields);

static const struct wire_field api_key_register_response_fields[] = {
    FIELD(struct wire_api_key_register_response, key, wire_text, WIRE_ONE),
    FIELD(struct wire_api_key_register_response, info, api_key_info_type, WIRE_ONE),
};

static const struct wire_type api_key_register_response_type =
    STRUCT(struct wire_api_key_register_response, api_key_register_response_fields);

static const struct wire_field api_key_revoke_response_fields[] = {
    FIELD(struct wire_api_key_revoke_response, revoked, wire_bool, WIRE_ONE),
};

static const struct wire_type api_key_revoke_response_type =
    STRUCT(struct wire_api_key_revoke_response, api_key_revoke_response_fields);

static const struct wire_field api_key_list_response_fields[] = {
    FIELD(struct wire_api_key_list_response, keys, api_key_info_type, WIRE_LIST),
};

static const struct wire_type api_key_list_response_type =
    STRUCT(struct wire_api_key_list_response, api_key_list_response_fields);

static const struct wire_field api_key_rotate_response_fields[] = {
    FIELD(struct wire_api_key_rotate_response, new_key, wire_text, WIRE_ONE),
    FIELD(struct wire_api_key_rotate_response, info, api_key_info_type, WIRE_ONE),
};

static const struct wire_type api_key_rotate_response_type =
    STRUCT(struct wire_api_key_rotate_response, api_key_rotate_response_fields);

static const struct wire_field server_info_response_fields[] = {
    FIELD(struct wire_server_info_response, build_version, wire_text, WIRE_ONE),
    FIELD(struct wire_server_info_response, protocol_version, wire_u16, WIRE_ONE),
    FIELD(struct wire_server_info_response, capabilities, wire_text, WIRE_LIST),
    FIELD(struct wire_server_info_response, uptime_secs, wire_u64, WIRE_ONE),
    FIELD(struct wire_server_info_response, cluster_mode, cluster_mode_type, WIRE_ONE),
    FIELD(struct wire_server_info_response, tenant_count, wire_u32, WIRE_ONE),
};

static const struct wire_type server_info_response_type =
    STRUCT(struct wire_server_info_response, server_info_response_fields);

static const struct wire_field consent_grant_response_fields[] = {
    FIELD(struct wire_consent_grant_response, consent_id, wire_text, WIRE_ONE),
    FIELD(struct wire_consent_grant_response, granted_at_nanos, wire_u64, WIRE_ONE),
};

static const struct wire_type consent_grant_response_type =
    STRUCT(struct wire_consent_grant_response, consent_grant_response_fields);

static const struct wire_field consent_withdraw_response_fields[] = {
    FIELD(struct wire_consent_withdraw_response, withdrawn_at_nanos, wire_u64, WIRE_ONE),
};

static const struct wire_type consent_withdraw_response_type =
    STRUCT(struct wire_consent_withdraw_response, consent_withdraw_response_fields);

static const struct wire_field consent_check_response_fields[] = {
    FIELD(struct wire_consent_check_response, is_valid, wire_bool, WIRE_ONE),
};

static const struct wire_type consent_check_response_type =
    STRUCT(struct wire_consent_check_response, consent_check_response_fields);

static const struct wire_field consent_list_response_fields[] = {
    FIELD(struct wire_consent_list_response, consents, consent_record_type, WIRE_LIST),
};

static const struct wire_type consent_list_response_type =
    STRUCT(struct wire_consent_list_response, consent_list_response_fields);

static const struct wire_field erasure_request_response_fields[] = {
    FIELD(struct wire_erasure_request_response, request, erasure_info_type, WIRE_ONE),
};

static const struct wire_type erasure_request_response_type =
    STRUCT(struct wire_erasure_request_response, erasure_request_response_fields);

static const struct wire_field erasure_mark_progress_response_fields[] = {
    FIELD(struct wire_erasure_mark_progress_response, request, erasure_info_type, WIRE_ONE),
};

static const struct wire_type erasure_mark_progress_response_type =
    STRUCT(struct wire_erasure_mark_progress_response, erasure_mark_progress_response_fields);

static const struct wire_field erasure_mark_stream_erased_response_fields[] = {
    FIELD(struct wire_erasure_mark_stream_erased_response, request, erasure_info_type, WIRE_ONE),
};

static const struct wire_type erasure_mark_stream_erased_response_type =
    STRUCT(struct wire_erasure_mark_stream_erased_response, erasure_mark_stream_erased_response_fields);

static const struct wire_field erasure_complete_response_fields[] = {
    FIELD(struct wire_erasure_complete_response, audit, erasure_audit_type, WIRE_ONE),
};

static const struct wire_type erasure_complete_response_type =
    STRUCT(struct wire_erasure_complete_response, erasure_complete_response_fields);

static const struct wire_field erasure_exempt_response_fields[] = {
    FIELD(struct wire_erasure_exempt_response, request, erasure_info_type, WIRE_ONE),
};

static const struct wire_type erasure_exempt_response_type =
    STRUCT(struct wire_erasure_exempt_response, erasure_exempt_response_fields);

static const struct wire_field erasure_status_response_fields[] = {
    FIELD(struct wire_erasure_status_response, request, erasure_info_type, WIRE_ONE),
};

static const struct wire_type erasure_status_response_type =
    STRUCT(struct wire_erasure_status_response, erasure_status_response_fields);

static const struct wire_field erasure_list_response_fields[] = {
    FIELD(struct wire_erasure_list_response, audit, erasure_audit_type, WIRE_LIST),
};

static const struct wire_type erasure_list_response_type =
    STRUCT(struct wire_erasure_list_response, erasure_list_response_fields);

static const struct wire_field audit_query_response_fields[] = {
    FIELD(struct wire_audit_query_response, events, audit_event_type, WIRE_LIST),
};

static const struct wire_type audit_query_response_type =
    STRUCT(struct wire_audit_query_response, audit_query_response_fields);

static const struct wire_field verify_audit_chain_response_fields[] = {
    FIELD(struct wire_verify_audit_chain_response, ok, wire_bool, WIRE_ONE),
    FIELD(struct wire_verify_audit_chain_response, event_count, wire_u64, WIRE_ONE),
    FIELD(struct wire_verify_audit_chain_response, chain_head_hex, wire_text, WIRE_ONE),
    FIELD(struct wire_verify_audit_chain_response, mismatch_at_index, wire_u64, WIRE_OPTION),
    FIELD(struct wire_verify_audit_chain_response, error_message, wire_text, WIRE_OPTION),
};

static const struct wire_type verify_audit_chain_response_type =
    STRUCT(struct wire_verify_audit_chain_response, verify_audit_chain_response_fields);

static const struct wire_field export_subject_response_fields[] = {
    FIELD(struct wire_export_subject_response, export, export_info_type, WIRE_ONE),
};

static const struct wire_type export_subject_response_type =
    STRUCT(struct wire_export_subject_response, export_subject_response_fields);

static const struct wire_field verify_export_response_fields[] = {
    FIELD(struct wire_verify_export_response, valid, wire_bool, WIRE_ONE),
    FIELD(struct wire_verify_export_response, signature_valid, wire_bool, WIRE_ONE),
};

static const struct wire_type verify_export_response_type =
    STRUCT(struct wire_verify_export_response, verify_export_response_fields);

static const struct wire_field breach_report_indicator_response_fields[] = {
    FIELD(struct wire_breach_report_indicator_response, event, breach_event_type, WIRE_OPTION),
};

static const struct wire_type breach_report_indicator_response_type =
    STRUCT(struct wire_breach_report_indicator_response, breach_report_indicator_response_fields);

static const struct wire_field breach_query_status_response_fields[] = {
    FIELD(struct wire_breach_query_status_response, report, breach_report_type, WIRE_ONE),
};

static const struct wire_type breach_query_status_response_type =
    STRUCT(struct wire_breach_query_status_response, breach_query_status_response_fields);

static const struct wire_field breach_confirm_response_fields[] = {
    FIELD(struct wire_breach_confirm_response, notification_sent_at_nanos, wire_u64, WIRE_ONE),
};

static const struct wire_type breach_confirm_response_type =
    STRUCT(struct wire_breach_confirm_response, breach_confirm_response_fields);

static const struct wire_field breach_resolve_response_fields[] = {
    FIELD(struct wire_breach_resolve_response, resolved_at_nanos, wire_u64, WIRE_ONE),
};

static const struct wire_type breach_resolve_response_type =
    STRUCT(struct wire_breach_resolve_response, breach_resolve_response_fields);

static const struct wire_field masking_policy_list_response_fields[] = {
    FIELD(struct wire_masking_policy_list_response, policies, masking_policy_type, WIRE_LIST),
    FIELD(struct wire_masking_policy_list_response, attachments, masking_attachment_type, WIRE_LIST),
};

static const struct wire_type masking_policy_list_response_type =
    STRUCT(struct wire_masking_policy_list_response, masking_policy_list_response_fields);

static const struct wire_member response_variants[] = {
    {"Error", &error_response_type},
    {"Handshake", &handshake_response_type},
    {"CreateStream", &create_stream_response_type},
    {"AppendEvents", &append_events_response_type},
    {"Query", &result_type},
    {"QueryAt", &result_type},
    {"ReadEvents", &read_events_response_type},
    {"StreamInfo", &stream_info_response_type},
    {"Subscribe", &subscribe_response_type},
    {"Sync", &sync_response_type},
    {"SubscriptionAck", &subscription_ack_response_type},
    {"ListTables", &list_tables_response_type},
    {"DescribeTable", &describe_table_response_type},
    {"ListIndexes", &list_indexes_response_type},
    {"TenantCreate", &tenant_create_response_type},
    {"TenantList", &tenant_list_response_type},
    {"TenantDelete", &tenant_delete_response_type},
    {"TenantGet", &tenant_get_response_type},
    {"ApiKeyRegister", &api_key_register_response_type},
    {"ApiKeyRevoke", &api_key_revoke_response_type},
    {"ApiKeyList", &api_key_list_response_type},
    {"ApiKeyRotate", &api_key_rotate_response_type},
    {"ServerInfo", &server_info_response_type},
    {"ConsentGrant", &consent_grant_response_type},
    {"ConsentWithdraw", &consent_withdraw_response_type},
    {"ConsentCheck", &consent_check_response_type},
    {"ConsentList", &consent_list_response_type},
    {"ErasureRequest", &erasure_request_response_type},
    {"ErasureMarkProgress", &erasure_mark_progress_response_type},
    {"ErasureMarkStreamErased", &erasure_mark_stream_erased_response_type},
    {"ErasureComplete", &erasure_complete_response_type},
    {"ErasureExempt", &erasure_exempt_response_type},
    {"ErasureStatus", &erasure_status_response_type},
    {"ErasureList", &erasure_list_response_type},
    {"AuditQuery", &audit_query_response_type},
    {"VerifyAuditChain", &verify_audit_chain_response_type},
    {"ExportSubject", &export_subject_response_type},
    {"VerifyExport", &verify_export_response_type},
    {"BreachReportIndicator", &breach_report_indicator_response_type},
    {"BreachQueryStatus", &breach_query_status_response_type},
    {"BreachConfirm", &breach_confirm_response_type},
    {"BreachResolve", &breach_resolve_response_type},
    {"MaskingPolicyList", &masking_policy_list_response_type},
};

/* --- pushes --- */

static const struct wire_field subscription_events_push_fields[] = {
    FIELD(struct wire_subscription_events_push, subscription_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_subscription_events_push, start_offset, wire_u64, WIRE_ONE),
    FIELD(struct wire_subscription_events_push, events, wire_bytes, WIRE_LIST),
    FIELD(struct wire_subscription_events_push, credits_remaining, wire_u32, WIRE_ONE),
};

static const struct wire_type subscription_events_push_type =
    STRUCT(struct wire_subscription_events_push, subscription_events_push_fields);

static const struct wire_field subscription_closed_push_fields[] = {
    FIELD(struct wire_subscription_closed_push, subscription_id, wire_u64, WIRE_ONE),
    FIELD(struct wire_subscription_closed_push, reason, close_reason_type, WIRE_ONE),
};

static const struct wire_type subscription_closed_push_type =
    STRUCT(struct wire_subscription_closed_push, subscription_closed_push_fields);

static const struct wire_member push_variants[] = {
    {"SubscriptionEvents", &subscription_events_push_type},
    {"SubscriptionClosed", &subscription_closed_push_type},
};

/* --- messages --- */

const struct wire_member *wire_variants(enum wire_direction direction, uint32_t *count) {
    switch (direction) {
    case WIRE_REQUEST:
        *count = COUNT(request_variants);
        return request_variants;
    case WIRE_RESPONSE:
        *count = COUNT(response_variants);
        return response_variants;
    case WIRE_PUSH:
        break;
    }
    *count = COUNT(push_variants);
    return push_variants;
}

const struct wire_type *wire_audit_type(void) {
    return &audit_type;
}

#define DIRECTIONS 3

/* The variant of a direction with this number on the wire; NULL: there is none. */
static const struct wire_member *variant_of(uint32_t direction, uint32_t variant) {
    uint32_t count;
    const struct wire_member *variants = wire_variants(direction, &count);
    if (variant < count) {
        return &variants[variant];
    }
    return wire_extension(direction, variant);
}

enum postcard_error wire_message_decode(struct slice payload, struct arena *arena, struct wire_message *out) {
    struct postcard_reader reader = postcard_reader_make(payload);
    *out = (struct wire_message){.direction = postcard_read_index(&reader, DIRECTIONS)};
    if (out->direction != WIRE_PUSH) {
        out->request_id = postcard_read_unsigned(&reader, 64);
    }
    if (out->direction == WIRE_REQUEST) {
        out->tenant_id = postcard_read_unsigned(&reader, 64);
        if (postcard_read_option(&reader)) {
            out->audit = arena_alloc_zero(arena, 1, sizeof(*out->audit));
            if (out->audit == NULL) {
                return POSTCARD_MEMORY;
            }
            wire_decode(&reader, &audit_type, arena, out->audit);
        }
    }
    out->variant = postcard_read_index(&reader, UINT32_MAX);
    const struct wire_member *variant = variant_of(out->direction, out->variant);
    if (variant == NULL) {
        postcard_fail(&reader, POSTCARD_INDEX);
    }
    const struct wire_type *type = variant == NULL ? NULL : variant->content;
    if (reader.error != POSTCARD_OK || type == NULL) {
        return reader.error;
    }
    out->payload = arena_alloc_zero(arena, 1, type->size);
    if (out->payload == NULL) {
        return POSTCARD_MEMORY;
    }
    wire_decode(&reader, type, arena, out->payload);
    return reader.error;
}

void wire_message_encode(struct buffer *out, const struct wire_message *message) {
    postcard_write_unsigned(out, message->direction);
    if (message->direction != WIRE_PUSH) {
        postcard_write_unsigned(out, message->request_id);
    }
    if (message->direction == WIRE_REQUEST) {
        postcard_write_unsigned(out, message->tenant_id);
        buffer_append_byte(out, message->audit != NULL);
        if (message->audit != NULL) {
            wire_encode(out, &audit_type, message->audit);
        }
    }
    const struct wire_member *variant = variant_of(message->direction, message->variant);
    ASSERT(variant != NULL);
    postcard_write_unsigned(out, message->variant);
    if (variant->content != NULL) {
        wire_encode(out, variant->content, message->payload);
    }
}
