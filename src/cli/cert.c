/*
 * cert: an authority of one's own, and certificates for servers and users that it signs. For development, and for
 * houses that have no other authority; who has one gives its files to tls.cert, tls.key and tls.ca instead.
 *
 * A certificate's files are called by its first name. The authority's are ca.crt and ca.key in the same directory; only
 * ca.crt is for clients.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/project.h"
#include "server/certificate.h"

#define CERT_DIRECTORY "certs"
#define CERT_AUTHORITY "ca"

struct cert_files {
    char certificate[CLI_PATH_MAX];
    char key[CLI_PATH_MAX];
};

static const char *cert_directory(const struct cli_options *options) {
    return options->directory == NULL ? CERT_DIRECTORY : options->directory;
}

/* <directory>/<name>.crt and .key; a star in a name is no good one in a file's. */
static int cert_place(const struct cli_options *options, const char *name, struct cert_files *files) {
    char base[256];
    if (strchr(name, '/') != NULL || name[0] == '.' || name[0] == '\0' || strlen(name) >= sizeof base) {
        return cli_error(2, "invalid name \"%s\"", name);
    }
    snprintf(base, sizeof base, "%s", name);
    for (char *at = base; *at != '\0'; at++) {
        *at = *at == '*' ? '_' : *at;
    }
    int first = snprintf(files->certificate, CLI_PATH_MAX, "%s/%s.crt", cert_directory(options), base);
    int second = snprintf(files->key, CLI_PATH_MAX, "%s/%s.key", cert_directory(options), base);
    return first < CLI_PATH_MAX && second < CLI_PATH_MAX ? 0 : cli_error(2, "path is too long: %s", name);
}

static int cert_make(const struct cli_options *options, enum certificate_use use, const char *name,
                     const char *const *names, size_t name_count) {
    struct cert_files files;
    struct cert_files authority;
    struct kmb_error error = {0};
    bool root = use == CERTIFICATE_AUTHORITY;
    int code = cert_place(options, root ? CERT_AUTHORITY : name, &files);
    if (code == 0) {
        code = cert_place(options, CERT_AUTHORITY, &authority);
    }
    if (code != 0) {
        return code;
    }
    if (!root && strcmp(name, CERT_AUTHORITY) == 0) {
        return cli_error(2, "invalid name \"%s\": it is the authority's", name);
    }
    if (mkdir(cert_directory(options), 0700) != 0 && errno != EEXIST) {
        return cli_error(1, "cannot make directory %s: %s", cert_directory(options), strerror(errno));
    }
    uint64_t days = options->days != 0 ? options->days : root ? CERTIFICATE_DAYS_AUTHORITY : CERTIFICATE_DAYS_LEAF;
    struct certificate_request request = {.use = use,
                                          .common_name = name,
                                          .names = names,
                                          .name_count = name_count,
                                          .days = (unsigned)days,
                                          .authority_file = root ? NULL : authority.certificate,
                                          .authority_key_file = root ? NULL : authority.key,
                                          .certificate_file = files.certificate,
                                          .key_file = files.key};
    enum kmb_status status = certificate_make(&request, &error);
    if (status == KMB_FILE_NOT_FOUND && !root) {
        snprintf(error.hint, sizeof error.hint, "Make an authority first: kimberlite cert authority");
    }
    if (status != KMB_OK) {
        return cli_fail(&error, NULL, 0, NULL);
    }
    static const char *const labels[] = {"certificate", "key", "days"};
    char text[24];
    snprintf(text, sizeof text, "%u", request.days);
    const char *facts[] = {files.certificate, files.key, text};
    struct output output;
    output_init(&output, options, CLI_TABLE);
    output_facts(&output, labels, facts, "ttn");
    return 0;
}

int cli_cert(const struct cli_options *options) {
    const char *action = options->arguments[0];
    const char *const *names = options->arguments + 1;
    size_t count = (size_t)options->argument_count - 1;
    if (strcmp(action, "authority") == 0) {
        return count > 1
                   ? cli_error(2, "one name for an authority")
                   : cert_make(options, CERTIFICATE_AUTHORITY, count == 0 ? "Kimberlite authority" : names[0], NULL, 0);
    }
    if (strcmp(action, "server") == 0) {
        static const char *const standard[] = {"localhost", "127.0.0.1", "::1"};
        return count == 0 ? cert_make(options, CERTIFICATE_SERVER, standard[0], standard, 3)
                          : cert_make(options, CERTIFICATE_SERVER, names[0], names, count);
    }
    if (strcmp(action, "client") == 0) {
        return count != 1 ? cli_error(2, "cert client takes one name: the user's")
                          : cert_make(options, CERTIFICATE_CLIENT, names[0], NULL, 0);
    }
    return cli_error(2, "invalid action '%s': authority, server or client", action);
}
