/*
 * Requests have ascending numbers, and the server answers each in the order they came: what has a lower number than the
 * one waited for was left behind, and is passed over.
 *
 * Cancelling takes another connection, but may be asked for by a signal's handler, which can do next to nothing. So it
 * only wakes whoever waits (eventfd), and that thread connects anew, sends the Cancel, and goes on waiting: the answer
 * that it waits for then says whether anything was ended.
 */
#include "client/exchange.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/memory.h"
#include "crypto/scram.h"
#include "wire/frame.h"

#define RECEIVE_BYTES      ((size_t)64 << 10)
#define KEEP_BYTES_MAX     ((size_t)4 << 20) /* of a buffer that has been larger */
#define DECODED_BYTES_MAX  ((size_t)256 << 20)
#define CANCEL_DEADLINE_NS INT64_C(5000000000)
#define STATUS_MAX         1000

struct exchange {
    struct address address; /* texts are those of whoever opened it */
    uint32_t tenant;
    struct channel *channel;
    struct exchange_listener listener;
    struct buffer out;
    struct buffer in;
    size_t in_at;        /* what is before it was taken */
    uint64_t request;    /* the newest */
    uint64_t awaited;    /* whose response is waited for */
    uint64_t connection; /* with secret: what cancels it; 0: nothing can */
    uint8_t secret[64];
    size_t secret_length;
    int wake; /* eventfd */
    atomic_bool cancellable;
    int64_t open_until_ns; /* while it is being opened: the end of patience; 0: it is open */
    bool is_broken;
    struct kmb_error why;
};

/* --- frames ------------------------------------------------------------------------------------------------------- */

static enum kmb_status break_off(struct exchange *exchange, enum kmb_status status, const struct kmb_error *why,
                                 struct kmb_error *error) {
    exchange->is_broken = true;
    exchange->why = *why;
    exchange->why.status = status;
    if (error != NULL) {
        *error = exchange->why;
    }
    return status;
}

static enum kmb_status nonsense(struct exchange *exchange, const char *what, struct kmb_error *error) {
    struct kmb_error why = {0};
    error_set(&why, KMB_PROTOCOL, "the server at %s sends %s", exchange->address.shown, what);
    return break_off(exchange, KMB_PROTOCOL, &why, error);
}

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

static int64_t deadline_of(const struct exchange *exchange) {
    if (exchange->open_until_ns != 0) {
        return exchange->open_until_ns;
    }
    return exchange->address.answer_ms == 0 ? CHANNEL_NO_DEADLINE
                                            : channel_now_ns() + (int64_t)exchange->address.answer_ms * 1000000;
}

/* Appends a request to what is to be sent. false: it is larger than a frame, or memory is out. */
static bool put(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request) {
    struct wire_message message = {.direction = WIRE_REQUEST,
                                   .request_id = ++exchange->request,
                                   .tenant_id = tenant,
                                   .variant = variant,
                                   .payload = (void *)(uintptr_t)request};
    size_t start = frame_begin(&exchange->out);
    wire_message_encode(&exchange->out, &message);
    return frame_end(&exchange->out, start) && buffer_ok(&exchange->out);
}

static enum kmb_status send_out(struct exchange *exchange, struct kmb_error *error) {
    struct kmb_error why = {0};
    enum kmb_status status = channel_send(exchange->channel, buffer_slice(&exchange->out), deadline_of(exchange), &why);
    if (exchange->out.capacity > KEEP_BYTES_MAX) {
        buffer_free(&exchange->out);
    }
    buffer_clear(&exchange->out);
    return status == KMB_OK ? KMB_OK : break_off(exchange, status, &why, error);
}

/* --- cancelling --------------------------------------------------------------------------------------------------- */

static bool take_wake(const struct exchange *exchange) {
    uint64_t count;
    return read(exchange->wake, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

void exchange_cancellable(struct exchange *exchange, bool cancellable) {
    if (cancellable) {
        (void)take_wake(exchange); /* what was asked for when nothing ran */
    }
    atomic_store(&exchange->cancellable, cancellable);
}

void exchange_cancel(struct exchange *exchange) {
    uint64_t one = 1;
    if (atomic_load(&exchange->cancellable)) {
        ssize_t written = write(exchange->wake, &one, sizeof(one));
        (void)written;
    }
}

/* Whatever goes wrong here, the statement just goes on. */
static void cancel_elsewhere(const struct exchange *exchange) {
    struct address address = exchange->address;
    struct exchange *other = NULL;
    struct arena arena;
    struct wire_cancel_request request = {.connection = exchange->connection,
                                          .secret = slice_make(exchange->secret, exchange->secret_length)};
    uint32_t most_ms = (uint32_t)(CANCEL_DEADLINE_NS / 1000000);
    if (exchange->connection == 0) {
        return;
    }
    address.connect_ms = address.connect_ms < most_ms ? address.connect_ms : most_ms;
    address.answer_ms = most_ms;
    arena_init(&arena, DECODED_BYTES_MAX);
    if (exchange_open(&address, exchange->tenant, &other, NULL) == KMB_OK) {
        (void)exchange_ask(other, exchange->tenant, WIRE_REQUEST_CANCEL, &request, WIRE_RESPONSE_CANCELLED, &arena,
                           NULL, NULL);
    }
    exchange_close(other);
    arena_free(&arena);
}

/* --- what comes --------------------------------------------------------------------------------------------------- */

/* The next frame's payload, borrowed until the next call. */
static enum kmb_status next_frame(struct exchange *exchange, int64_t deadline_ns, struct slice *payload,
                                  struct kmb_error *error) {
    struct buffer *in = &exchange->in;
    if (exchange->in_at == in->length) {
        exchange->in_at = 0;
        if (in->capacity > KEEP_BYTES_MAX) {
            buffer_free(in);
        }
        buffer_clear(in);
    }
    for (;;) {
        size_t used = 0;
        switch (frame_read(slice_make(in->bytes + exchange->in_at, in->length - exchange->in_at), payload, &used)) {
        case FRAME_WHOLE:
            exchange->in_at += used;
            return KMB_OK;
        case FRAME_INCOMPLETE:
            break;
        default:
            return nonsense(exchange, "what is no frame of the native protocol", error);
        }
        if (exchange->in_at > 0) {
            memmove(in->bytes, in->bytes + exchange->in_at, in->length - exchange->in_at);
            in->length -= exchange->in_at;
            exchange->in_at = 0;
        }
        size_t count = 0;
        struct kmb_error why = {0};
        if (!buffer_reserve(in, RECEIVE_BYTES)) {
            error_set(&why, KMB_NO_MEMORY, "out of memory");
            return break_off(exchange, KMB_NO_MEMORY, &why, error);
        }
        int wake = atomic_load(&exchange->cancellable) ? exchange->wake : -1;
        enum kmb_status status = channel_receive(exchange->channel, in->bytes + in->length, in->capacity - in->length,
                                                 &count, wake, deadline_ns, &why);
        if (status == KMB_CANCELLED) {
            (void)take_wake(exchange);
            cancel_elsewhere(exchange);
        } else if (status != KMB_OK) {
            return break_off(exchange, status, &why, error);
        }
        in->length += count;
    }
}

/* The status that the server names; one that this library does not know goes by its SQLSTATE. */
static enum kmb_status status_named(struct slice name, struct slice sqlstate) {
    for (int number = KMB_INTERNAL; number < STATUS_MAX; number++) {
        const struct status_row *row = status_row_of((enum kmb_status)number);
        if ((int)row->status == number && slice_equal_text(name, row->name)) {
            return row->status;
        }
    }
    char state[6] = "XX000";
    if (sqlstate.length == 5) {
        memcpy(state, sqlstate.bytes, 5);
    }
    return status_of_sqlstate(state);
}

void exchange_text(char *out, size_t size, const struct slice *text) {
    size_t length = text == NULL ? 0 : text->length < size ? text->length : size - 1;
    if (length > 0) {
        memcpy(out, text->bytes, length);
    }
    out[length] = 0;
}

static bool is_error(uint32_t variant) {
    return variant == WIRE_RESPONSE_ERROR || variant == WIRE_RESPONSE_ERROR_DETAIL ||
           variant == WIRE_RESPONSE_ERROR_FULL;
}

static void take_detail(const struct wire_error_detail_response *detail, struct kmb_error *told) {
    told->status = status_named(detail->name, detail->sqlstate);
    told->position = detail->position == NULL ? 0 : *detail->position;
    exchange_text(told->message, sizeof(told->message), &detail->message);
    exchange_text(told->detail, sizeof(told->detail), detail->detail);
    exchange_text(told->hint, sizeof(told->hint), detail->hint);
}

static void take_full(const struct wire_error_full_response *full, struct kmb_error *told) {
    take_detail(&full->detail, told);
    exchange_text(told->schema, sizeof(told->schema), full->schema);
    exchange_text(told->table, sizeof(told->table), full->table);
    exchange_text(told->column, sizeof(told->column), full->column);
    exchange_text(told->constraint, sizeof(told->constraint), full->constraint);
    exchange_text(told->context, sizeof(told->context), full->context);
}

static enum kmb_status take_error(const struct wire_message *message, struct kmb_error *error) {
    struct kmb_error told = {0};
    if (message->variant == WIRE_RESPONSE_ERROR) { /* of a server that knows no ErrorDetail */
        const struct wire_error_response *plain = message->payload;
        enum kmb_status status =
            plain->code == WIRE_ERROR_CODE_AUTHENTICATION_FAILED ? KMB_AUTHENTICATION : KMB_INTERNAL;
        error_set(&told, status, "%.*s", (int)plain->message.length, (const char *)plain->message.bytes);
    } else if (message->variant == WIRE_RESPONSE_ERROR_FULL) {
        take_full(message->payload, &told);
    } else {
        take_detail(message->payload, &told);
    }
    if (error != NULL) {
        *error = told;
    }
    return told.status;
}

static void take_push(struct exchange *exchange, const struct wire_message *message) {
    if (message->variant == WIRE_PUSH_SETTING && exchange->listener.setting != NULL) {
        exchange->listener.setting(exchange->listener.context, message->payload);
    } else if (message->variant == WIRE_PUSH_NOTICE && exchange->listener.notice != NULL) {
        exchange->listener.notice(exchange->listener.context, message->payload);
    } else if (message->variant == WIRE_PUSH_COPY_OUT && exchange->listener.copy_out != NULL) {
        const struct wire_copy_out_push *push = message->payload;
        if (!exchange->listener.copy_out(exchange->listener.copy_context, push->bytes)) {
            exchange->listener.copy_out = NULL;
            cancel_elsewhere(exchange);
        }
    }
}

/* Where the fields of a response begin, and whether it is the one that is waited for. */
static bool is_wanted(const struct exchange *exchange, struct slice payload, uint32_t wanted, struct slice *fields) {
    struct postcard_reader reader = postcard_reader_make(payload);
    uint64_t direction = postcard_read_unsigned(&reader, 32);
    uint64_t request = postcard_read_unsigned(&reader, 64);
    uint64_t variant = postcard_read_unsigned(&reader, 32);
    *fields = slice_make(payload.bytes + reader.at, payload.length - reader.at);
    return reader.error == POSTCARD_OK && direction == WIRE_RESPONSE && request == exchange->awaited &&
           variant == wanted;
}

/* Waits for the response to the newest request. */
static enum kmb_status wait_answer(struct exchange *exchange, uint32_t wanted, struct slice *payload,
                                   struct slice *fields, struct kmb_error *error) {
    int64_t deadline_ns = deadline_of(exchange);
    struct arena arena;
    enum kmb_status status = KMB_OK;
    bool over = false;
    arena_init(&arena, DECODED_BYTES_MAX);
    while (!over && status == KMB_OK) {
        struct wire_message message;
        status = next_frame(exchange, deadline_ns, payload, error);
        if (status != KMB_OK || is_wanted(exchange, *payload, wanted, fields)) {
            break;
        }
        if (wire_message_decode(*payload, &arena, &message) != POSTCARD_OK || message.direction == WIRE_REQUEST) {
            status = nonsense(exchange, "what is no response", error);
        } else if (message.direction == WIRE_PUSH) {
            take_push(exchange, &message);
        } else if (message.request_id > exchange->awaited) {
            status = nonsense(exchange, "a response that nobody asked for", error);
        } else if (message.request_id == exchange->awaited) {
            over = true;
            status = is_error(message.variant) ? take_error(&message, error)
                                               : nonsense(exchange, "a response of another kind", error);
        }
        arena_free(&arena);
        arena_init(&arena, DECODED_BYTES_MAX);
    }
    arena_free(&arena);
    return status;
}

enum kmb_status exchange_tell(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request,
                              struct kmb_error *error) {
    if (exchange->is_broken) {
        if (error != NULL) {
            *error = exchange->why;
        }
        return exchange->why.status;
    }
    if (!put(exchange, tenant, variant, request)) {
        exchange->request--;
        if (!buffer_ok(&exchange->out)) {
            buffer_clear(&exchange->out);
            return no_memory(error);
        }
        return error_set(error, KMB_LIMIT, "a request takes more than the %u bytes of a frame",
                         (unsigned)WIRE_PAYLOAD_MAX);
    }
    return send_out(exchange, error);
}

enum kmb_status exchange_send(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request,
                              struct kmb_error *error) {
    enum kmb_status status = exchange_tell(exchange, tenant, variant, request, error);
    exchange->awaited = exchange->request;
    return status;
}

enum kmb_status exchange_wait(struct exchange *exchange, uint32_t wanted, struct slice *fields,
                              struct kmb_error *error) {
    struct slice payload;
    return wait_answer(exchange, wanted, &payload, fields, error);
}

bool exchange_answered(struct exchange *exchange) {
    return exchange->in_at < exchange->in.length || channel_ready(exchange->channel);
}

bool exchange_is_stale(struct exchange *exchange) {
    return exchange->is_broken || exchange_answered(exchange); /* its end, or something that nobody asked for */
}

void exchange_copy_out(struct exchange *exchange, bool (*copy_out)(void *context, struct slice bytes), void *context) {
    exchange->listener.copy_out = copy_out;
    exchange->listener.copy_context = context;
}

static enum kmb_status ask(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request,
                           uint32_t wanted, struct slice *payload, struct slice *fields, struct kmb_error *error) {
    enum kmb_status status = exchange_send(exchange, tenant, variant, request, error);
    return status == KMB_OK ? wait_answer(exchange, wanted, payload, fields, error) : status;
}

enum kmb_status exchange_ask_raw(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request,
                                 uint32_t wanted, struct slice *fields, struct kmb_error *error) {
    struct slice payload;
    return ask(exchange, tenant, variant, request, wanted, &payload, fields, error);
}

enum kmb_status exchange_ask(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request,
                             uint32_t wanted, struct arena *arena, const void **response, struct kmb_error *error) {
    struct slice payload, fields;
    struct wire_message message;
    enum kmb_status status = ask(exchange, tenant, variant, request, wanted, &payload, &fields, error);
    if (status != KMB_OK || response == NULL) {
        return status;
    }
    enum postcard_error decoded = wire_message_decode(payload, arena, &message);
    if (decoded != POSTCARD_OK) {
        return decoded == POSTCARD_MEMORY ? no_memory(error) : nonsense(exchange, "a broken response", error);
    }
    *response = message.payload;
    return KMB_OK;
}

void exchange_leave(struct exchange *exchange, uint32_t tenant, uint32_t variant, const void *request, bool now) {
    if (!exchange->is_broken && put(exchange, tenant, variant, request) && now) {
        (void)send_out(exchange, NULL);
    }
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

/* Shows a token, where there is one. *known: the server knows who is asking. */
static enum kmb_status shake_hands(struct exchange *exchange, struct arena *arena, bool *known,
                                   struct kmb_error *error) {
    static const char *const needed[] = {"compile.v1", "sasl.v1", "copy.v1", "appender.v1"};
    struct slice token = slice_text(exchange->address.token == NULL ? "" : exchange->address.token);
    struct wire_handshake_request request = {.client_version = WIRE_VERSION,
                                             .auth_token = exchange->address.token == NULL ? NULL : &token};
    const void *response = NULL;
    enum kmb_status status = exchange_ask(exchange, exchange->tenant, WIRE_REQUEST_HANDSHAKE, &request,
                                          WIRE_RESPONSE_HANDSHAKE, arena, &response, error);
    if (status != KMB_OK) {
        return status;
    }
    const struct wire_handshake_response *answer = response;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        bool knows = false;
        for (uint32_t j = 0; j < answer->capabilities.count; j++) {
            knows = knows || slice_equal_text(answer->capabilities.items[j], needed[i]);
        }
        if (!knows) {
            return error_set(error, KMB_UNSUPPORTED, "the server at %s lacks what this library needs of it: %s",
                             exchange->address.shown, needed[i]);
        }
    }
    *known = answer->authenticated;
    return KMB_OK;
}

/* The tenant's name, where the address has one and its number is not known. */
static struct slice *tenant_name(const struct exchange *exchange, struct slice *room) {
    *room = slice_text(exchange->address.tenant == NULL ? "" : exchange->address.tenant);
    return exchange->tenant != 0 ? NULL : room;
}

static enum kmb_status answer_challenge(struct exchange *exchange, struct scram_client *scram,
                                        const struct wire_authenticating_response *challenge, struct arena *arena,
                                        const void **response, struct kmb_error *error) {
    struct buffer message = {0};
    enum kmb_status status =
        scram_client_answer(scram, challenge->message, slice_text(exchange->address.password), &message, error);
    if (status == KMB_OK && !buffer_ok(&message)) {
        status = no_memory(error);
    }
    if (status == KMB_OK) {
        struct wire_authenticate_next_request next = {.message = buffer_slice(&message)};
        status = exchange_ask(exchange, exchange->tenant, WIRE_REQUEST_AUTHENTICATE_NEXT, &next,
                              WIRE_RESPONSE_AUTHENTICATING, arena, response, error);
    }
    if (status == KMB_OK) {
        status = scram_client_finish(scram, ((const struct wire_authenticating_response *)*response)->message, error);
    }
    buffer_free(&message);
    return status;
}

/* Logs in as the address's user: by its password, or as whom the server trusts anyway. */
static enum kmb_status log_in(struct exchange *exchange, struct arena *arena, struct kmb_error *error) {
    struct scram_client scram = {0};
    struct environment environment = environment_system();
    struct buffer message = {0};
    struct slice name;
    uint8_t random[SCRAM_NONCE_SIZE];
    const void *response = NULL;
    struct wire_authenticate_request request = {.user = slice_text(exchange->address.user),
                                                .tenant_name = tenant_name(exchange, &name)};
    if (exchange->address.password != NULL) {
        if (!environment.random(environment.context, random, sizeof(random))) {
            return error_set(error, KMB_INTERNAL, "no randomness to be had");
        }
        struct slice binding = channel_binding(exchange->channel);
        scram_client_begin(&scram, binding, binding.length > 0, random, &message);
        request.mechanism = slice_text(scram.plus ? SCRAM_MECHANISM_PLUS : SCRAM_MECHANISM);
        request.message = buffer_slice(&message);
    }
    enum kmb_status status = buffer_ok(&message)
                                 ? exchange_ask(exchange, exchange->tenant, WIRE_REQUEST_AUTHENTICATE, &request,
                                                WIRE_RESPONSE_AUTHENTICATING, arena, &response, error)
                                 : no_memory(error);
    buffer_free(&message);
    if (status == KMB_OK && !((const struct wire_authenticating_response *)response)->done) {
        status = answer_challenge(exchange, &scram, response, arena, &response, error);
    }
    scram_client_wipe(&scram);
    if (status == KMB_OK && exchange->tenant == 0) {
        exchange->tenant = (uint32_t)((const struct wire_authenticating_response *)response)->tenant_id;
    }
    return status;
}

static enum kmb_status find_tenant(struct exchange *exchange, struct arena *arena, struct kmb_error *error) {
    const void *response = NULL;
    struct wire_find_tenant_request request = {.name = slice_text(exchange->address.tenant)};
    enum kmb_status status =
        exchange_ask(exchange, 0, WIRE_REQUEST_FIND_TENANT, &request, WIRE_RESPONSE_TENANTS, arena, &response, error);
    const struct wire_tenants_response *found = response;
    if (status == KMB_OK) {
        exchange->tenant = found->tenants.count == 0 ? 0 : (uint32_t)found->tenants.items[0].tenant_id;
    }
    return status;
}

/* Who is asking, and for which tenant. */
static enum kmb_status come_in(struct exchange *exchange, struct arena *arena, struct kmb_error *error) {
    bool known = false;
    enum kmb_status status = shake_hands(exchange, arena, &known, error);
    if (status == KMB_OK && exchange->address.user != NULL && exchange->address.token == NULL) {
        status = log_in(exchange, arena, error);
    } else if (status == KMB_OK && !known) {
        status = error_set(error, KMB_AUTHENTICATION, "the server at %s wants to know who is asking",
                           exchange->address.shown);
        error_hint(error, "Give a user and a password, or a token: KIMBERLITE_TOKEN, kimberlite://USER:PASSWORD@HOST.");
    }
    return status == KMB_OK && exchange->tenant == 0 ? find_tenant(exchange, arena, error) : status;
}

static enum kmb_status introduce(struct exchange *exchange, struct arena *arena, struct kmb_error *error) {
    struct slice names[] = {slice_text(WIRE_OPTION_FULL), slice_text(WIRE_OPTION_SETTINGS),
                            slice_text(WIRE_OPTION_CURSORS), slice_text(WIRE_OPTION_NOTICES)};
    struct wire_options_request options = {.names = {4, names}};
    const void *response = NULL;
    enum kmb_status status = come_in(exchange, arena, error);
    if (status == KMB_OK) {
        exchange_leave(exchange, exchange->tenant, WIRE_REQUEST_OPTIONS, &options, false);
        status = exchange_ask(exchange, exchange->tenant, WIRE_REQUEST_SESSION_KEY, NULL, WIRE_RESPONSE_SESSION_KEY,
                              arena, &response, error);
    }
    if (status == KMB_OK) {
        const struct wire_session_key_response *key = response;
        bool fits = key->secret.length > 0 && key->secret.length <= sizeof(exchange->secret);
        exchange->connection = fits ? key->connection : 0;
        exchange->secret_length = fits ? key->secret.length : 0;
        if (fits) {
            memcpy(exchange->secret, key->secret.bytes, key->secret.length);
        }
    }
    return status;
}

/* The number that the address names; 0: it is a name. */
static uint32_t tenant_number(const char *text) {
    size_t digits = text == NULL ? 0 : strspn(text, "0123456789");
    unsigned long long number = 0;
    if (text == NULL) {
        return 1;
    }
    if (digits == 0 || digits > 10 || text[digits] != 0) {
        return 0;
    }
    number = strtoull(text, NULL, 10);
    return number <= UINT32_MAX ? (uint32_t)number : 0;
}

enum kmb_status exchange_open(const struct address *address, uint32_t tenant, struct exchange **out,
                              struct kmb_error *error) {
    struct exchange *exchange = mem_alloc_zero(1, sizeof(*exchange));
    struct arena arena;
    *out = NULL;
    if (exchange == NULL) {
        return no_memory(error);
    }
    arena_init(&arena, DECODED_BYTES_MAX);
    exchange->address = *address;
    exchange->tenant = tenant != 0 ? tenant : tenant_number(address->tenant);
    atomic_init(&exchange->cancellable, false);
    exchange->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum kmb_status status = exchange->wake < 0 ? error_set(error, KMB_LIMIT, "no descriptor is left for a connection")
                                                : channel_open(address, &exchange->channel, error);
    exchange->open_until_ns = channel_now_ns() + (int64_t)address->connect_ms * 1000000;
    if (status == KMB_OK) {
        status = introduce(exchange, &arena, error);
    }
    exchange->open_until_ns = 0;
    arena_free(&arena);
    if (status != KMB_OK) {
        exchange_close(exchange);
        return status;
    }
    *out = exchange;
    return KMB_OK;
}

uint32_t exchange_tenant(const struct exchange *exchange) {
    return exchange->tenant;
}

bool exchange_is_broken(const struct exchange *exchange) {
    return exchange->is_broken;
}

void exchange_listen(struct exchange *exchange, const struct exchange_listener *listener) {
    exchange->listener = *listener;
}

void exchange_close(struct exchange *exchange) {
    if (exchange == NULL) {
        return;
    }
    channel_close(exchange->channel);
    buffer_free(&exchange->out);
    buffer_free(&exchange->in);
    if (exchange->wake >= 0) {
        close(exchange->wake);
    }
    mem_wipe(exchange->secret, sizeof(exchange->secret));
    mem_free(exchange);
}
