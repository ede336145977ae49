/*
 * PostgreSQL's grammar: text to parse tree, in a statement's arena.
 *
 * The tree is libpg_query's protobuf form, used as it is: one translation less to get wrong. It lives as long as the
 * context's arena and is read-only. Locations in it are byte offsets from 0 in the text.
 */
#ifndef KMB_SQL_PARSE_H
#define KMB_SQL_PARSE_H

#include "sql/parse/scan.h"
#include "sql/parse/tokens.h"

/* The statement of tokens->text; NULL for an empty one. Raises 42601; more than one statement is an error. */
const PgQuery__Node *parse_statement(struct sql_context *context, const struct tokens *tokens);

/* One expression (a stored CHECK or DEFAULT), parsed as the only item of SELECT. The text must be trusted: it was
 * parsed when the table was made. */
PgQuery__Node *parse_expression(struct sql_context *context, const char *text);

/* A stored query, without locations, for they would be none of the statement at hand. The text must be trusted. */
PgQuery__SelectStmt *parse_query(struct sql_context *context, const char *text);
/* SQL text of a query, as parse_query() reads it; arena memory. */
const char *parse_deparse_query(struct sql_context *context, const PgQuery__SelectStmt *select);

/* SQL text of a statement; arena memory. */
const char *parse_deparse_statement(struct sql_context *context, const PgQuery__Node *statement);

/* SQL text of an expression, as parse_expression() reads it; arena memory. */
const char *parse_deparse(struct sql_context *context, const PgQuery__Node *expression);

/* Calls visit on a message and all below it, parents first; a false answer ends the walk and is returned. */
typedef bool (*parse_visit)(ProtobufCMessage *message, void *context);
bool parse_walk(ProtobufCMessage *message, parse_visit visit, void *context);

/* Renames every reference to column `from` in the tree (the name that ends a ColumnRef). */
void parse_rename_column(struct sql_context *context, PgQuery__Node *expression, const char *from, const char *to);
/* Whether the tree names the column. */
bool parse_names_column(PgQuery__Node *expression, const char *name);

/* Whether a cast in the tree names the type; and makes every such name another. */
bool parse_names_type(PgQuery__Node *expression, const char *schema, const char *name);
bool parse_query_names_type(PgQuery__SelectStmt *select, const char *schema, const char *name);
void parse_rename_type(struct sql_context *context, PgQuery__Node *expression, const char *schema, const char *from,
                       const char *to, const char *to_schema);

/* Whether a query reads a table, or a WITH query, of this bare name. */
bool parse_names_table(const PgQuery__SelectStmt *select, const char *name);
bool parse_message_names_table(const ProtobufCMessage *message, const char *name);
/* Whether a kept query or expression reads a relation, in FROM or by a text that names it. What it names without a
 * schema is in the default one, or a WITH query. */
bool parse_names_relation(struct sql_context *context, ProtobufCMessage *tree, const char *schema, const char *name);
/* Spells a relation anew in a kept query or expression; name NULL: all those of the schema. */
struct parse_move {
    const char *schema;
    const char *name;
    const char *new_schema;
    const char *new_name; /* NULL: as it was */
};
/* Whether anything was. */
bool parse_move_relation(struct sql_context *context, ProtobufCMessage *tree, const struct parse_move *move);

/* --- relation.c: names of relations inside texts, as nextval('s') and 's'::regclass have them --- */

/* The name as it is written in SQL: in quotes where it needs them. */
const char *parse_quote_name(struct sql_context *context, const char *name);
/* The text as a literal. */
const char *parse_quote_text(struct sql_context *context, const char *text);
/* Takes a text apart: s, "S", public.s. *schema is "" where none is named. Raises 42602. */
void parse_relation_name(struct sql_context *context, struct slice text, const char **schema, const char **name);
/* nextval('s') -> nextval('s'::regclass), as PostgreSQL keeps it. */
void parse_spell_sequences(struct sql_context *context, ProtobufCMessage *tree);
/* The literal that names a relation, by nextval and its kin or as a regclass; NULL for other messages. */
PgQuery__String *parse_relation_literal(ProtobufCMessage *message);

/* "SELECT statement", "subquery"...: what PostgreSQL's grammar made of a node, for refusals. */
const char *parse_node_name(const PgQuery__Node *node);

/*
 * Runs work(object) on a thread with a stack that the deepest statement admitted by tokens_scan() needs, and waits.
 * False: no thread to be had (work has not run).
 */
bool parse_run_deep(void (*work)(void *object), void *object);

#define PARSE_STACK_BYTES (16u << 20)

#endif
