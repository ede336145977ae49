/*
 * DateStyle, IntervalStyle and bytea_output: their words and what is shown of them.
 *
 * DateStyle is a list: a style, an order, or both; what is not said stays, but German brings its own order along.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "sql/setting.h"
#include "sql/sql.h"

static const char *const date_styles[] = {[DATE_STYLE_ISO] = "ISO",
                                          [DATE_STYLE_SQL] = "SQL",
                                          [DATE_STYLE_POSTGRES] = "Postgres",
                                          [DATE_STYLE_GERMAN] = "German"};
static const char *const date_orders[] = {[DATE_ORDER_MDY] = "MDY", [DATE_ORDER_DMY] = "DMY", [DATE_ORDER_YMD] = "YMD"};
static const char *const interval_styles[] = {[INTERVAL_STYLE_POSTGRES] = "postgres",
                                              [INTERVAL_STYLE_VERBOSE] = "postgres_verbose",
                                              [INTERVAL_STYLE_SQL_STANDARD] = "sql_standard",
                                              [INTERVAL_STYLE_ISO_8601] = "iso_8601"};

bool sql_setting_is_style(const char *name) {
    return strcasecmp(name, "datestyle") == 0 || strcasecmp(name, "intervalstyle") == 0 ||
           strcasecmp(name, "bytea_output") == 0;
}

void sql_style_text(struct datetime_style style, const char *name, char *text, size_t size) {
    if (strcasecmp(name, "datestyle") == 0) {
        (void)snprintf(text, size, "%s, %s", date_styles[style.dates], date_orders[style.order]);
    } else if (strcasecmp(name, "intervalstyle") == 0) {
        (void)snprintf(text, size, "%s", interval_styles[style.intervals]);
    } else {
        (void)snprintf(text, size, "%s", style.bytea_escape ? "escape" : "hex");
    }
}

static bool find_word(const char *const *words, size_t count, struct slice text, uint8_t *which) {
    for (size_t i = 0; i < count; i++) {
        if (slice_equal_text(text, words[i])) {
            *which = (uint8_t)i;
            return true;
        }
    }
    return false;
}

bool sql_style_read(const char *name, struct slice text, struct datetime_style *style) {
    if (strcasecmp(name, "datestyle") == 0) {
        const uint8_t *comma = text.length == 0 ? NULL : memchr(text.bytes, ',', text.length);
        size_t length = comma == NULL ? 0 : (size_t)(comma - text.bytes);
        return comma != NULL && text.length > length + 2 &&
               find_word(date_styles, ARRAY_LENGTH(date_styles), slice_make(text.bytes, length), &style->dates) &&
               find_word(date_orders, ARRAY_LENGTH(date_orders), slice_make(comma + 2, text.length - length - 2),
                         &style->order);
    }
    if (strcasecmp(name, "intervalstyle") == 0) {
        return find_word(interval_styles, ARRAY_LENGTH(interval_styles), text, &style->intervals);
    }
    style->bytea_escape = slice_equal_text(text, "escape");
    return style->bytea_escape != 0 || slice_equal_text(text, "hex");
}

const char *sql_setting_style_text(struct sql_context *context, struct datetime_style style, const char *name) {
    char text[32];
    sql_style_text(style, name, text, sizeof(text));
    return sql_printf(context, "%s", text);
}

/* --- DateStyle --- */

struct date_words {
    struct datetime_style style;
    bool has_style;
    bool has_order;
    bool conflict;
};

static void take_style(struct date_words *words, enum date_style style) {
    words->conflict = words->conflict || (words->has_style && words->style.dates != style);
    words->style.dates = (uint8_t)style;
    words->has_style = true;
    if (style == DATE_STYLE_GERMAN && !words->has_order) {
        words->style.order = DATE_ORDER_DMY;
    }
}

static void take_order(struct date_words *words, enum date_order order) {
    words->conflict = words->conflict || (words->has_order && words->style.order != order);
    words->style.order = (uint8_t)order;
    words->has_order = true;
}

static bool take_word(struct date_words *words, const char *word) {
    if (strcasecmp(word, "iso") == 0) {
        take_style(words, DATE_STYLE_ISO);
    } else if (strcasecmp(word, "sql") == 0) {
        take_style(words, DATE_STYLE_SQL);
    } else if (strncasecmp(word, "postgres", 8) == 0) {
        take_style(words, DATE_STYLE_POSTGRES);
    } else if (strcasecmp(word, "german") == 0) {
        take_style(words, DATE_STYLE_GERMAN);
    } else if (strcasecmp(word, "ymd") == 0) {
        take_order(words, DATE_ORDER_YMD);
    } else if (strcasecmp(word, "dmy") == 0 || strncasecmp(word, "euro", 4) == 0) {
        take_order(words, DATE_ORDER_DMY);
    } else if (strcasecmp(word, "mdy") == 0 || strcasecmp(word, "us") == 0 || strncasecmp(word, "noneuro", 7) == 0) {
        take_order(words, DATE_ORDER_MDY);
    } else if (strcasecmp(word, "default") == 0) {
        words->style.dates = words->has_style ? words->style.dates : (uint8_t)DATE_STYLE_ISO;
        words->style.order = words->has_order ? words->style.order : (uint8_t)DATE_ORDER_MDY;
    } else {
        return false;
    }
    return true;
}

static _Noreturn void refuse(struct sql_context *context, const char *name, const char *value, const char *detail,
                             const char *hint) {
    sql_raise_with(context, KMB_INVALID_PARAMETER, 0, detail, hint, "invalid value for parameter \"%s\": \"%s\"", name,
                   value);
}

static struct datetime_style read_dates(struct sql_context *context, const char *value) {
    struct date_words words = {.style =
                                   context->settings == NULL ? (struct datetime_style){0} : context->settings->style};
    for (const char *at = value;;) {
        at += strspn(at, " \t\n");
        size_t length = strcspn(at, ", \t\n");
        bool quoted = at[0] == '"';
        const char *word = sql_printf(context, "%.*s", (int)(quoted && length > 1 ? length - 2 : length), at + quoted);
        at += length;
        at += strspn(at, " \t\n");
        if (length == 0 || (*at != ',' && *at != 0)) {
            refuse(context, "DateStyle", value, "List syntax is invalid.", NULL);
        }
        if (!take_word(&words, word)) {
            refuse(context, "DateStyle", value, sql_printf(context, "Unrecognized key word: \"%s\".", word), NULL);
        }
        if (*at == 0) {
            break;
        }
        at++;
    }
    if (words.conflict) {
        refuse(context, "DateStyle", value, "Conflicting \"datestyle\" specifications.", NULL);
    }
    return words.style;
}

void sql_setting_style_set(struct sql_context *context, const char *name, const char *value, struct plan_ddl *ddl) {
    ddl->style = (struct datetime_style){0};
    if (strcasecmp(name, "datestyle") == 0) {
        ddl->number = 0;
        ddl->style = value == NULL ? ddl->style : read_dates(context, value);
        return;
    }
    if (strcasecmp(name, "intervalstyle") == 0) {
        size_t which = 0;
        while (value != NULL && which < ARRAY_LENGTH(interval_styles) &&
               strcasecmp(value, interval_styles[which]) != 0) {
            which++;
        }
        if (which == ARRAY_LENGTH(interval_styles)) {
            refuse(context, "intervalstyle", value, NULL,
                   "Available values: postgres, postgres_verbose, sql_standard, iso_8601.");
        }
        ddl->number = 1;
        ddl->style.intervals = (uint8_t)which;
        return;
    }
    bool escape = value != NULL && strcasecmp(value, "escape") == 0;
    if (value != NULL && !escape && strcasecmp(value, "hex") != 0) {
        refuse(context, "bytea_output", value, NULL, "Available values: escape, hex.");
    }
    ddl->number = 2;
    ddl->style.bytea_escape = escape;
}
