/*
 * Roles and API keys: in the catalogue, evolved from events, decided.
 *
 * Both are small objects with a record of their own that is replaced whole at each change; they share one list in the
 * catalogue, roles by name in front, keys by hash behind them, so a login is one binary search. A role's number 0 is
 * the one that every tenant has from the start, as PostgreSQL has the role that made the cluster: it is there without
 * an event, gets a record when it is changed, and is never dropped.
 */
#include <stdlib.h>

#include "kernel/define_internal.h"
#include "kernel/transaction_internal.h"

/* --- in the catalogue --------------------------------------------------------------------------------------------- */

static struct slice principal_name(const struct catalogue_principal *principal) {
    return principal->object == META_OBJECT_ROLE ? principal->as.role.name
                                                 : slice_make(principal->as.key.hash, API_KEY_HASH_SIZE);
}

uint32_t catalogue_principal_id(const struct catalogue_principal *principal) {
    return principal->object == META_OBJECT_ROLE ? principal->as.role.id.value : principal->as.key.id.value;
}

int catalogue_principal_order(const void *a, const void *b) {
    const struct catalogue_principal *left = *(struct catalogue_principal *const *)a;
    const struct catalogue_principal *right = *(struct catalogue_principal *const *)b;
    if (left->object != right->object) {
        return left->object < right->object ? -1 : 1;
    }
    return slice_compare(principal_name(left), principal_name(right));
}

enum kmb_status catalogue_principal_make(enum meta_object object, uint32_t id, struct slice encoded,
                                         struct catalogue_moment from, struct catalogue_principal **out,
                                         struct kmb_error *error) {
    struct catalogue_principal *principal = mem_alloc_zero(1, sizeof(*principal));
    if (principal == NULL) {
        return define_no_memory(error);
    }
    atomic_init(&principal->references, 1);
    principal->object = object;
    principal->from = from;
    principal->encoded = arena_dup_slice(&principal->arena, encoded);
    bool no_memory = principal->encoded.bytes == NULL;
    bool good = false;
    if (!no_memory) {
        good = object == META_OBJECT_ROLE
                   ? role_decode(principal->encoded, &principal->as.role)
                   : api_key_decode(principal->encoded, &principal->arena, &principal->as.key, &no_memory);
        good = good && catalogue_principal_id(principal) == id;
    }
    if (!good) {
        catalogue_principal_release(principal);
        return no_memory ? define_no_memory(error) : meta_damaged(error, "the record of a role or a key");
    }
    *out = principal;
    return KMB_OK;
}

void catalogue_principal_release(struct catalogue_principal *principal) {
    if (principal != NULL && atomic_fetch_sub(&principal->references, 1) == 1) {
        arena_free(&principal->arena);
        mem_free(principal);
    }
}

static const struct catalogue_principal *principal_find(const struct catalogue *catalogue, enum meta_object object,
                                                        struct slice name) {
    uint32_t low = object == META_OBJECT_ROLE ? 0 : catalogue->role_count;
    uint32_t high = object == META_OBJECT_ROLE ? catalogue->role_count : catalogue->principal_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = slice_compare(name, principal_name(catalogue->principals[middle]));
        if (order == 0) {
            return catalogue->principals[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static const struct catalogue_principal *principal_of_id(const struct catalogue *catalogue, enum meta_object object,
                                                         uint32_t id) {
    for (uint32_t i = 0; i < catalogue->principal_count; i++) {
        const struct catalogue_principal *principal = catalogue->principals[i];
        if (principal->object == object && catalogue_principal_id(principal) == id) {
            return principal;
        }
    }
    return NULL;
}

const struct role_definition *catalogue_role(const struct catalogue *catalogue, struct slice name) {
    const struct catalogue_principal *found = principal_find(catalogue, META_OBJECT_ROLE, name);
    return found == NULL ? NULL : &found->as.role;
}

const struct role_definition *catalogue_role_of_id(const struct catalogue *catalogue, struct role_id id) {
    const struct catalogue_principal *found = principal_of_id(catalogue, META_OBJECT_ROLE, id.value);
    return found == NULL ? NULL : &found->as.role;
}

uint32_t catalogue_role_count(const struct catalogue *catalogue) {
    return catalogue->role_count;
}

const struct role_definition *catalogue_role_at(const struct catalogue *catalogue, uint32_t ordinal) {
    ASSERT(ordinal < catalogue->role_count);
    return &catalogue->principals[ordinal]->as.role;
}

const struct api_key_definition *catalogue_api_key(const struct catalogue *catalogue,
                                                   const uint8_t hash[API_KEY_HASH_SIZE]) {
    const struct catalogue_principal *found =
        principal_find(catalogue, META_OBJECT_API_KEY, slice_make(hash, API_KEY_HASH_SIZE));
    return found == NULL ? NULL : &found->as.key;
}

uint32_t catalogue_api_key_count(const struct catalogue *catalogue) {
    return catalogue->principal_count - catalogue->role_count;
}

const struct api_key_definition *catalogue_api_key_at(const struct catalogue *catalogue, uint32_t ordinal) {
    ASSERT(ordinal < catalogue_api_key_count(catalogue));
    return &catalogue->principals[catalogue->role_count + ordinal]->as.key;
}

/* --- evolving ----------------------------------------------------------------------------------------------------- */

/* A role or key from now on (old NULL: a new one), or, with encoded empty, no longer. */
static enum kmb_status principal_put(struct evolver *evolver, const struct catalogue_principal *old,
                                     enum meta_object object, uint32_t id, struct slice encoded,
                                     struct kmb_error *error) {
    struct catalogue_change change = {.table_put = NULL};
    enum kmb_status status = KMB_OK;
    if (old != NULL) {
        status = define_version_end(evolver, object, id, old->from, old->encoded, error);
    }
    if (status == KMB_OK && encoded.length == 0) {
        change.principal_removed = old;
        status = define_record_delete(evolver, object, id, error);
    } else if (status == KMB_OK) {
        status = catalogue_principal_make(object, id, encoded, define_moment(evolver), &change.principal_put, error);
        if (status == KMB_OK) {
            status = define_record_put(evolver, object, id, encoded, error);
        }
    }
    if (status != KMB_OK) {
        catalogue_principal_release(change.principal_put);
        return status;
    }
    return define_apply(evolver, &change, old == NULL ? id + 1 : 0, error);
}

static enum kmb_status role_put(struct evolver *evolver, const struct catalogue_principal *old,
                                const struct role_definition *role, struct kmb_error *error) {
    const struct role_definition *other = catalogue_role(evolver->catalogue, role->name);
    if (other != NULL && other->id.value != role->id.value) {
        return evolve_damaged(error, "role %u gets the name of another", role->id.value);
    }
    struct buffer encoded = {.bytes = NULL};
    role_encode(role, &encoded);
    enum kmb_status status = buffer_ok(&encoded) ? principal_put(evolver, old, META_OBJECT_ROLE, role->id.value,
                                                                 buffer_slice(&encoded), error)
                                                 : define_no_memory(error);
    buffer_free(&encoded);
    return status;
}

static enum kmb_status api_key_created(struct evolver *evolver, const struct api_key_definition *key,
                                       struct kmb_error *error) {
    enum kmb_status status = evolve_id_fresh(evolver, key->id.value, error);
    if (status == KMB_OK && catalogue_api_key(evolver->catalogue, key->hash) != NULL) {
        status = evolve_damaged(error, "a new key is one that is there");
    }
    struct buffer encoded = {.bytes = NULL};
    api_key_encode(key, &encoded);
    if (status == KMB_OK) {
        status = buffer_ok(&encoded)
                     ? principal_put(evolver, NULL, META_OBJECT_API_KEY, key->id.value, buffer_slice(&encoded), error)
                     : define_no_memory(error);
    }
    buffer_free(&encoded);
    return status;
}

static enum kmb_status principal_gone(struct evolver *evolver, enum meta_object object, uint32_t id,
                                      struct kmb_error *error) {
    const struct catalogue_principal *old = principal_of_id(evolver->catalogue, object, id);
    if (old == NULL) {
        return evolve_damaged(error, "role or key %u is not there", id);
    }
    return principal_put(evolver, old, object, id, (struct slice){.length = 0}, error);
}

enum kmb_status evolve_principal(struct evolver *evolver, const struct event *event, struct kmb_error *error) {
    switch (event->kind) {
    case EVENT_ROLE_CREATED: {
        enum kmb_status status = evolve_id_fresh(evolver, event->as.role.id.value, error);
        return status == KMB_OK ? role_put(evolver, NULL, &event->as.role, error) : status;
    }
    case EVENT_ROLE_CHANGED: {
        const struct catalogue_principal *old =
            principal_of_id(evolver->catalogue, META_OBJECT_ROLE, event->as.role.id.value);
        return old == NULL ? evolve_damaged(error, "role %u is not there", event->as.role.id.value)
                           : role_put(evolver, old, &event->as.role, error);
    }
    case EVENT_ROLE_DROPPED:
        return principal_gone(evolver, META_OBJECT_ROLE, event->as.role_dropped.role.value, error);
    case EVENT_API_KEY_CREATED:
        return api_key_created(evolver, &event->as.api_key, error);
    case EVENT_API_KEY_REVOKED:
        return principal_gone(evolver, META_OBJECT_API_KEY, event->as.api_key_revoked.key.value, error);
    case EVENT_ACCESS_RECORDED:
        return KMB_OK; /* a fact of the log alone */
    default:
        return evolve_damaged(error, "event kind 0x%04x has no meaning here", (unsigned)event->kind);
    }
}

/* --- deciding ----------------------------------------------------------------------------------------------------- */

static enum kmb_status emit(struct kernel_transaction *transaction, const struct event *event,
                            struct kmb_error *error) {
    enum kmb_status status = transaction_emit(transaction, event, error);
    return status == KMB_OK ? transaction_defined(transaction, error) : status;
}

static enum kmb_status object_id(const struct kernel_transaction *transaction, uint32_t *id, struct kmb_error *error) {
    *id = catalogue_object_id_next(transaction->evolver.catalogue);
    return *id < OBJECT_ID_MAX - DEFINITION_INDEXES_MAX ? KMB_OK
                                                        : error_set(error, KMB_LIMIT, "there are no more object ids");
}

/* Name and limits; own: the role that may have the name already. */
static enum kmb_status role_check(struct kernel_transaction *transaction, const struct role_definition *role,
                                  const struct role_id *own, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status != KMB_OK) {
        return status;
    }
    if (role->name.length == 0) {
        return error_set(error, KMB_INVALID_NAME, "name of a role is empty");
    }
    if (role->name.length > ROLE_NAME_BYTES_MAX) {
        return error_set(error, KMB_NAME_TOO_LONG, "name of role \"%.*s...\" is longer than %d bytes", 32,
                         (const char *)role->name.bytes, ROLE_NAME_BYTES_MAX);
    }
    const struct role_definition *other = catalogue_role(transaction->evolver.catalogue, role->name);
    if (other != NULL && (own == NULL || other->id.value != own->value)) {
        return error_set(error, KMB_DUPLICATE_OBJECT, "role \"%.*s\" already exists", (int)role->name.length,
                         (const char *)role->name.bytes);
    }
    ASSERT((role->flags & ~ROLE_FLAGS_ALL) == 0 && role->verifier.length <= ROLE_VERIFIER_BYTES_MAX);
    ASSERT(role->connection_limit >= ROLE_CONNECTIONS_ANY);
    return KMB_OK;
}

enum kmb_status kernel_create_role(struct kernel_transaction *transaction, const struct role_definition *role,
                                   struct role_id *id, struct kmb_error *error) {
    enum kmb_status status = role_check(transaction, role, NULL, error);
    struct event event = {.kind = EVENT_ROLE_CREATED, .as.role = *role};
    if (status == KMB_OK) {
        status = object_id(transaction, &event.as.role.id.value, error);
    }
    if (status == KMB_OK && id != NULL) {
        *id = event.as.role.id;
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

static enum kmb_status role_known(const struct kernel_transaction *transaction, struct role_id id,
                                  struct kmb_error *error) {
    return catalogue_role_of_id(transaction->evolver.catalogue, id) != NULL
               ? KMB_OK
               : error_set(error, KMB_UNDEFINED_OBJECT, "role with id %u does not exist", id.value);
}

enum kmb_status kernel_change_role(struct kernel_transaction *transaction, const struct role_definition *role,
                                   struct kmb_error *error) {
    enum kmb_status status = role_check(transaction, role, &role->id, error);
    if (status == KMB_OK) {
        status = role_known(transaction, role->id, error);
    }
    struct event event = {.kind = EVENT_ROLE_CHANGED, .as.role = *role};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_drop_role(struct kernel_transaction *transaction, struct role_id id, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        status = role_known(transaction, id, error);
    }
    if (status == KMB_OK && id.value == 0) {
        const struct role_definition *role = catalogue_role_of_id(transaction->evolver.catalogue, id);
        status = error_set(error, KMB_DEPENDENT_OBJECTS,
                           "cannot drop role %.*s because it is required by the database system",
                           (int)role->name.length, (const char *)role->name.bytes);
    }
    struct event event = {.kind = EVENT_ROLE_DROPPED, .as.role_dropped = {.role = id}};
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_create_api_key(struct kernel_transaction *transaction, const struct api_key_definition *key,
                                      struct api_key_id *id, struct kmb_error *error) {
    ASSERT(key->subject.length > 0 && key->subject.length <= API_KEY_SUBJECT_MAX);
    ASSERT(key->role_count > 0 && key->role_count <= API_KEY_ROLES_MAX);
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK && catalogue_api_key(transaction->evolver.catalogue, key->hash) != NULL) {
        status = error_set(error, KMB_DUPLICATE_OBJECT, "API key already exists");
    }
    struct event event = {.kind = EVENT_API_KEY_CREATED, .as.api_key = *key};
    if (status == KMB_OK) {
        status = object_id(transaction, &event.as.api_key.id.value, error);
    }
    if (status == KMB_OK && id != NULL) {
        *id = event.as.api_key.id;
    }
    return status == KMB_OK ? emit(transaction, &event, error) : status;
}

enum kmb_status kernel_revoke_api_key(struct kernel_transaction *transaction, const uint8_t hash[API_KEY_HASH_SIZE],
                                      struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    const struct api_key_definition *key = catalogue_api_key(transaction->evolver.catalogue, hash);
    if (status == KMB_OK && key == NULL) {
        status = error_set(error, KMB_API_KEY_NOT_FOUND, "API key not found");
    }
    if (status != KMB_OK) {
        return status;
    }
    struct event event = {.kind = EVENT_API_KEY_REVOKED, .as.api_key_revoked = {.key = key->id}};
    return emit(transaction, &event, error);
}

enum kmb_status kernel_record_access(struct kernel_transaction *transaction, const struct access_record *access,
                                     struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    struct event event = {.kind = EVENT_ACCESS_RECORDED, .as.access = *access};
    return status == KMB_OK ? transaction_emit(transaction, &event, error) : status;
}
