/*
 * PostgreSQL's extensions whose functions are here without being made: CREATE EXTENSION IF NOT EXISTS finds them there.
 */
#ifndef KMB_SQL_EXTENSION_H
#define KMB_SQL_EXTENSION_H

struct extension {
    const char *name;
    const char *version; /* PostgreSQL 15's */
    const char *comment;
};

static const struct extension extensions[] = {
    {"plpgsql", "1.0", "the code of DO, as far as it needs no variables"},
    {"uuid-ossp", "1.1", "uuid_generate_v4() and uuid_nil()"},
    {"pgcrypto", "1.3", "digest(), gen_random_bytes() and gen_random_uuid()"},
};
#define EXTENSION_COUNT (sizeof(extensions) / sizeof(extensions[0]))

#endif
