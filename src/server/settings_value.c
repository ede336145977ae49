/*
 * One value of a setting: from text, from TOML, and back to text. Text comes from the environment and the command line,
 * where everything is text; a file says what it means, so there a number in quotes is an error.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "server/settings_internal.h"

struct unit {
    const char *name;
    uint64_t factor;
};
static const struct unit size_units[] = {
    {"B", 1},
    {"kB", UINT64_C(1) << 10},
    {"KB", UINT64_C(1) << 10},
    {"KiB", UINT64_C(1) << 10},
    {"MB", 1 << 20},
    {"MiB", 1 << 20},
    {"GB", 1 << 30},
    {"GiB", 1 << 30},
    {"TB", UINT64_C(1) << 40},
    {"TiB", UINT64_C(1) << 40},
};
static const struct unit duration_units[] = {{"ms", 1},      {"s", 1000},    {"m", 60000},
                                             {"min", 60000}, {"h", 3600000}, {"d", 86400000}};

static void *field(const struct settings *settings, const struct settings_row *setting) {
    return (uint8_t *)(uintptr_t)settings + setting->offset;
}

/* --- saying what is wanted ---------------------------------------------------------------------------------------- */

/* The largest unit that measures the amount whole. */
static void print_units(uint64_t amount, const struct unit *units, size_t count, struct buffer *out) {
    const struct unit *best = &units[0];
    for (size_t i = 0; amount != 0 && i < count; i++) {
        if (amount % units[i].factor == 0 && units[i].factor > best->factor) {
            best = &units[i];
        }
    }
    buffer_printf(out, "%llu%s", (unsigned long long)(amount / best->factor), amount == 0 ? "" : best->name);
}

static void print_amount(const struct settings_row *setting, uint64_t amount, struct buffer *out) {
    if (setting->type == SETTING_SIZE) {
        print_units(amount, size_units, ARRAY_LENGTH(size_units), out);
    } else if (setting->type == SETTING_DURATION) {
        print_units(amount, duration_units, ARRAY_LENGTH(duration_units), out);
    } else {
        buffer_printf(out, "%llu", (unsigned long long)amount);
    }
}

void settings_wanted(const struct settings_row *setting, struct buffer *out) {
    switch (setting->type) {
    case SETTING_BOOLEAN:
        buffer_append_text(out, "true or false");
        return;
    case SETTING_TEXT:
    case SETTING_PATH:
        buffer_append_text(out, setting->type == SETTING_PATH ? "a path" : "a text");
        return;
    case SETTING_LIST:
        buffer_append_text(out, "a text, or a list of texts");
        return;
    case SETTING_CHOICE:
        for (size_t i = 0; setting->choices[i] != NULL; i++) {
            buffer_printf(out, "%s%s",
                          i == 0                            ? ""
                          : setting->choices[i + 1] == NULL ? " or "
                                                            : ", ",
                          setting->choices[i]);
        }
        return;
    case SETTING_INTEGER:
        buffer_append_text(out, "a number from ");
        break;
    case SETTING_SIZE:
        buffer_append_text(out, "a size (4096, \"64MB\") from ");
        break;
    case SETTING_DURATION:
        buffer_append_text(out, "a time with its unit (\"500ms\", \"30s\", \"5m\", \"1h\", \"7d\") from ");
        break;
    }
    print_amount(setting, setting->least, out);
    buffer_append_text(out, " to ");
    print_amount(setting, setting->most, out);
    buffer_append_text(out, setting->zero ? ", or 0" : "");
}

static enum kmb_status refuse(const struct settings_row *setting, struct slice shown, struct kmb_error *error) {
    struct buffer wanted = {0};
    settings_wanted(setting, &wanted);
    const char *text = buffer_text(&wanted);
    bool secret = (setting->flags & SETTING_SECRET) != 0;
    error_set(error, KMB_CONFIG, "invalid value %s%.*s%s for %s: %s", secret ? "" : "\"",
              secret ? 8 : (int)(shown.length > 80 ? 80 : shown.length),
              secret ? "(secret)" : (const char *)shown.bytes, secret ? "" : "\"", setting->key,
              text == NULL ? "another is wanted" : text);
    buffer_free(&wanted);
    return KMB_CONFIG;
}

/* --- from text ---------------------------------------------------------------------------------------------------- */

/* Digits, then one of the units; without a unit the number itself where `bare` allows, and 0 always. */
static bool read_amount(struct slice text, const struct unit *units, size_t count, bool bare, uint64_t *amount) {
    uint64_t number = 0;
    size_t at = 0;
    for (; at < text.length && text.bytes[at] >= '0' && text.bytes[at] <= '9'; at++) {
        if (number > (UINT64_MAX - 9) / 10) {
            return false;
        }
        number = number * 10 + (uint64_t)(text.bytes[at] - '0');
    }
    if (at == 0) {
        return false;
    }
    struct slice unit = slice_make(text.bytes + at, text.length - at);
    uint64_t factor = unit.length == 0 && (bare || number == 0) ? 1 : 0;
    for (size_t i = 0; i < count; i++) {
        factor = slice_equal_text(unit, units[i].name) ? units[i].factor : factor;
    }
    *amount = number * factor;
    return factor != 0 && number <= UINT64_MAX / factor;
}

static bool in_range(const struct settings_row *setting, uint64_t amount) {
    return (amount >= setting->least && amount <= setting->most) || (amount == 0 && setting->zero);
}

static bool read_number(const struct settings_row *setting, struct slice text, uint64_t *amount) {
    bool read = setting->type == SETTING_SIZE ? read_amount(text, size_units, ARRAY_LENGTH(size_units), true, amount)
                : setting->type == SETTING_DURATION
                    ? read_amount(text, duration_units, ARRAY_LENGTH(duration_units), false, amount)
                    : read_amount(text, NULL, 0, true, amount);
    return read && in_range(setting, *amount);
}

static bool read_boolean(struct slice text, bool *value) {
    static const char *const words[] = {"false", "true", "off", "on", "no", "yes", "0", "1"};
    for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
        if (slice_equal_text(text, words[i])) {
            *value = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static bool read_choice(const struct settings_row *setting, struct slice text, unsigned *value) {
    for (unsigned i = 0; setting->choices[i] != NULL; i++) {
        if (slice_equal_text(text, setting->choices[i])) {
            *value = i;
            return true;
        }
    }
    return false;
}

/* A path that is relative is one of the directory; NULL: memory is out. */
static const char *keep_path(struct settings *settings, struct slice text, const char *directory) {
    return directory == NULL || text.length == 0 || text.bytes[0] == '/'
               ? arena_text(&settings->arena, text)
               : arena_printf(&settings->arena, "%s%s%.*s", directory,
                              directory[strlen(directory) - 1] == '/' ? "" : "/", (int)text.length,
                              (const char *)text.bytes);
}

static struct slice trim(struct slice text) {
    while (text.length > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

/* Texts separated by commas. false: memory is out, or one of them is empty (*empty). */
static bool read_list(struct settings *settings, struct slice text, struct setting_list *list, bool *empty) {
    size_t count = text.length == 0 ? 0 : 1;
    for (size_t i = 0; i < text.length; i++) {
        count += text.bytes[i] == ',';
    }
    const char **texts = arena_alloc_zero(&settings->arena, count + 1, sizeof(*texts));
    for (size_t i = 0, at = 0; texts != NULL && i < count; i++) {
        size_t end = at;
        while (end < text.length && text.bytes[end] != ',') {
            end++;
        }
        struct slice part = trim(slice_make(text.bytes + at, end - at));
        *empty = *empty || part.length == 0;
        texts[i] = arena_text(&settings->arena, part);
        if (texts[i] == NULL) {
            return false;
        }
        at = end + 1;
    }
    *list = (struct setting_list){.texts = texts, .count = count};
    return texts != NULL && !*empty;
}

enum kmb_status settings_from_text(struct settings *settings, const struct settings_row *setting, struct slice text,
                                   const char *directory, struct kmb_error *error) {
    void *place = field(settings, setting);
    uint64_t amount = 0;
    unsigned choice = 0;
    bool boolean = false;
    bool good = true;
    const char *kept = "";
    struct setting_list list = {0};
    switch (setting->type) {
    case SETTING_BOOLEAN:
        good = read_boolean(text, &boolean);
        *(bool *)place = good ? boolean : *(bool *)place;
        break;
    case SETTING_INTEGER:
    case SETTING_SIZE:
    case SETTING_DURATION:
        good = read_number(setting, text, &amount);
        *(uint64_t *)place = good ? amount : *(uint64_t *)place;
        break;
    case SETTING_CHOICE:
        good = read_choice(setting, text, &choice);
        *(unsigned *)place = good ? choice : *(unsigned *)place;
        break;
    case SETTING_TEXT:
    case SETTING_PATH:
        good = memchr(text.length == 0 ? (const void *)"" : text.bytes, 0, text.length) == NULL;
        kept = keep_path(settings, text, setting->type == SETTING_PATH ? directory : NULL);
        *(const char **)place = good && kept != NULL ? kept : *(const char **)place;
        break;
    case SETTING_LIST: {
        bool empty = false;
        good = read_list(settings, text, &list, &empty);
        kept = good || empty ? "" : NULL;
        *(struct setting_list *)place = good ? list : *(struct setting_list *)place;
        break;
    }
    }
    if (kept == NULL) {
        return error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    return good ? KMB_OK : refuse(setting, text, error);
}

/* --- from TOML ---------------------------------------------------------------------------------------------------- */

static enum kmb_status from_array(struct settings *settings, const struct settings_row *setting,
                                  const struct toml_value *value, struct kmb_error *error) {
    struct buffer joined = {0};
    for (const struct toml_value *member = value->first; member != NULL; member = member->next) {
        if (member->kind != TOML_TEXT || memchr(member->text.bytes, ',', member->text.length) != NULL) {
            buffer_free(&joined);
            return refuse(setting, slice_text(toml_kind_name(value->kind)), error);
        }
        buffer_append_text(&joined, member == value->first ? "" : ",");
        buffer_append_slice(&joined, member->text);
    }
    enum kmb_status status = buffer_ok(&joined)
                                 ? settings_from_text(settings, setting, buffer_slice(&joined), NULL, error)
                                 : error_set(error, KMB_NO_MEMORY, "out of memory");
    buffer_free(&joined);
    return status;
}

enum kmb_status settings_from_toml(struct settings *settings, const struct settings_row *setting,
                                   const struct toml_value *value, const char *directory, struct kmb_error *error) {
    enum setting_type type = setting->type;
    char number[24];
    if (value->kind == TOML_TEXT && type != SETTING_BOOLEAN && type != SETTING_INTEGER) {
        return settings_from_text(settings, setting, value->text, directory, error);
    }
    if (value->kind == TOML_BOOLEAN && type == SETTING_BOOLEAN) {
        return settings_from_text(settings, setting, slice_text(value->boolean ? "true" : "false"), directory, error);
    }
    if (value->kind == TOML_INTEGER && (type == SETTING_INTEGER || type == SETTING_SIZE || type == SETTING_DURATION)) {
        snprintf(number, sizeof(number), "%lld", (long long)value->integer);
        return settings_from_text(settings, setting, slice_text(number), directory, error);
    }
    if (value->kind == TOML_ARRAY && type == SETTING_LIST) {
        return from_array(settings, setting, value, error);
    }
    struct buffer wanted = {0};
    settings_wanted(setting, &wanted);
    const char *text = buffer_text(&wanted);
    error_set(error, KMB_CONFIG, "%s is %s, not %s", setting->key, toml_kind_name(value->kind),
              text == NULL ? "what is wanted" : text);
    buffer_free(&wanted);
    return KMB_CONFIG;
}

/* --- to text ------------------------------------------------------------------------------------------------------ */

static void print_quoted(const char *text, struct buffer *out) {
    buffer_append_byte(out, '"');
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\') {
            buffer_append_byte(out, '\\');
        }
        if ((unsigned char)*text < ' ' || *text == 0x7f) {
            buffer_printf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        } else {
            buffer_append_byte(out, (uint8_t)*text);
        }
    }
    buffer_append_byte(out, '"');
}

static void print_value(const struct settings *settings, const struct settings_row *setting, bool toml,
                        struct buffer *out) {
    const void *place = field(settings, setting);
    const struct setting_list *list = place;
    struct buffer text = {0};
    bool quotes = toml;
    switch (setting->type) {
    case SETTING_BOOLEAN:
        buffer_append_text(&text, *(const bool *)place ? "true" : "false");
        quotes = false;
        break;
    case SETTING_INTEGER:
    case SETTING_SIZE:
    case SETTING_DURATION:
        print_amount(setting, *(const uint64_t *)place, &text);
        quotes = toml && setting->type != SETTING_INTEGER && *(const uint64_t *)place != 0;
        break;
    case SETTING_CHOICE:
        buffer_append_text(&text, setting->choices[*(const unsigned *)place]);
        break;
    case SETTING_TEXT:
    case SETTING_PATH: {
        const char *kept = *(const char *const *)place;
        buffer_append_text(&text, (setting->flags & SETTING_SECRET) != 0 && kept[0] != 0 ? "(set)" : kept);
        break;
    }
    case SETTING_LIST:
        buffer_append_text(&text, toml ? "[" : "");
        for (size_t i = 0; i < list->count; i++) {
            buffer_append_text(&text, i == 0 ? "" : toml ? ", " : ",");
            if (toml) {
                print_quoted(list->texts[i], &text);
            } else {
                buffer_append_text(&text, list->texts[i]);
            }
        }
        buffer_append_text(&text, toml ? "]" : "");
        quotes = false;
        break;
    }
    const char *whole = buffer_text(&text);
    if (whole == NULL) {
        out->failed = true;
    } else if (quotes) {
        print_quoted(whole, out);
    } else {
        buffer_append_text(out, whole);
    }
    buffer_free(&text);
}

void settings_text(const struct settings *settings, const struct settings_row *setting, struct buffer *out) {
    print_value(settings, setting, false, out);
}

void settings_toml(const struct settings *settings, const struct settings_row *setting, struct buffer *out) {
    print_value(settings, setting, true, out);
}

bool settings_equal(const struct settings *a, const struct settings *b, const struct settings_row *setting) {
    const void *left = field(a, setting);
    const void *right = field(b, setting);
    const struct setting_list *left_list = left;
    const struct setting_list *right_list = right;
    switch (setting->type) {
    case SETTING_BOOLEAN:
        return *(const bool *)left == *(const bool *)right;
    case SETTING_INTEGER:
    case SETTING_SIZE:
    case SETTING_DURATION:
        return *(const uint64_t *)left == *(const uint64_t *)right;
    case SETTING_CHOICE:
        return *(const unsigned *)left == *(const unsigned *)right;
    case SETTING_TEXT:
    case SETTING_PATH:
        return strcmp(*(const char *const *)left, *(const char *const *)right) == 0;
    case SETTING_LIST:
        break;
    }
    bool equal = left_list->count == right_list->count;
    for (size_t i = 0; equal && i < left_list->count; i++) {
        equal = strcmp(left_list->texts[i], right_list->texts[i]) == 0;
    }
    return equal;
}
