/* DO, whose code is read here and run by the engine, and CREATE EXTENSION. */
#include "sql/bind/bind.h"
#include "sql/block.h"
#include "sql/extension.h"

/* The ones that are here are here already. */
void bind_create_extension(struct bind *bind, const PgQuery__CreateExtensionStmt *node,
                           struct plan_statement *statement) {
    bool known = false;
    for (size_t i = 0; i < EXTENSION_COUNT; i++) {
        known = known || strcmp(extensions[i].name, node->extname) == 0;
    }
    if (!known) {
        sql_raise_with(bind->context, KMB_UNSUPPORTED, bind->tokens->first, NULL,
                       "What is built in of extensions: SELECT * FROM pg_available_extensions.",
                       "extension \"%s\" is not available", node->extname);
    }
    if (!node->if_not_exists) {
        sql_raise(bind->context, KMB_DUPLICATE_OBJECT, 0, "extension \"%s\" already exists", node->extname);
    }
    bind_notice(bind, KMB_DUPLICATE_OBJECT, "extension \"%s\" already exists, skipping", node->extname);
    struct plan_ddl *ddl = sql_alloc_zero(bind->context, 1, sizeof(*ddl));
    ddl->kind = DDL_NOTHING;
    statement->ddl = ddl;
}

/* Where the code begins that a literal holds, as far as it stands there as it is: in dollar quotes. 0: it does not. */
static uint32_t code_position(const struct bind *bind, const char *code) {
    const char *text = bind->tokens->text;
    const char *found = strstr(text, code);
    return found == NULL || found == text || found[-1] != '$' ? 0 : (uint32_t)(found - text) + 1;
}

void bind_do(struct bind *bind, const PgQuery__DoStmt *node, struct plan_statement *statement) {
    const char *code = NULL;
    for (size_t i = 0; i < node->n_args; i++) {
        const PgQuery__DefElem *option = node->args[i]->def_elem;
        const char *text = bind_string(option->arg);
        if (strcmp(option->defname, "as") == 0) {
            code = text;
        } else if (strcmp(text, "plpgsql") != 0) {
            sql_raise(bind->context, KMB_UNDEFINED_OBJECT, bind->tokens->first, "language \"%s\" does not exist", text);
        }
    }
    if (code == NULL) {
        sql_raise(bind->context, KMB_SYNTAX, bind->tokens->first, "no inline code specified");
    }
    statement->kind = STATEMENT_BLOCK;
    statement->tag = "DO";
    statement->block = block_parse(bind->context, code, code_position(bind, code));
}
