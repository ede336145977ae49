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

/* Where a section's own lines end: behind its last value, else behind its header. */
static size_t section_end(struct slice text, const struct toml_value *section) {
    size_t end = section->end;
    for (const struct toml_value *member = section->first; member != NULL; member = member->next) {
        if (member->kind != TOML_TABLE && member->end > end) {
            end = member->end;
        }
    }
    return line_end(text, end);
}

static void put_line(struct buffer *out, const char *name, const char *value) {
    if (out->length > 0 && out->bytes[out->length - 1] != '\n') {
        buffer_append_byte(out, '\n');
    }
    buffer_printf(out, "%s = %s\n", name, value);
}

/* value: as TOML. */
static void edit(struct slice text, const struct toml_value *root, const struct settings_row *setting,
                 const char *value, struct buffer *out) {
    const struct toml_value *section = NULL;
    const struct toml_value *alias_section = NULL;
    const struct toml_value *old = find_value(root, setting->key, &section);
    const char *dot = strchr(setting->key, '.');
    if (old == NULL && setting->alias != NULL) {
        old = find_value(root, setting->alias, &alias_section);
    }
    if (old != NULL) {
        buffer_append(out, text.bytes, old->begin);
        buffer_append_text(out, value);
        buffer_append(out, text.bytes + old->end, text.length - old->end);
        return;
    }
    bool header = section != NULL && section->end != 0; /* not one that dotted keys made */
    size_t at = section == NULL ? text.length : section_end(text, section);
    buffer_append(out, text.bytes, at);
    if (section == NULL) {
        if (at > 0 && text.bytes[at - 1] != '\n') {
            buffer_append_byte(out, '\n');
        }
        buffer_printf(out, "%s[%.*s]\n", at == 0 ? "" : "\n", (int)(dot - setting->key), setting->key);
    }
    put_line(out, header || section == NULL ? dot + 1 : setting->key, value);
    buffer_append(out, text.bytes + at, text.length - at);
}

enum kmb_status settings_edit(struct slice text, const struct settings_row *setting, const char *value,
                              struct buffer *out, struct kmb_error *error) {
    struct arena arena;
    struct toml_value *root = NULL;
    struct settings settings;
    struct buffer toml = {0};
    struct buffer edited = {0};
    const struct toml_value *section = NULL;
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
        if (written != NULL) {
            edit(text, root, setting, written, &edited);
        }
        status = written != NULL && buffer_ok(&edited) ? toml_parse(buffer_slice(&edited), &arena, &root, error)
                                                       : error_set(error, KMB_NO_MEMORY, "out of memory");
    }
    if (status == KMB_OK) {
        const struct toml_value *now = find_value(root, setting->key, &section);
        if (now == NULL && setting->alias != NULL) {
            now = find_value(root, setting->alias, &section);
        }
        if (now == NULL) {
            status =
                error_set(error, KMB_CONFIG, "the section of %s can not be extended: write it by hand", setting->key);
        }
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
