/* What the files of the settings share. */
#ifndef KMB_SERVER_SETTINGS_INTERNAL_H
#define KMB_SERVER_SETTINGS_INTERNAL_H

#include "server/settings.h"
#include "server/toml.h"

/* Sets a value; directory: of relative paths, NULL: leave them. KMB_CONFIG names the key and what is wanted. */
enum kmb_status settings_from_text(struct settings *settings, const struct settings_row *setting, struct slice text,
                                   const char *directory, struct kmb_error *error);
enum kmb_status settings_from_toml(struct settings *settings, const struct settings_row *setting,
                                   const struct toml_value *value, const char *directory, struct kmb_error *error);
#endif
