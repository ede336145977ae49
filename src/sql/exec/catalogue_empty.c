/*
 * Relations of pg_catalog and information_schema that have no rows: what PostgreSQL has and a database here does not,
 * with PostgreSQL's columns, so that a client that looks for it finds that there is none.
 */
#include "base/assert.h"
#include "sql/exec/catalogue.h"

static void nothing(struct catalogue_rows *rows) {
    (void)rows;
}

static const struct plan_column inherits_columns[] = {OID("inhrelid"), OID("inhparent"), INT4("inhseqno"),
                                                      BOOL("inhdetachpending")};
static const struct plan_column trigger_columns[] = {
    OID("oid"),          OID("tgrelid"),       OID("tgparentid"),      NAME("tgname"),       OID("tgfoid"),
    INT2("tgtype"),      CHAR("tgenabled"),    BOOL("tgisinternal"),   OID("tgconstrrelid"), OID("tgconstrindid"),
    OID("tgconstraint"), BOOL("tgdeferrable"), BOOL("tginitdeferred"), INT2("tgnargs"),      INT2V("tgattr"),
    BYTES("tgargs"),     TEXT("tgqual"),       NAME("tgoldtable"),     NAME("tgnewtable")};
static const struct plan_column statistic_ext_columns[] = {OID("oid"),          OID("stxrelid"),  NAME("stxname"),
                                                           OID("stxnamespace"), OID("stxowner"),  INT4("stxstattarget"),
                                                           INT2V("stxkeys"),    CHARS("stxkind"), TEXT("stxexprs")};
static const struct plan_column policy_columns[] = {OID("oid"),      NAME("polname"),       OID("polrelid"),
                                                    CHAR("polcmd"),  BOOL("polpermissive"), OIDS("polroles"),
                                                    TEXT("polqual"), TEXT("polwithcheck")};
static const struct plan_column policies_columns[] = {NAME("schemaname"), NAME("tablename"), NAME("policyname"),
                                                      TEXT("permissive"), NAMES("roles"),    TEXT("cmd"),
                                                      TEXT("qual"),       TEXT("with_check")};
static const struct plan_column publication_columns[] = {OID("oid"),           NAME("pubname"),     OID("pubowner"),
                                                         BOOL("puballtables"), BOOL("pubinsert"),   BOOL("pubupdate"),
                                                         BOOL("pubdelete"),    BOOL("pubtruncate"), BOOL("pubviaroot")};
static const struct plan_column publication_rel_columns[] = {OID("oid"), OID("prpubid"), OID("prrelid"), TEXT("prqual"),
                                                             INT2S("prattrs")};
static const struct plan_column publication_namespace_columns[] = {OID("oid"), OID("pnpubid"), OID("pnnspid")};
static const struct plan_column publication_tables_columns[] = {NAME("pubname"), NAME("schemaname"), NAME("tablename"),
                                                                NAMES("attnames"), TEXT("rowfilter")};
static const struct plan_column auth_members_columns[] = {OID("roleid"), OID("member"), OID("grantor"),
                                                          BOOL("admin_option")};
static const struct plan_column rules_columns[] = {NAME("schemaname"), NAME("tablename"), NAME("rulename"),
                                                   TEXT("definition")};
static const struct plan_column event_trigger_columns[] = {OID("oid"),      NAME("evtname"), NAME("evtevent"),
                                                           OID("evtowner"), OID("evtfoid"),  CHAR("evtenabled"),
                                                           TEXTS("evttags")};
static const struct plan_column conversion_columns[] = {OID("oid"),      NAME("conname"),        OID("connamespace"),
                                                        OID("conowner"), INT4("conforencoding"), INT4("contoencoding"),
                                                        PROC("conproc"), BOOL("condefault")};
static const struct plan_column default_acl_columns[] = {OID("oid"), OID("defaclrole"), OID("defaclnamespace"),
                                                         CHAR("defaclobjtype"), TEXTS("defaclacl")};
static const struct plan_column ts_config_columns[] = {OID("oid"), NAME("cfgname"), OID("cfgnamespace"),
                                                       OID("cfgowner"), OID("cfgparser")};
static const struct plan_column ts_config_map_columns[] = {OID("mapcfg"), INT4("maptokentype"), INT4("mapseqno"),
                                                           OID("mapdict")};
static const struct plan_column ts_dict_columns[] = {OID("oid"),       NAME("dictname"),    OID("dictnamespace"),
                                                     OID("dictowner"), OID("dicttemplate"), TEXT("dictinitoption")};
static const struct plan_column ts_parser_columns[] = {OID("oid"),          NAME("prsname"),   OID("prsnamespace"),
                                                       PROC("prsstart"),    PROC("prstoken"),  PROC("prsend"),
                                                       PROC("prsheadline"), PROC("prslextype")};
static const struct plan_column ts_template_columns[] = {OID("oid"), NAME("tmplname"), OID("tmplnamespace"),
                                                         PROC("tmplinit"), PROC("tmpllexize")};
static const struct plan_column amop_columns[] = {OID("oid"),           OID("amopfamily"),    OID("amoplefttype"),
                                                  OID("amoprighttype"), INT2("amopstrategy"), CHAR("amoppurpose"),
                                                  OID("amopopr"),       OID("amopmethod"),    OID("amopsortfamily")};
static const struct plan_column amproc_columns[] = {
    OID("oid"), OID("amprocfamily"), OID("amproclefttype"), OID("amprocrighttype"), INT2("amprocnum"), PROC("amproc")};
static const struct plan_column opclass_columns[] = {OID("oid"),          OID("opcmethod"),   NAME("opcname"),
                                                     OID("opcnamespace"), OID("opcowner"),    OID("opcfamily"),
                                                     OID("opcintype"),    BOOL("opcdefault"), OID("opckeytype")};
static const struct plan_column opfamily_columns[] = {OID("oid"), OID("opfmethod"), NAME("opfname"),
                                                      OID("opfnamespace"), OID("opfowner")};
static const struct plan_column subscription_columns[] = {
    OID("oid"),          OID("subdbid"),      TEXT("subskiplsn"),    NAME("subname"),          OID("subowner"),
    BOOL("subenabled"),  BOOL("subbinary"),   BOOL("substream"),     CHAR("subtwophasestate"), BOOL("subdisableonerr"),
    TEXT("subconninfo"), NAME("subslotname"), TEXT("subsynccommit"), TEXTS("subpublications")};
static const struct plan_column foreign_server_columns[] = {OID("oid"),      NAME("srvname"),    OID("srvowner"),
                                                            OID("srvfdw"),   TEXT("srvtype"),    TEXT("srvversion"),
                                                            TEXTS("srvacl"), TEXTS("srvoptions")};
static const struct plan_column foreign_data_wrapper_columns[] = {
    OID("oid"),          NAME("fdwname"), OID("fdwowner"),    OID("fdwhandler"),
    OID("fdwvalidator"), TEXTS("fdwacl"), TEXTS("fdwoptions")};
static const struct plan_column foreign_table_columns[] = {OID("ftrelid"), OID("ftserver"), TEXTS("ftoptions")};
static const struct plan_column user_mapping_columns[] = {OID("oid"), OID("umuser"), OID("umserver"),
                                                          TEXTS("umoptions")};
static const struct plan_column user_mappings_columns[] = {OID("umid"),   OID("srvid"),    NAME("srvname"),
                                                           OID("umuser"), NAME("usename"), TEXTS("umoptions")};
static const struct plan_column db_role_setting_columns[] = {OID("setdatabase"), OID("setrole"), TEXTS("setconfig")};
static const struct plan_column parameter_acl_columns[] = {OID("oid"), TEXT("parname"), TEXTS("paracl")};
static const struct plan_column largeobject_metadata_columns[] = {OID("oid"), OID("lomowner"), TEXTS("lomacl")};
static const struct plan_column init_privs_columns[] = {OID("objoid"), OID("classoid"), INT4("objsubid"),
                                                        CHAR("privtype"), TEXTS("initprivs")};
static const struct plan_column transform_columns[] = {OID("oid"), OID("trftype"), OID("trflang"), PROC("trffromsql"),
                                                       PROC("trftosql")};
static const struct plan_column seclabel_columns[] = {OID("objoid"), OID("classoid"), INT4("objsubid"),
                                                      TEXT("provider"), TEXT("label")};
static const struct plan_column shseclabel_columns[] = {OID("objoid"), OID("classoid"), TEXT("provider"),
                                                        TEXT("label")};
static const struct plan_column seclabels_columns[] = {OID("objoid"),    OID("classoid"),     INT4("objsubid"),
                                                       TEXT("objtype"),  OID("objnamespace"), TEXT("objname"),
                                                       TEXT("provider"), TEXT("label")};
static const struct plan_column shdescription_columns[] = {OID("objoid"), OID("classoid"), TEXT("description")};
static const struct plan_column shdepend_columns[] = {
    OID("dbid"), OID("classid"), OID("objid"), INT4("objsubid"), OID("refclassid"), OID("refobjid"), CHAR("deptype")};
static const struct plan_column partitioned_table_columns[] = {
    OID("partrelid"),   CHAR("partstrat"), INT2("partnatts"),     OID("partdefid"),
    INT2S("partattrs"), OIDS("partclass"), OIDS("partcollation"), TEXT("partexprs")};
static const struct plan_column matviews_columns[] = {NAME("schemaname"), NAME("matviewname"), NAME("matviewowner"),
                                                      NAME("tablespace"), BOOL("hasindexes"),  BOOL("ispopulated"),
                                                      TEXT("definition")};
static const struct plan_column prepared_xacts_columns[] = {OID("transaction"), TEXT("gid"), TIME("prepared"),
                                                            NAME("owner"), NAME("database")};
static const struct plan_column range_columns[] = {OID("rngtypid"),     OID("rngsubtype"), OID("rngmultitypid"),
                                                   OID("rngcollation"), OID("rngsubopc"),  PROC("rngcanonical"),
                                                   PROC("rngsubdiff")};
static const struct plan_column group_columns[] = {NAME("groname"), OID("grosysid"), OIDS("grolist")};
static const struct plan_column replication_slots_columns[] = {
    NAME("slot_name"),  NAME("plugin"),        TEXT("slot_type"),   OID("datoid"),
    NAME("database"),   BOOL("temporary"),     BOOL("active"),      INT4("active_pid"),
    OID("xmin"),        OID("catalog_xmin"),   TEXT("restart_lsn"), TEXT("confirmed_flush_lsn"),
    TEXT("wal_status"), INT8("safe_wal_size"), BOOL("two_phase")};
static const struct plan_column stat_replication_columns[] = {
    INT4("pid"),         OID("usesysid"),         NAME("usename"),     TEXT("application_name"),
    TEXT("client_addr"), TEXT("client_hostname"), INT4("client_port"), TIME("backend_start"),
    OID("backend_xmin"), TEXT("state"),           TEXT("sent_lsn"),    TEXT("write_lsn"),
    TEXT("flush_lsn"),   TEXT("replay_lsn"),      TEXT("write_lag"),   TEXT("flush_lag"),
    TEXT("replay_lag"),  INT4("sync_priority"),   TEXT("sync_state"),  TIME("reply_time")};
static const struct plan_column hba_file_rules_columns[] = {INT4("line_number"), TEXT("type"),     TEXTS("database"),
                                                            TEXTS("user_name"),  TEXT("address"),  TEXT("netmask"),
                                                            TEXT("auth_method"), TEXTS("options"), TEXT("error")};
static const struct plan_column ident_file_mappings_columns[] = {INT4("line_number"), TEXT("map_name"),
                                                                 TEXT("sys_name"), TEXT("pg_username"), TEXT("error")};
static const struct plan_column largeobject_columns[] = {OID("loid"), INT4("pageno"), BYTES("data")};
static const struct plan_column replication_origin_columns[] = {OID("roident"), TEXT("roname")};
static const struct plan_column replication_origin_status_columns[] = {OID("local_id"), TEXT("external_id"),
                                                                       TEXT("remote_lsn"), TEXT("local_lsn")};
static const struct plan_column stat_progress_analyze_columns[] = {INT4("pid"),
                                                                   OID("datid"),
                                                                   NAME("datname"),
                                                                   OID("relid"),
                                                                   TEXT("phase"),
                                                                   INT8("sample_blks_total"),
                                                                   INT8("sample_blks_scanned"),
                                                                   INT8("ext_stats_total"),
                                                                   INT8("ext_stats_computed"),
                                                                   INT8("child_tables_total"),
                                                                   INT8("child_tables_done"),
                                                                   OID("current_child_table_relid")};
static const struct plan_column stat_progress_basebackup_columns[] = {INT4("pid"),
                                                                      TEXT("phase"),
                                                                      INT8("backup_total"),
                                                                      INT8("backup_streamed"),
                                                                      INT8("tablespaces_total"),
                                                                      INT8("tablespaces_streamed")};
static const struct plan_column stat_progress_cluster_columns[] = {INT4("pid"),
                                                                   OID("datid"),
                                                                   NAME("datname"),
                                                                   OID("relid"),
                                                                   TEXT("command"),
                                                                   TEXT("phase"),
                                                                   OID("cluster_index_relid"),
                                                                   INT8("heap_tuples_scanned"),
                                                                   INT8("heap_tuples_written"),
                                                                   INT8("heap_blks_total"),
                                                                   INT8("heap_blks_scanned"),
                                                                   INT8("index_rebuild_count")};
static const struct plan_column stat_progress_copy_columns[] = {INT4("pid"),
                                                                OID("datid"),
                                                                NAME("datname"),
                                                                OID("relid"),
                                                                TEXT("command"),
                                                                TEXT("type"),
                                                                INT8("bytes_processed"),
                                                                INT8("bytes_total"),
                                                                INT8("tuples_processed"),
                                                                INT8("tuples_excluded")};
static const struct plan_column stat_progress_create_index_columns[] = {INT4("pid"),
                                                                        OID("datid"),
                                                                        NAME("datname"),
                                                                        OID("relid"),
                                                                        OID("index_relid"),
                                                                        TEXT("command"),
                                                                        TEXT("phase"),
                                                                        INT8("lockers_total"),
                                                                        INT8("lockers_done"),
                                                                        INT8("current_locker_pid"),
                                                                        INT8("blocks_total"),
                                                                        INT8("blocks_done"),
                                                                        INT8("tuples_total"),
                                                                        INT8("tuples_done"),
                                                                        INT8("partitions_total"),
                                                                        INT8("partitions_done")};
static const struct plan_column stat_progress_vacuum_columns[] = {INT4("pid"),
                                                                  OID("datid"),
                                                                  NAME("datname"),
                                                                  OID("relid"),
                                                                  TEXT("phase"),
                                                                  INT8("heap_blks_total"),
                                                                  INT8("heap_blks_scanned"),
                                                                  INT8("heap_blks_vacuumed"),
                                                                  INT8("index_vacuum_count"),
                                                                  INT8("max_dead_tuples"),
                                                                  INT8("num_dead_tuples")};
static const struct plan_column stat_replication_slots_columns[] = {
    TEXT("slot_name"),    INT8("spill_txns"),   INT8("spill_count"), INT8("spill_bytes"), INT8("stream_txns"),
    INT8("stream_count"), INT8("stream_bytes"), INT8("total_txns"),  INT8("total_bytes"), TIME("stats_reset")};
static const struct plan_column stat_subscription_columns[] = {OID("subid"),
                                                               NAME("subname"),
                                                               INT4("pid"),
                                                               OID("relid"),
                                                               TEXT("received_lsn"),
                                                               TIME("last_msg_send_time"),
                                                               TIME("last_msg_receipt_time"),
                                                               TEXT("latest_end_lsn"),
                                                               TIME("latest_end_time")};
static const struct plan_column stat_subscription_stats_columns[] = {
    OID("subid"), NAME("subname"), INT8("apply_error_count"), INT8("sync_error_count"), TIME("stats_reset")};
static const struct plan_column stat_user_functions_columns[] = {
    OID("funcid"), NAME("schemaname"), NAME("funcname"), INT8("calls"), DOUBLE("total_time"), DOUBLE("self_time")};
static const struct plan_column stat_wal_receiver_columns[] = {INT4("pid"),
                                                               TEXT("status"),
                                                               TEXT("receive_start_lsn"),
                                                               INT4("receive_start_tli"),
                                                               TEXT("written_lsn"),
                                                               TEXT("flushed_lsn"),
                                                               INT4("received_tli"),
                                                               TIME("last_msg_send_time"),
                                                               TIME("last_msg_receipt_time"),
                                                               TEXT("latest_end_lsn"),
                                                               TIME("latest_end_time"),
                                                               TEXT("slot_name"),
                                                               TEXT("sender_host"),
                                                               INT4("sender_port"),
                                                               TEXT("conninfo")};
static const struct plan_column subscription_rel_columns[] = {OID("srsubid"), OID("srrelid"), CHAR("srsubstate"),
                                                              TEXT("srsublsn")};
static const struct plan_column information_triggers[] = {TEXT("trigger_catalog"),
                                                          TEXT("trigger_schema"),
                                                          TEXT("trigger_name"),
                                                          TEXT("event_manipulation"),
                                                          TEXT("event_object_catalog"),
                                                          TEXT("event_object_schema"),
                                                          TEXT("event_object_table"),
                                                          INT4("action_order"),
                                                          TEXT("action_condition"),
                                                          TEXT("action_statement"),
                                                          TEXT("action_orientation"),
                                                          TEXT("action_timing"),
                                                          TEXT("action_reference_old_table"),
                                                          TEXT("action_reference_new_table"),
                                                          TEXT("action_reference_old_row"),
                                                          TEXT("action_reference_new_row"),
                                                          TIME("created")};
static const struct plan_column information_triggered_update_columns[] = {
    TEXT("trigger_catalog"),     TEXT("trigger_schema"),     TEXT("trigger_name"),       TEXT("event_object_catalog"),
    TEXT("event_object_schema"), TEXT("event_object_table"), TEXT("event_object_column")};
static const struct plan_column information_routines[] = {TEXT("specific_catalog"),
                                                          TEXT("specific_schema"),
                                                          TEXT("specific_name"),
                                                          TEXT("routine_catalog"),
                                                          TEXT("routine_schema"),
                                                          TEXT("routine_name"),
                                                          TEXT("routine_type"),
                                                          TEXT("module_catalog"),
                                                          TEXT("module_schema"),
                                                          TEXT("module_name"),
                                                          TEXT("udt_catalog"),
                                                          TEXT("udt_schema"),
                                                          TEXT("udt_name"),
                                                          TEXT("data_type"),
                                                          INT4("character_maximum_length"),
                                                          INT4("character_octet_length"),
                                                          TEXT("character_set_catalog"),
                                                          TEXT("character_set_schema"),
                                                          TEXT("character_set_name"),
                                                          TEXT("collation_catalog"),
                                                          TEXT("collation_schema"),
                                                          TEXT("collation_name"),
                                                          INT4("numeric_precision"),
                                                          INT4("numeric_precision_radix"),
                                                          INT4("numeric_scale"),
                                                          INT4("datetime_precision"),
                                                          TEXT("interval_type"),
                                                          INT4("interval_precision"),
                                                          TEXT("type_udt_catalog"),
                                                          TEXT("type_udt_schema"),
                                                          TEXT("type_udt_name"),
                                                          TEXT("scope_catalog"),
                                                          TEXT("scope_schema"),
                                                          TEXT("scope_name"),
                                                          INT4("maximum_cardinality"),
                                                          TEXT("dtd_identifier"),
                                                          TEXT("routine_body"),
                                                          TEXT("routine_definition"),
                                                          TEXT("external_name"),
                                                          TEXT("external_language"),
                                                          TEXT("parameter_style"),
                                                          TEXT("is_deterministic"),
                                                          TEXT("sql_data_access"),
                                                          TEXT("is_null_call"),
                                                          TEXT("sql_path"),
                                                          TEXT("schema_level_routine"),
                                                          INT4("max_dynamic_result_sets"),
                                                          TEXT("is_user_defined_cast"),
                                                          TEXT("is_implicitly_invocable"),
                                                          TEXT("security_type"),
                                                          TEXT("to_sql_specific_catalog"),
                                                          TEXT("to_sql_specific_schema"),
                                                          TEXT("to_sql_specific_name"),
                                                          TEXT("as_locator"),
                                                          TIME("created"),
                                                          TIME("last_altered"),
                                                          TEXT("new_savepoint_level"),
                                                          TEXT("is_udt_dependent"),
                                                          TEXT("result_cast_from_data_type"),
                                                          TEXT("result_cast_as_locator"),
                                                          INT4("result_cast_char_max_length"),
                                                          INT4("result_cast_char_octet_length"),
                                                          TEXT("result_cast_char_set_catalog"),
                                                          TEXT("result_cast_char_set_schema"),
                                                          TEXT("result_cast_char_set_name"),
                                                          TEXT("result_cast_collation_catalog"),
                                                          TEXT("result_cast_collation_schema"),
                                                          TEXT("result_cast_collation_name"),
                                                          INT4("result_cast_numeric_precision"),
                                                          INT4("result_cast_numeric_precision_radix"),
                                                          INT4("result_cast_numeric_scale"),
                                                          INT4("result_cast_datetime_precision"),
                                                          TEXT("result_cast_interval_type"),
                                                          INT4("result_cast_interval_precision"),
                                                          TEXT("result_cast_type_udt_catalog"),
                                                          TEXT("result_cast_type_udt_schema"),
                                                          TEXT("result_cast_type_udt_name"),
                                                          TEXT("result_cast_scope_catalog"),
                                                          TEXT("result_cast_scope_schema"),
                                                          TEXT("result_cast_scope_name"),
                                                          INT4("result_cast_maximum_cardinality"),
                                                          TEXT("result_cast_dtd_identifier")};
static const struct plan_column information_parameters[] = {TEXT("specific_catalog"),
                                                            TEXT("specific_schema"),
                                                            TEXT("specific_name"),
                                                            INT4("ordinal_position"),
                                                            TEXT("parameter_mode"),
                                                            TEXT("is_result"),
                                                            TEXT("as_locator"),
                                                            TEXT("parameter_name"),
                                                            TEXT("data_type"),
                                                            INT4("character_maximum_length"),
                                                            INT4("character_octet_length"),
                                                            TEXT("character_set_catalog"),
                                                            TEXT("character_set_schema"),
                                                            TEXT("character_set_name"),
                                                            TEXT("collation_catalog"),
                                                            TEXT("collation_schema"),
                                                            TEXT("collation_name"),
                                                            INT4("numeric_precision"),
                                                            INT4("numeric_precision_radix"),
                                                            INT4("numeric_scale"),
                                                            INT4("datetime_precision"),
                                                            TEXT("interval_type"),
                                                            INT4("interval_precision"),
                                                            TEXT("udt_catalog"),
                                                            TEXT("udt_schema"),
                                                            TEXT("udt_name"),
                                                            TEXT("scope_catalog"),
                                                            TEXT("scope_schema"),
                                                            TEXT("scope_name"),
                                                            INT4("maximum_cardinality"),
                                                            TEXT("dtd_identifier"),
                                                            TEXT("parameter_default")};
static const struct plan_column information_routine_column_usage[] = {
    TEXT("specific_catalog"), TEXT("specific_schema"), TEXT("specific_name"), TEXT("routine_catalog"),
    TEXT("routine_schema"),   TEXT("routine_name"),    TEXT("table_catalog"), TEXT("table_schema"),
    TEXT("table_name"),       TEXT("column_name")};
static const struct plan_column information_routine_privileges[] = {
    TEXT("grantor"),        TEXT("grantee"),         TEXT("specific_catalog"), TEXT("specific_schema"),
    TEXT("specific_name"),  TEXT("routine_catalog"), TEXT("routine_schema"),   TEXT("routine_name"),
    TEXT("privilege_type"), TEXT("is_grantable")};
static const struct plan_column information_role_routine_grants[] = {
    TEXT("grantor"),        TEXT("grantee"),         TEXT("specific_catalog"), TEXT("specific_schema"),
    TEXT("specific_name"),  TEXT("routine_catalog"), TEXT("routine_schema"),   TEXT("routine_name"),
    TEXT("privilege_type"), TEXT("is_grantable")};
static const struct plan_column information_foreign_tables[] = {
    TEXT("foreign_table_catalog"), TEXT("foreign_table_schema"), TEXT("foreign_table_name"),
    TEXT("foreign_server_catalog"), TEXT("foreign_server_name")};
static const struct plan_column information_foreign_table_options[] = {
    TEXT("foreign_table_catalog"), TEXT("foreign_table_schema"), TEXT("foreign_table_name"), TEXT("option_name"),
    TEXT("option_value")};
static const struct plan_column information_foreign_servers[] = {
    TEXT("foreign_server_catalog"),    TEXT("foreign_server_name"), TEXT("foreign_data_wrapper_catalog"),
    TEXT("foreign_data_wrapper_name"), TEXT("foreign_server_type"), TEXT("foreign_server_version"),
    TEXT("authorization_identifier")};
static const struct plan_column information_foreign_server_options[] = {
    TEXT("foreign_server_catalog"), TEXT("foreign_server_name"), TEXT("option_name"), TEXT("option_value")};
static const struct plan_column information_foreign_data_wrappers[] = {
    TEXT("foreign_data_wrapper_catalog"), TEXT("foreign_data_wrapper_name"), TEXT("authorization_identifier"),
    TEXT("library_name"), TEXT("foreign_data_wrapper_language")};
static const struct plan_column information_foreign_data_wrapper_options[] = {
    TEXT("foreign_data_wrapper_catalog"), TEXT("foreign_data_wrapper_name"), TEXT("option_name"), TEXT("option_value")};
static const struct plan_column information_user_mappings[] = {
    TEXT("authorization_identifier"), TEXT("foreign_server_catalog"), TEXT("foreign_server_name")};
static const struct plan_column information_user_mapping_options[] = {
    TEXT("authorization_identifier"), TEXT("foreign_server_catalog"), TEXT("foreign_server_name"), TEXT("option_name"),
    TEXT("option_value")};
static const struct plan_column information_user_defined_types[] = {TEXT("user_defined_type_catalog"),
                                                                    TEXT("user_defined_type_schema"),
                                                                    TEXT("user_defined_type_name"),
                                                                    TEXT("user_defined_type_category"),
                                                                    TEXT("is_instantiable"),
                                                                    TEXT("is_final"),
                                                                    TEXT("ordering_form"),
                                                                    TEXT("ordering_category"),
                                                                    TEXT("ordering_routine_catalog"),
                                                                    TEXT("ordering_routine_schema"),
                                                                    TEXT("ordering_routine_name"),
                                                                    TEXT("reference_type"),
                                                                    TEXT("data_type"),
                                                                    INT4("character_maximum_length"),
                                                                    INT4("character_octet_length"),
                                                                    TEXT("character_set_catalog"),
                                                                    TEXT("character_set_schema"),
                                                                    TEXT("character_set_name"),
                                                                    TEXT("collation_catalog"),
                                                                    TEXT("collation_schema"),
                                                                    TEXT("collation_name"),
                                                                    INT4("numeric_precision"),
                                                                    INT4("numeric_precision_radix"),
                                                                    INT4("numeric_scale"),
                                                                    INT4("datetime_precision"),
                                                                    TEXT("interval_type"),
                                                                    INT4("interval_precision"),
                                                                    TEXT("source_dtd_identifier"),
                                                                    TEXT("ref_dtd_identifier")};
static const struct plan_column information_attributes[] = {TEXT("udt_catalog"),
                                                            TEXT("udt_schema"),
                                                            TEXT("udt_name"),
                                                            TEXT("attribute_name"),
                                                            INT4("ordinal_position"),
                                                            TEXT("attribute_default"),
                                                            TEXT("is_nullable"),
                                                            TEXT("data_type"),
                                                            INT4("character_maximum_length"),
                                                            INT4("character_octet_length"),
                                                            TEXT("character_set_catalog"),
                                                            TEXT("character_set_schema"),
                                                            TEXT("character_set_name"),
                                                            TEXT("collation_catalog"),
                                                            TEXT("collation_schema"),
                                                            TEXT("collation_name"),
                                                            INT4("numeric_precision"),
                                                            INT4("numeric_precision_radix"),
                                                            INT4("numeric_scale"),
                                                            INT4("datetime_precision"),
                                                            TEXT("interval_type"),
                                                            INT4("interval_precision"),
                                                            TEXT("attribute_udt_catalog"),
                                                            TEXT("attribute_udt_schema"),
                                                            TEXT("attribute_udt_name"),
                                                            TEXT("scope_catalog"),
                                                            TEXT("scope_schema"),
                                                            TEXT("scope_name"),
                                                            INT4("maximum_cardinality"),
                                                            TEXT("dtd_identifier"),
                                                            TEXT("is_derived_reference_attribute")};
static const struct plan_column information_transforms[] = {
    TEXT("udt_catalog"),     TEXT("udt_schema"),    TEXT("udt_name"),   TEXT("specific_catalog"),
    TEXT("specific_schema"), TEXT("specific_name"), TEXT("group_name"), TEXT("transform_type")};
static const struct plan_column information_data_type_privileges[] = {
    TEXT("object_catalog"), TEXT("object_schema"), TEXT("object_name"), TEXT("object_type"), TEXT("dtd_identifier")};
static const struct plan_column information_column_options[] = {TEXT("table_catalog"), TEXT("table_schema"),
                                                                TEXT("table_name"),    TEXT("column_name"),
                                                                TEXT("option_name"),   TEXT("option_value")};

#define INFORMATION(name_, columns_)                                                                                   \
    { SQL_SCHEMA_INFORMATION, name_, columns_, ARRAY_LENGTH(columns_), nothing }
#define RELATION(name_, columns_)                                                                                      \
    { SQL_SCHEMA_SYSTEM, name_, columns_, ARRAY_LENGTH(columns_), nothing }

const struct catalogue_relation catalogue_empty[] = {
    RELATION("pg_inherits", inherits_columns),
    RELATION("pg_trigger", trigger_columns),
    RELATION("pg_statistic_ext", statistic_ext_columns),
    RELATION("pg_policy", policy_columns),
    RELATION("pg_policies", policies_columns),
    RELATION("pg_publication", publication_columns),
    RELATION("pg_publication_rel", publication_rel_columns),
    RELATION("pg_publication_namespace", publication_namespace_columns),
    RELATION("pg_publication_tables", publication_tables_columns),
    RELATION("pg_auth_members", auth_members_columns),
    RELATION("pg_rules", rules_columns),
    RELATION("pg_event_trigger", event_trigger_columns),
    RELATION("pg_conversion", conversion_columns),
    RELATION("pg_default_acl", default_acl_columns),
    RELATION("pg_ts_config", ts_config_columns),
    RELATION("pg_ts_config_map", ts_config_map_columns),
    RELATION("pg_ts_dict", ts_dict_columns),
    RELATION("pg_ts_parser", ts_parser_columns),
    RELATION("pg_ts_template", ts_template_columns),
    RELATION("pg_amop", amop_columns),
    RELATION("pg_amproc", amproc_columns),
    RELATION("pg_opclass", opclass_columns),
    RELATION("pg_opfamily", opfamily_columns),
    RELATION("pg_subscription", subscription_columns),
    RELATION("pg_foreign_server", foreign_server_columns),
    RELATION("pg_foreign_data_wrapper", foreign_data_wrapper_columns),
    RELATION("pg_foreign_table", foreign_table_columns),
    RELATION("pg_user_mapping", user_mapping_columns),
    RELATION("pg_user_mappings", user_mappings_columns),
    RELATION("pg_db_role_setting", db_role_setting_columns),
    RELATION("pg_parameter_acl", parameter_acl_columns),
    RELATION("pg_largeobject_metadata", largeobject_metadata_columns),
    RELATION("pg_init_privs", init_privs_columns),
    RELATION("pg_transform", transform_columns),
    RELATION("pg_seclabel", seclabel_columns),
    RELATION("pg_shseclabel", shseclabel_columns),
    RELATION("pg_seclabels", seclabels_columns),
    RELATION("pg_shdescription", shdescription_columns),
    RELATION("pg_shdepend", shdepend_columns),
    RELATION("pg_partitioned_table", partitioned_table_columns),
    RELATION("pg_matviews", matviews_columns),
    RELATION("pg_prepared_xacts", prepared_xacts_columns),
    RELATION("pg_range", range_columns),
    RELATION("pg_group", group_columns),
    RELATION("pg_replication_slots", replication_slots_columns),
    RELATION("pg_stat_replication", stat_replication_columns),
    RELATION("pg_hba_file_rules", hba_file_rules_columns),
    RELATION("pg_ident_file_mappings", ident_file_mappings_columns),
    RELATION("pg_largeobject", largeobject_columns),
    RELATION("pg_replication_origin", replication_origin_columns),
    RELATION("pg_replication_origin_status", replication_origin_status_columns),
    RELATION("pg_stat_progress_analyze", stat_progress_analyze_columns),
    RELATION("pg_stat_progress_basebackup", stat_progress_basebackup_columns),
    RELATION("pg_stat_progress_cluster", stat_progress_cluster_columns),
    RELATION("pg_stat_progress_copy", stat_progress_copy_columns),
    RELATION("pg_stat_progress_create_index", stat_progress_create_index_columns),
    RELATION("pg_stat_progress_vacuum", stat_progress_vacuum_columns),
    RELATION("pg_stat_replication_slots", stat_replication_slots_columns),
    RELATION("pg_stat_subscription", stat_subscription_columns),
    RELATION("pg_stat_subscription_stats", stat_subscription_stats_columns),
    RELATION("pg_stat_user_functions", stat_user_functions_columns),
    RELATION("pg_stat_wal_receiver", stat_wal_receiver_columns),
    RELATION("pg_subscription_rel", subscription_rel_columns),
    INFORMATION("triggers", information_triggers),
    INFORMATION("triggered_update_columns", information_triggered_update_columns),
    INFORMATION("routines", information_routines),
    INFORMATION("parameters", information_parameters),
    INFORMATION("routine_column_usage", information_routine_column_usage),
    INFORMATION("routine_privileges", information_routine_privileges),
    INFORMATION("role_routine_grants", information_role_routine_grants),
    INFORMATION("foreign_tables", information_foreign_tables),
    INFORMATION("foreign_table_options", information_foreign_table_options),
    INFORMATION("foreign_servers", information_foreign_servers),
    INFORMATION("foreign_server_options", information_foreign_server_options),
    INFORMATION("foreign_data_wrappers", information_foreign_data_wrappers),
    INFORMATION("foreign_data_wrapper_options", information_foreign_data_wrapper_options),
    INFORMATION("user_mappings", information_user_mappings),
    INFORMATION("user_mapping_options", information_user_mapping_options),
    INFORMATION("user_defined_types", information_user_defined_types),
    INFORMATION("attributes", information_attributes),
    INFORMATION("transforms", information_transforms),
    INFORMATION("data_type_privileges", information_data_type_privileges),
    INFORMATION("column_options", information_column_options),
};
const uint32_t catalogue_empty_count = ARRAY_LENGTH(catalogue_empty);
