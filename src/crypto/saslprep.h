/*
 * SASLprep (RFC 4013) as PostgreSQL applies it to passwords: spaces and invisible characters made one, NFKC, and a
 * refusal of what nobody can mean. A password that is refused, or that is no UTF-8, counts as the bytes it is; one of
 * ASCII alone is never touched. So any two clients that type the same password send the same one. Any thread.
 */
#ifndef KMB_CRYPTO_SASLPREP_H
#define KMB_CRYPTO_SASLPREP_H

#include "base/buffer.h"
#include "base/error.h"

/* Appends the prepared form. True: done. False: it has none (not UTF-8, prohibited, unassigned, mixed directions,
 * nothing left), or no memory (buffer_ok() tells); out is then as long as before. */
bool saslprep(struct slice password, struct buffer *out);

/* Appends the prepared form, or the password itself where it has none. KMB_NO_MEMORY. */
enum kmb_status saslprep_password(struct slice password, struct buffer *out, struct kmb_error *error);

#endif
