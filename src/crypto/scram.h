/*
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677) as PostgreSQL speaks them: what is kept of a password, the
 * server's side of an exchange and the client's.
 *
 * Both sides are machines over messages: they own no socket, draw no randomness (nonces and salts are arguments) and
 * allocate nothing. A server that does not know the user, or has no password for it, runs the same exchange against a
 * verifier made up from the name (scram_verifier_mock) and refuses at its end, so nobody learns which users there are.
 *
 * The name inside the messages is ignored, as PostgreSQL ignores it: who asks was said in the startup packet.
 */
#ifndef KMB_CRYPTO_SCRAM_H
#define KMB_CRYPTO_SCRAM_H

#include "base/buffer.h"
#include "base/error.h"
#include "crypto/hash.h"

#define SCRAM_MECHANISM      "SCRAM-SHA-256"
#define SCRAM_MECHANISM_PLUS "SCRAM-SHA-256-PLUS"

#define SCRAM_ITERATIONS_DEFAULT 4096
#define SCRAM_ITERATIONS_MAX     10000000
#define SCRAM_SALT_SIZE          16 /* of verifiers made here */
#define SCRAM_SALT_MAX           64 /* of verifiers that are brought along */
#define SCRAM_NONCE_SIZE         18 /* random bytes of either side */
#define SCRAM_MESSAGE_MAX        1024
#define SCRAM_BINDING_MAX        64

/* What is kept of a password. StoredKey and ServerKey let nobody log in, but who has them can try passwords. */
struct scram_verifier {
    uint32_t iterations;
    uint32_t salt_size;
    uint8_t salt[SCRAM_SALT_MAX];
    struct hash256 stored_key;
    struct hash256 server_key;
};

/* "SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>", all three in base64: PostgreSQL's text of a verifier. */
#define SCRAM_VERIFIER_TEXT_MAX 256

/* The verifier of a password, which is prepared as saslprep.h says. salt: 1..SCRAM_SALT_MAX bytes. KMB_NO_MEMORY. */
enum kmb_status scram_verifier_make(struct slice password, struct slice salt, uint32_t iterations,
                                    struct scram_verifier *verifier, struct kmb_error *error);
bool scram_verifier_parse(struct slice text, struct scram_verifier *verifier);
/* Writes the text and a zero; answers its length. */
size_t scram_verifier_text(const struct scram_verifier *verifier, char text[SCRAM_VERIFIER_TEXT_MAX]);
/* A verifier that no password opens: always the same for a name and a secret of the server's. */
void scram_verifier_mock(const struct hash256 *secret, struct slice user, struct scram_verifier *verifier);
/* *matches: is it this password? For one that came in clear, over TLS. Same time whatever the answer. KMB_NO_MEMORY. */
enum kmb_status scram_verifier_check(const struct scram_verifier *verifier, struct slice password, bool *matches,
                                     struct kmb_error *error);

/* --- the server's side --- */

enum scram_server_state { SCRAM_SERVER_FIRST, SCRAM_SERVER_FINAL, SCRAM_SERVER_DONE, SCRAM_SERVER_FAILED };

struct scram_server {
    enum scram_server_state state;
    bool plus;   /* the client chose SCRAM-SHA-256-PLUS */
    bool doomed; /* refused at the end, whatever the proof says */
    char flag;   /* 'n', 'y', 'p' of the client's first message */
    struct scram_verifier verifier;
    uint8_t binding[SCRAM_BINDING_MAX]; /* tls-server-end-point data of this connection */
    uint32_t binding_size;              /* 0: the connection has none, and PLUS was not offered */
    uint32_t nonce_length;              /* of both nonces joined */
    uint32_t first_bare_length;
    uint32_t first_length;
    char nonce[SCRAM_MESSAGE_MAX + 32];
    char first_bare[SCRAM_MESSAGE_MAX];  /* the client's first message without its header */
    char first[SCRAM_MESSAGE_MAX + 256]; /* our first message */
};

/*
 * Begins an exchange. verifier NULL: there is none, mock is used and the end is a refusal. mechanism: what the client
 * chose; anything but the two (PLUS only where binding is not empty) is KMB_PROTOCOL with PostgreSQL's words.
 */
enum kmb_status scram_server_begin(struct scram_server *server, struct slice mechanism, struct slice binding,
                                   const struct scram_verifier *verifier, const struct scram_verifier *mock,
                                   struct kmb_error *error);

/*
 * Takes the client's next message and appends the answer. KMB_ROW: send it and wait for the next message. KMB_DONE:
 * send it (AuthenticationSASLFinal), the client knows the password. KMB_INVALID_PASSWORD: it does not; the caller's
 * words, as only it knows the user. KMB_PROTOCOL, KMB_UNSUPPORTED, KMB_AUTHENTICATION (channel binding):
 * refused with PostgreSQL's words. random: of this exchange alone; read for the first message.
 */
enum kmb_status scram_server_step(struct scram_server *server, struct slice message,
                                  const uint8_t random[SCRAM_NONCE_SIZE], struct buffer *reply,
                                  struct kmb_error *error);

/* Forgets keys and messages. */
void scram_server_wipe(struct scram_server *server);

/* --- the client's side --- */

struct scram_client {
    bool plus;
    bool offered; /* the connection has a binding but the server does not offer PLUS */
    uint8_t binding[SCRAM_BINDING_MAX];
    uint32_t binding_size;
    uint32_t nonce_length;
    uint32_t first_bare_length;
    char nonce[32];
    char first_bare[64];
    struct hash256 server_signature; /* what the server's last message has to show */
};

/* Appends the first message. binding: of the connection, empty without TLS; plus: the server offers
 * SCRAM-SHA-256-PLUS, which is then the mechanism when binding is not empty (client->plus). */
void scram_client_begin(struct scram_client *client, struct slice binding, bool plus,
                        const uint8_t random[SCRAM_NONCE_SIZE], struct buffer *message);
/* The server's first message; appends the final one. KMB_PROTOCOL, KMB_NO_MEMORY. */
enum kmb_status scram_client_answer(struct scram_client *client, struct slice server_first, struct slice password,
                                    struct buffer *message, struct kmb_error *error);
/* The server's last message. KMB_OK: it knows the verifier. KMB_AUTHENTICATION, KMB_PROTOCOL. */
enum kmb_status scram_client_finish(struct scram_client *client, struct slice server_final, struct kmb_error *error);
void scram_client_wipe(struct scram_client *client);

#endif
