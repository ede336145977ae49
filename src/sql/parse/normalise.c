/*
 * Statements without their literals. The digest does it in one pass for plain statements; all others go through the
 * grammar, which is slow but knows what a literal is everywhere.
 */
#include "sql/parse/normalise.h"

#include <string.h>

#include <pg_query.h>

#include "base/memory.h"
#include "sql/parse/digest.h"

/* The grammar's walk takes stack for each level of a text: so long a one has few enough for any thread's. */
#define GRAMMAR_BYTES_MAX 4096

static bool by_grammar(struct slice text, struct buffer *out) {
    if (text.length > GRAMMAR_BYTES_MAX) {
        return false;
    }
    char *copy = mem_alloc(text.length + 1);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, text.bytes, text.length);
    copy[text.length] = 0;
    PgQueryNormalizeResult result = pg_query_normalize(copy);
    bool made = result.error == NULL && result.normalized_query != NULL;
    if (made) {
        buffer_append_text(out, result.normalized_query);
    }
    pg_query_free_normalize_result(result);
    mem_free(copy);
    return made && buffer_ok(out);
}

bool sql_normalise(struct slice text, struct buffer *out) {
    struct sql_digest *digest = mem_alloc(sizeof(*digest));
    if (digest == NULL || memchr(text.bytes, 0, text.length) != NULL) {
        mem_free(digest);
        return false;
    }
    /* A digest keeps the literals that it takes no parameter for: only one that took all of them will do. */
    bool made = sql_digest(text, digest) && memchr(digest->key, '\'', digest->key_length) == NULL;
    for (uint32_t i = 0; made && i < digest->key_length; i++) {
        bool digit = digest->key[i] >= '0' && digest->key[i] <= '9';
        char before = i == 0 ? ' ' : digest->key[i - 1];
        bool part = before == '$' || before == '_' || (before >= '0' && before <= '9') ||
                    (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z');
        made = !digit || part;
    }
    if (made) {
        buffer_append(out, digest->key, digest->key_length);
    }
    mem_free(digest);
    return made ? buffer_ok(out) : by_grammar(text, out);
}
