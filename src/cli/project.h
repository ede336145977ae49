/* Projects, for the verbs that make, check and back them up. */
#ifndef KMB_CLI_PROJECT_H
#define KMB_CLI_PROJECT_H

#include "base/io.h"
#include "cli/cli.h"
#include "server/settings.h"

#define PROJECT_FILE       "kimberlite.toml"
#define PROJECT_LOCAL_FILE "kimberlite.local.toml"

/* directory/name, or name where it begins with a slash. false: longer than a path may be. */
bool project_join(char out[CLI_PATH_MAX], const char *directory, const char *name);
int project_too_long(const char *path);
/* Removes a directory that we made, with what we put into it. */
void project_remove_tree(const struct io *io, const char *directory);

/* The same as cli_settings(), with the error for the caller to tell. */
enum kmb_status cli_read_settings(const struct cli_options *options, const char *project, struct settings *settings,
                                  struct kmb_error *error);
/* All layers of a project's settings (project NULL: without one), the command line's included. 0, then settings_free();
 * or an exit code after telling why. */
int cli_settings(const struct cli_options *options, const char *project, struct settings *settings);
/* The passphrase of --passphrase-file or KIMBERLITE_PASSPHRASE into *place, "" where there is none. */
int project_passphrase(const struct cli_options *options, struct cli_place *place);
/* The first line of a file ("-": asked at the terminal, with the prompt, and again where there is a second one), or,
 * file NULL, the text. 0, or an exit code after telling why. */
int project_read_passphrase(const char *file, const char *text, const char *prompt, const char *again,
                            char out[CLI_PASSPHRASE_SIZE]);
/* The steps of cli_find_directory(), for who goes on where the settings can not be read. Refuses where a server is
 * named and no directory; then finds the project's directory, or without one the data's, but reads no settings. */
int project_check_directory(const struct cli_options *options);
int project_find(const struct cli_options *options, struct cli_place *place);
/* Takes the settings of a project's directory into *place. */
int project_use(const struct cli_options *options, const char *directory, struct cli_place *place);

#endif
