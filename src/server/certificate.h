/*
 * Certificates for development and for a house of one's own: an authority, servers and clients signed by it. Keys are
 * P-256, which every driver accepts; signatures ECDSA with SHA-256, so that SCRAM-SHA-256-PLUS has a binding.
 *
 * Files are new or the call fails: nothing is ever written over. A key file is for its owner alone (0600).
 */
#ifndef KMB_SERVER_CERTIFICATE_H
#define KMB_SERVER_CERTIFICATE_H

#include "base/error.h"

enum certificate_use { CERTIFICATE_AUTHORITY, CERTIFICATE_SERVER, CERTIFICATE_CLIENT };

#define CERTIFICATE_DAYS_AUTHORITY 3650
#define CERTIFICATE_DAYS_LEAF      365
#define CERTIFICATE_DAYS_MAX       36500
#define CERTIFICATE_NAMES_MAX      64

struct certificate_request {
    enum certificate_use use;
    const char *common_name;  /* of a client: the user; 1..64 bytes */
    const char *const *names; /* of a server: host names and addresses it is reached by, at least one */
    size_t name_count;
    unsigned days;              /* 1..CERTIFICATE_DAYS_MAX */
    const char *authority_file; /* who signs; NULL for an authority, which signs itself */
    const char *authority_key_file;
    const char *certificate_file; /* written, 0644 */
    const char *key_file;         /* written, 0600 */
};

/* KMB_USAGE: a name that is none. KMB_FILE_EXISTS, KMB_FILE_NOT_FOUND, KMB_IO, KMB_CONFIG: an authority's file that is
 * none, KMB_NO_MEMORY. With an error no file is left behind. */
enum kmb_status certificate_make(const struct certificate_request *request, struct kmb_error *error);

#endif
