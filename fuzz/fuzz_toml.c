/* The reader of TOML, and settings read from and written into what it accepts. */
#include <stdlib.h>

#include "base/assert.h"
#include "server/settings.h"
#include "server/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* A value put into an accepted document is there when it is read again: settings_edit() says so itself. */
static void edit(struct slice document, const struct settings_row *setting) {
    struct buffer once = {0};
    struct buffer twice = {0};
    if (settings_edit(document, setting, setting->initial, &once, NULL) == KMB_OK) {
        enum kmb_status status = settings_edit(buffer_slice(&once), setting, setting->initial, &twice, NULL);
        ASSERT(status == KMB_OK && slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    }
    buffer_free(&once);
    buffer_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena arena;
    struct toml_value *root = NULL;
    struct kmb_error error = {0};
    struct slice document = slice_make(bytes, size);
    arena_init(&arena, 0);
    enum kmb_status status = toml_parse(document, &arena, &root, &error);
    ASSERT((status == KMB_OK) == (root != NULL) && (root != NULL || error.message[0] != 0));
    arena_free(&arena);
    if (status == KMB_OK) {
        edit(document, settings_find(slice_text("log.level")));
        edit(document, settings_find(slice_text("limits.connections")));
        edit(document, settings_find(slice_text("server.listen")));
    }
    return 0;
}
