/*
 * Unicode's normal forms of text: normalize() and IS NORMALIZED. The tables are utf8proc's; composed text is made in
 * two steps, its code points decomposed and ordered, then put together in place.
 */
#include <utf8proc.h>

#include "base/assert.h"
#include "sql/func/loops.h"

static utf8proc_option_t form_of(const struct sql_call *call, struct slice name) {
    static const struct {
        const char *name;
        int options;
    } forms[] = {
        {"NFC", UTF8PROC_STABLE | UTF8PROC_COMPOSE},
        {"NFD", UTF8PROC_STABLE | UTF8PROC_DECOMPOSE},
        {"NFKC", UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT},
        {"NFKD", UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        if (name.length == strlen(forms[i].name) &&
            strncasecmp((const char *)name.bytes, forms[i].name, name.length) == 0) {
            return (utf8proc_option_t)forms[i].options;
        }
    }
    sql_raise(call->context, KMB_INVALID_PARAMETER, call->position, "invalid normalization form: %.*s",
              (int)name.length, (const char *)name.bytes);
}

static bool is_ascii(struct slice text) {
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

static struct slice normalized(const struct sql_call *call, struct slice text, utf8proc_option_t options) {
    if (is_ascii(text)) {
        return text;
    }
    utf8proc_ssize_t wanted = utf8proc_decompose(text.bytes, (utf8proc_ssize_t)text.length, NULL, 0, options);
    if (wanted < 0) { /* beyond what can be counted */
        sql_raise(call->context, KMB_LIMIT, call->position, "%s", utf8proc_errmsg(wanted));
    }
    /* one place more: the text that is made in place ends with a zero */
    utf8proc_int32_t *points = (utf8proc_int32_t *)(void *)result_bytes(call, ((size_t)wanted + 1) * sizeof(*points));
    utf8proc_ssize_t count = utf8proc_decompose(text.bytes, (utf8proc_ssize_t)text.length, points, wanted, options);
    ASSERT(count == wanted);
    utf8proc_ssize_t length = utf8proc_reencode(points, count, options);
    ASSERT(length >= 0);
    return slice_make((uint8_t *)(void *)points, (size_t)length);
}

static utf8proc_option_t form_argument(const struct sql_call *call, struct vector *const *arguments, uint32_t row) {
    return form_of(call, call->argument_count == 2 ? ARGUMENT_BYTES(1, row) : slice_text("NFC"));
}

static void fn_normalize(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        result->bytes[row] = normalized(call, ARGUMENT_BYTES(0, row), form_argument(call, arguments, row));
    }
}

static void fn_is_normalized(SCALAR_PARAMETERS) {
    EACH_ROW(row) {
        struct slice text = ARGUMENT_BYTES(0, row);
        result->boolean[row] = slice_equal(text, normalized(call, text, form_argument(call, arguments, row)));
    }
}

/* clang-format off */
static const struct sql_function normalize_rows[] = {
    FN("normalize", fn_normalize, TYPE_TEXT, "in Unicode's normal form C", TYPE_TEXT),
    FN("normalize", fn_normalize, TYPE_TEXT, "in a normal form: NFC, NFD, NFKC, NFKD", TYPE_TEXT, TYPE_TEXT),
    FN("is_normalized", fn_is_normalized, TYPE_BOOL, "whether it is in normal form C", TYPE_TEXT),
    FN("is_normalized", fn_is_normalized, TYPE_BOOL, "whether it is in a normal form: NFC, NFD, NFKC, NFKD", TYPE_TEXT,
       TYPE_TEXT),
};
/* clang-format on */

struct function_rows function_rows_normalize(void) {
    return FUNCTION_ROWS(normalize_rows);
}
