/*
 * Verbs and options of parts that have no code: refused by what they are of, so that nobody looks for a misspelling,
 * and never answered as if something had been done. They stand in no help and complete nothing.
 */
#include <string.h>

#include "base/assert.h"
#include "base/error.h"
#include "cli/table.h"

static const struct later {
    const char *word;
    const char *part;
} later[] = {
    {"cluster", "a cluster of servers"},
    {"replica", "a cluster of servers"},
    {"replication", "a cluster of servers"},
    {"standby", "a cluster of servers"},
    {"studio", "the studio, a face in the browser,"},
    {"audit", "reports of the audit record"},
    {"compliance", "reports of compliance"},
    {"classify", "the review of data classes"},
    {"consent", "consent and its record"},
    {"erasure", "erasure by key destruction"},
    {"purge", "erasure by key destruction"},
    {"masking", "masks of columns"},
    {"breach", "the watch for breaches"},
    {"--cluster", "a cluster of servers"},
    {"--studio", "the studio, a face in the browser,"},
    {"--no-studio", "the studio, a face in the browser,"},
    {"--studio-port", "the studio, a face in the browser,"},
};

int cli_later(const char *word) {
    struct kmb_error error = {0};
    size_t length = strncmp(word, "--", 2) == 0 ? strcspn(word, "=") : strlen(word);
    for (size_t i = 0; i < ARRAY_LENGTH(later); i++) {
        if (strlen(later[i].word) == length && memcmp(later[i].word, word, length) == 0) {
            error_set(&error, KMB_UNSUPPORTED, "not implemented: %s: %s has no code yet", later[i].word, later[i].part);
            return cli_fail(&error, NULL, 0, NULL);
        }
    }
    return 0;
}
