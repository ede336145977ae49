/*
 * Writing one setting into a file that people wrote: their comments, order and blanks stay. The reader tells where the
 * old value stands, and where its section ends; the result is read again before it is handed out, so that a file is
 * never made worse than it was.
 */
#include "base/assert.h"
#include "server/settings_internal.h"

/* The value of a key or alias in a document; *section: the table that a new key belongs in, NULL: there is none. */
static const struct toml_value *find_value(const struct toml_value *root, const char *key,
                                           const struct toml_value **section) {
    const char *dot = strchr(key, '.');
    ASSERT(dot != NULL);
    const struct toml_value *table = toml_member(root, slice_make(key, (size_t)(dot - key)));
    *section = table != NULL && table->kind == TOML_TABLE ? table : NULL;
    return *section == NULL ? NULL : toml_member(table, slice_text(dot + 1));
}

static size_t line_end(struct slice text, size_t at) {
    while (at < text.length && text.bytes[at] != '\n') {
        at++;
    }
    return at < text.length ? at + 1 : at;
}

/* What stands as one value behind its key; headers and dotted keys make tables and arrays that do not. */
static bool in_one_place(struct slice text, const struct toml_value *value) {
    return value->end != 0 && (value->kind != TOML_TABLE || text.bytes[value->begin] == '{');
}

/* Where a section's own lines end: behind its last value, else behind its header; 0: it has neither. */
static size_t section_end(struct slice text, const struct toml_value *section) {
    size_t end = section->end;
    for (const struct toml_value *member = section->first; member != NULL; member = member->next) {
        if (in_one_place(text, member) && member->end > end) {
            end = member->end;
        }
    }
    return end == 0 ? 0 : line_end(text, end);
}

static void put_line(struct buffer *out, const char *name, const char *value) {
    if (out->length > 0 && out->bytes[out->length - 1] != '\n') {
        buffer_append_byte(out, '\n');
    }
    buffer_printf(out, "%s = %s\n", name, value);
}

/* The value of a setting under its key, else under its alias; *section: of the key. */
static const struct toml_value *find_setting(const struct toml_value *root, const struct settings_row *setting,
                                             const struct toml_value **section) {
    const struct toml_value *alias_section = NULL;
    const struct toml_value *value = find_value(root, setting->key, section);
    return value == NULL && setting->alias != NULL ? find_value(root, setting->alias, &alias_section) : value;
}

/* value: as TOML. */
static enum kmb_status edit(struct slice text, const struct toml_value *root, const struct settings_row *setting,
                            const char *value, struct buffer *out, struct kmb_error *error) {
    const struct toml_value *section = NULL;
    const struct toml_value *old = find_setting(root, setting, &section);
    const char *dot = strchr(setting->key, '.');
    if (old != NULL && !in_one_place(text, old)) {
        return error_set(error, KMB_CONFIG, "line %u: %s is a table there: take it out by hand first", old->line,
                         setting->key);
    }
    if (old != NULL) {
        buffer_append(out, text.bytes, old->begin);
        buffer_append_text(out, value);
        buffer_append(out, text.bytes + old->end, text.length - old->end);
        return KMB_OK;
    }
    bool header = section != NULL && section->end != 0; /* not one that dotted keys or headers below it made */
    size_t at = section == NULL ? 0 : section_end(text, section);
    bool fresh = at == 0;
    at = fresh ? text.length : at;
    buffer_append(out, text.bytes, at);
    if (fresh) {
        if (at > 0 && text.bytes[at - 1] != '\n') {
            buffer_append_byte(out, '\n');
        }
        buffer_printf(out, "%s[%.*s]\n", at == 0 ? "" : "\n", (int)(dot - setting->key), setting->key);
    }
    put_line(out, header || fresh ? dot + 1 : setting->key, value);
    buffer_append(out, text.bytes + at, text.length - at);
    return KMB_OK;
}

/* Reads an edited text again: the setting is what it was set to. */
static enum kmb_status check_edited(struct slice text, const struct settings *wanted,
                                    const struct settings_row *setting, struct arena *arena, struct kmb_error *error) {
    const struct toml_value *section = NULL;
    struct toml_value *root = NULL;
    struct settings read;
    enum kmb_status status = settings_init(&read, error);
    if (status != KMB_OK) {
        return status;
    }
    status = toml_parse(text, arena, &root, error);
    if (status == KMB_OK) {
        const struct toml_value *now = find_setting(root, setting, &section);
        if (now == NULL || settings_from_toml(&read, setting, now, NULL, error) != KMB_OK ||
            !settings_equal(&read, wanted, setting)) {
            error_clear(error);
            status =
                error_set(error, KMB_CONFIG, "the section of %s can not be extended: write it by hand", setting->key);
        }
    }
    settings_free(&read);
    return status;
}

enum kmb_status settings_edit(struct slice text, const struct settings_row *setting, const char *value,
                              struct buffer *out, struct kmb_error *error) {
    struct arena arena;
    struct toml_value *root = NULL;
    struct settings settings;
    struct buffer toml = {0};
    struct buffer edited = {0};
    arena_init(&arena, 0);
    enum kmb_status status = settings_init(&settings, error);
    if (status != KMB_OK) {
        return status;
    }
    status = settings_from_text(&settings, setting, slice_text(value), NULL, error);
    if (status == KMB_OK && (setting->flags & SETTING_SECRET) != 0) {
        status =
            error_set(error, KMB_CONFIG, "%s is a secret: set it in the environment, or write it into the file by hand",
                      setting->key);
    }
    if (status == KMB_OK) {
        status = toml_parse(text, &arena, &root, error);
    }
    if (status == KMB_OK) {
        settings_toml(&settings, setting, &toml);
        const char *written = buffer_text(&toml);
        status = written == NULL ? error_set(error, KMB_NO_MEMORY, "out of memory")
                                 : edit(text, root, setting, written, &edited, error);
    }
    if (status == KMB_OK) {
        status = buffer_ok(&edited) ? check_edited(buffer_slice(&edited), &settings, setting, &arena, error)
                                    : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (status == KMB_OK) {
        buffer_append_slice(out, buffer_slice(&edited));
        status = buffer_ok(out) ? KMB_OK : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    buffer_free(&edited);
    buffer_free(&toml);
    settings_free(&settings);
    arena_free(&arena);
    return status;
}
