/*
 * Locks: numbers that programs agree on, tables, and rows by a hash of their keys.
 *
 * A lock exists while somebody holds it or waits for it. What a session holds of it in one mode is a hold; a hold is
 * the session's (counted, for it may be taken several times), its transaction's, or both. Whoever gives back lets in
 * from the front of the queue all that fit together; the room for their holds was made when they began to wait, so
 * letting in can not fail.
 *
 * Waiting is for sessions that hold the lock in a mode that conflicts, and, for order's sake, for those before in the
 * queue. Before a session waits, the graph of who waits for whom is searched from it. A circle that only the order
 * makes is opened by waiting at the front instead; one that remains is a deadlock, and the newcomer is refused.
 */
#include "engine/locks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "base/codec.h"
#include "base/error.h"
#include "base/map.h"
#include "base/memory.h"

#define POLL_NS  20000000 /* between two questions whether to go on waiting */
#define KEY_SIZE 21

struct lock;

struct hold {
    struct hold *of_lock;
    struct hold *of_owner;
    struct lock *lock;
    struct lock_owner *owner;
    enum sql_lock_mode mode;
    bool transaction;
    uint32_t session; /* how often the session has it */
};

struct wait {
    struct wait *next;
    struct lock *lock;
    struct lock_owner *owner;
    struct hold *hold; /* to be its own; NULL: it is let in */
    const struct sql_lock *asked;
    void (*wake)(void *context); /* NULL: it sleeps on let_in, or is not to be called */
    void *context;
    pthread_cond_t let_in;
};

struct lock {
    struct hold *holds;
    struct wait *waits;
    struct sql_lock name; /* mode and transaction say nothing */
    struct tenant_id tenant;
    uint8_t key[KEY_SIZE];
};

/* In the order that they came in. */
struct hold_list {
    struct hold **list;
    size_t count;
    size_t capacity;
};

struct lock_owner {
    struct locks *locks;
    struct lock_owner *next;
    struct tenant_id tenant;
    uint64_t number;
    struct hold *holds;
    struct wait *waiting; /* NULL: it runs */
    struct wait queued;   /* of locks_queue() */
    struct sql_lock queued_lock;
    struct hold_list taken; /* by the transaction */
    struct hold_list rows;  /* by the transaction, of kind SQL_LOCK_ROW */
    /* of the search that is made under the mutex */
    uint64_t searched;
    struct lock_owner *search_next;
    struct lock_owner *search_from;
};

struct locks {
    pthread_mutex_t mutex;
    struct map map; /* key -> struct lock */
    size_t count;   /* of holds and waits, without those of rows */
    atomic_size_t row_count;
    uint64_t search;
    struct lock_owner *owners;
};

struct locks *locks_new(void) {
    struct locks *locks = mem_alloc_zero(1, sizeof(*locks));
    if (locks != NULL) {
        pthread_mutex_init(&locks->mutex, NULL);
    }
    return locks;
}

void locks_free(struct locks *locks) {
    if (locks != NULL) {
        ASSERT(locks->owners == NULL && locks->count == 0 && !locks_have_rows(locks));
        map_free(&locks->map);
        pthread_mutex_destroy(&locks->mutex);
        mem_free(locks);
    }
}

struct lock_owner *locks_owner_new(struct locks *locks, struct tenant_id tenant, uint64_t number) {
    struct lock_owner *owner = mem_alloc_zero(1, sizeof(*owner));
    if (owner != NULL) {
        owner->locks = locks;
        owner->tenant = tenant;
        owner->number = number;
        pthread_mutex_lock(&locks->mutex);
        owner->next = locks->owners;
        locks->owners = owner;
        pthread_mutex_unlock(&locks->mutex);
    }
    return owner;
}

/* --- under the mutex --- */

static struct slice key_make(const struct lock_owner *owner, const struct sql_lock *lock, uint8_t key[KEY_SIZE]) {
    codec_put_u32(key, (uint32_t)owner->tenant.value);
    key[4] = (uint8_t)lock->kind;
    codec_put_u64(key + 5, (uint64_t)lock->first);
    codec_put_u64(key + 13, (uint64_t)lock->second);
    return slice_make(key, KEY_SIZE);
}

/* Whether nobody may hold a lock in one of these modes while another holds it in the other: PostgreSQL's table. */
static bool modes_conflict(enum sql_lock_mode one, enum sql_lock_mode other) {
#define MODE(name) (1U << SQL_LOCK_##name)
    static const unsigned above_share = MODE(SHARE_ROW_EXCLUSIVE) | MODE(EXCLUSIVE) | MODE(ACCESS_EXCLUSIVE);
    static const unsigned conflicts[] = {
        [SQL_LOCK_ACCESS_SHARE] = MODE(ACCESS_EXCLUSIVE),
        [SQL_LOCK_ROW_SHARE] = MODE(EXCLUSIVE) | MODE(ACCESS_EXCLUSIVE),
        [SQL_LOCK_ROW_EXCLUSIVE] = MODE(SHARE) | above_share,
        [SQL_LOCK_SHARE_UPDATE_EXCLUSIVE] = MODE(SHARE_UPDATE_EXCLUSIVE) | MODE(SHARE) | above_share,
        [SQL_LOCK_SHARE] = MODE(ROW_EXCLUSIVE) | MODE(SHARE_UPDATE_EXCLUSIVE) | above_share,
        [SQL_LOCK_SHARE_ROW_EXCLUSIVE] = MODE(ROW_EXCLUSIVE) | MODE(SHARE_UPDATE_EXCLUSIVE) | MODE(SHARE) | above_share,
        [SQL_LOCK_EXCLUSIVE] =
            MODE(ROW_SHARE) | MODE(ROW_EXCLUSIVE) | MODE(SHARE_UPDATE_EXCLUSIVE) | MODE(SHARE) | above_share,
        [SQL_LOCK_ACCESS_EXCLUSIVE] = ~0U,
    };
#undef MODE
    ASSERT(one >= SQL_LOCK_ACCESS_SHARE && one <= SQL_LOCK_ACCESS_EXCLUSIVE);
    return (conflicts[one] >> other & 1) != 0;
}

/* Of a row a stronger one is as good: of the four modes that rows have each is more than those before it. */
static struct hold *hold_find(const struct lock *lock, const struct lock_owner *owner, enum sql_lock_mode mode) {
    struct hold *hold = lock == NULL ? NULL : lock->holds;
    bool stronger = lock != NULL && lock->name.kind == SQL_LOCK_ROW;
    while (hold != NULL && (hold->owner != owner || (stronger ? hold->mode < mode : hold->mode != mode))) {
        hold = hold->of_lock;
    }
    return hold;
}

/* In whatever mode. */
static bool holds_any(const struct lock *lock, const struct lock_owner *owner) {
    const struct hold *hold = lock->holds;
    while (hold != NULL && hold->owner != owner) {
        hold = hold->of_lock;
    }
    return hold != NULL;
}

static bool held_against(const struct lock *lock, const struct lock_owner *owner, enum sql_lock_mode mode) {
    for (const struct hold *hold = lock->holds; hold != NULL; hold = hold->of_lock) {
        if (hold->owner != owner && modes_conflict(mode, hold->mode)) {
            return true;
        }
    }
    return false;
}

/* Whether somebody before `end` in the queue is in the way. */
static bool queued_against(const struct lock *lock, const struct wait *end, enum sql_lock_mode mode) {
    for (const struct wait *wait = lock->waits; wait != end; wait = wait->next) {
        if (modes_conflict(mode, wait->hold->mode)) {
            return true;
        }
    }
    return false;
}

static struct hold_list *list_of(struct lock_owner *owner, const struct sql_lock *asked) {
    return asked->kind == SQL_LOCK_ROW ? &owner->rows : &owner->taken;
}

static void hold_note(struct hold *hold, const struct sql_lock *asked) {
    struct hold_list *list = list_of(hold->owner, asked);
    if (!asked->transaction) {
        hold->session++;
    } else if (!hold->transaction) {
        ASSERT(list->count < list->capacity);
        hold->transaction = true;
        list->list[list->count++] = hold;
    }
}

static void count_add(struct locks *locks, const struct sql_lock *name, int more) {
    if (name->kind == SQL_LOCK_ROW) {
        atomic_fetch_add(&locks->row_count, (size_t)more);
    } else {
        locks->count += (size_t)more;
    }
}

static void hold_add(struct lock *lock, struct hold *hold, const struct sql_lock *asked) {
    hold->lock = lock;
    hold->of_lock = lock->holds;
    lock->holds = hold;
    hold->of_owner = hold->owner->holds;
    hold->owner->holds = hold;
    hold_note(hold, asked);
}

static void lock_forget(struct locks *locks, struct lock *lock) {
    if (lock->holds == NULL && lock->waits == NULL) {
        (void)map_remove(&locks->map, slice_make(lock->key, KEY_SIZE));
        mem_free(lock);
    }
}

static void wait_remove(struct lock *lock, const struct wait *gone) {
    struct wait **at = &lock->waits;
    while (*at != gone) {
        at = &(*at)->next;
    }
    *at = gone->next;
}

/* Lets in whoever can be. The lock may be gone after. */
static void lock_wake(struct locks *locks, struct lock *lock) {
    struct wait *next;
    for (struct wait *wait = lock->waits; wait != NULL; wait = next) {
        next = wait->next;
        enum sql_lock_mode mode = wait->hold->mode;
        if (!held_against(lock, wait->owner, mode) && !queued_against(lock, wait, mode)) {
            wait_remove(lock, wait);
            hold_add(lock, wait->hold, wait->asked);
            wait->hold = NULL;
            if (wait == &wait->owner->queued) {
                wait->owner->waiting = NULL;
            } else {
                pthread_cond_signal(&wait->let_in);
            }
            if (wait->wake != NULL) {
                wait->wake(wait->context);
            }
        }
    }
    lock_forget(locks, lock);
}

static void hold_drop(struct hold *gone) {
    struct locks *locks = gone->owner->locks;
    if (gone->transaction || gone->session > 0) {
        return;
    }
    struct hold **at = &gone->lock->holds;
    while (*at != gone) {
        at = &(*at)->of_lock;
    }
    *at = gone->of_lock;
    at = &gone->owner->holds;
    while (*at != gone) {
        at = &(*at)->of_owner;
    }
    *at = gone->of_owner;
    count_add(locks, &gone->lock->name, -1);
    lock_wake(locks, gone->lock);
    mem_free(gone);
}

/* --- the search for circles --- */

struct search {
    struct lock_owner *end; /* of the list of those to look at */
};

static void search_add(struct search *search, struct lock_owner *from, struct lock_owner *blocker) {
    if (blocker->searched != from->searched) {
        blocker->searched = from->searched;
        blocker->search_from = from;
        blocker->search_next = NULL;
        search->end->search_next = blocker;
        search->end = blocker;
    }
}

/* Whether the owner, which waits, would in the end wait for itself. Breadth first: each owner is looked at once. The
 * circle then leads from its first member back along search_from. */
static struct lock_owner *search_circle(struct locks *locks, struct lock_owner *start) {
    struct search search = {.end = start};
    start->searched = ++locks->search;
    start->search_next = NULL;
    start->search_from = NULL;
    for (struct lock_owner *owner = start; owner != NULL; owner = owner->search_next) {
        const struct wait *wait = owner->waiting;
        if (wait == NULL || wait->hold == NULL) {
            continue;
        }
        enum sql_lock_mode mode = wait->hold->mode;
        for (struct hold *hold = wait->lock->holds; hold != NULL; hold = hold->of_lock) {
            bool blocks = hold->owner != owner && modes_conflict(mode, hold->mode);
            if (blocks && hold->owner == start) {
                return owner;
            }
            if (blocks) {
                search_add(&search, owner, hold->owner);
            }
        }
        for (struct wait *before = wait->lock->waits; before != wait; before = before->next) {
            bool blocks = modes_conflict(mode, before->hold->mode);
            if (blocks && before->owner == start) {
                return owner;
            }
            if (blocks) {
                search_add(&search, owner, before->owner);
            }
        }
    }
    return NULL;
}

static void lock_print(const struct lock_owner *owner, char *text, size_t size) {
    const struct sql_lock *lock = owner->waiting->asked;
    bool pair = lock->kind == SQL_LOCK_PAIR;
    uint32_t first = pair ? (uint32_t)lock->first : (uint32_t)((uint64_t)lock->first >> 32);
    uint32_t second = pair ? (uint32_t)lock->second : (uint32_t)(uint64_t)lock->first;
    if (lock->kind == SQL_LOCK_ROW) {
        (void)snprintf(text, size, "%s on a row of table %lld of tenant %llu", sql_lock_mode_name(lock->mode),
                       (long long)lock->second, (unsigned long long)owner->tenant.value);
        return;
    }
    if (lock->kind == SQL_LOCK_TABLE) {
        (void)snprintf(text, size, "%s on table %lld of tenant %llu", sql_lock_mode_name(lock->mode),
                       (long long)lock->first, (unsigned long long)owner->tenant.value);
        return;
    }
    (void)snprintf(text, size, "%s on advisory lock [%llu,%u,%u,%d]", sql_lock_mode_name(lock->mode),
                   (unsigned long long)owner->tenant.value, first, second, pair ? 2 : 1);
}

static enum kmb_status deadlock(struct lock_owner *start, struct lock_owner *last, struct kmb_error *error) {
    char detail[KMB_ERROR_DETAIL_SIZE];
    size_t length = 0;
    detail[0] = 0;
    /* The way leads backwards from the last of the circle: each line names who waits and for whom. */
    for (struct lock_owner *owner = last, *blocker = start; owner != NULL && length < sizeof(detail);
         blocker = owner, owner = owner->search_from) {
        char lock[80];
        lock_print(owner, lock, sizeof(lock));
        int added = snprintf(detail + length, sizeof(detail) - length,
                             "%sProcess %llu waits for %s; blocked by process %llu.", length == 0 ? "" : "\n",
                             (unsigned long long)owner->number, lock, (unsigned long long)blocker->number);
        length += added < 0 ? 0 : (size_t)added;
    }
    (void)error_set(error, KMB_DEADLOCK, "deadlock detected");
    (void)error_detail(error, "%s", detail);
    return KMB_DEADLOCK;
}

/* --- taking --- */

static enum kmb_status no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of shared memory");
}

static bool list_reserve(struct hold_list *list) {
    if (list->count < list->capacity) {
        return true;
    }
    size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
    struct hold **grown = mem_realloc(list->list, capacity * sizeof(struct hold *));
    if (grown != NULL) {
        list->list = grown;
        list->capacity = capacity;
    }
    return grown != NULL;
}

/* Whether one more may be held. Of rows, those beyond are simply not held: who changes them is found out at a commit.
 */
static bool is_full(const struct lock_owner *owner, const struct sql_lock *asked) {
    return asked->kind == SQL_LOCK_ROW
               ? atomic_load(&owner->locks->row_count) >= LOCKS_ROWS_MAX || owner->rows.count >= LOCKS_ROWS_OWNER_MAX
               : owner->locks->count >= LOCKS_MAX;
}

static struct lock *lock_of(struct lock_owner *owner, const struct sql_lock *asked) {
    uint8_t key[KEY_SIZE];
    struct locks *locks = owner->locks;
    struct slice bytes = key_make(owner, asked, key);
    struct lock *lock = map_get(&locks->map, bytes);
    if (lock == NULL && (lock = mem_alloc_zero(1, sizeof(*lock))) != NULL) {
        lock->name = *asked;
        lock->tenant = owner->tenant;
        memcpy(lock->key, key, KEY_SIZE);
        if (!map_put(&locks->map, bytes, lock)) {
            mem_free(lock);
            lock = NULL;
        }
    }
    return lock;
}

static void wait_put(struct lock *lock, struct wait *wait, bool first) {
    struct wait **at = &lock->waits;
    while (!first && *at != NULL) {
        at = &(*at)->next;
    }
    wait->next = *at;
    *at = wait;
}

static void wait_poll(struct locks *locks, struct wait *wait) {
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += POLL_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&wait->let_in, &locks->mutex, &until);
}

/* Leaves the queue without having been let in. The lock may be gone after. */
static void wait_end(struct wait *wait) {
    struct lock *lock = wait->lock;
    struct locks *locks = wait->owner->locks;
    wait->owner->waiting = NULL;
    wait_remove(lock, wait);
    count_add(locks, wait->asked, -1);
    mem_free(wait->hold);
    wait->hold = NULL;
    lock_wake(locks, lock);
}

/* A place in the queue, at which it may be let in at once (its hold is NULL then). KMB_DEADLOCK: it has none. */
static enum kmb_status wait_begin(struct lock_owner *owner, struct wait *wait, struct kmb_error *error) {
    struct locks *locks = owner->locks;
    struct lock *lock = wait->lock;
    struct lock_owner *last = NULL;
    /* Who has it in one mode and wants it in the other waits for those who came later, too, if it waits behind them. */
    wait_put(lock, wait, holds_any(lock, owner));
    owner->waiting = wait;
    last = search_circle(locks, owner);
    if (last != NULL) {
        wait_remove(lock, wait);
        wait_put(lock, wait, true);
        last = search_circle(locks, owner);
    }
    if (last != NULL) {
        enum kmb_status status = deadlock(owner, last, error);
        wait_end(wait);
        return status;
    }
    lock_wake(locks, lock); /* at the front it may be let in at once */
    return KMB_OK;
}

/* In the queue until it is let in (*taken), or something ends the wait. */
static enum kmb_status wait_in(struct lock_owner *owner, struct wait *wait, struct kernel_interrupt interrupt,
                               bool *taken, struct kmb_error *error) {
    struct locks *locks = owner->locks;
    enum kmb_status status = wait_begin(owner, wait, error);
    if (status != KMB_OK) {
        return status;
    }
    while (status == KMB_OK && wait->hold != NULL) {
        pthread_mutex_unlock(&locks->mutex);
        status = interrupt.ask == NULL ? KMB_OK : interrupt.ask(interrupt.context, error);
        pthread_mutex_lock(&locks->mutex);
        if (status == KMB_OK && wait->hold != NULL) {
            wait_poll(locks, wait);
        }
    }
    owner->waiting = NULL;
    *taken = wait->hold == NULL; /* perhaps while it was being interrupted: the statement finds out itself */
    if (*taken) {
        return KMB_OK;
    }
    wait_end(wait);
    return status;
}

/* queued: where to wait from now on; NULL: within the call, interrupt being asked. */
static enum kmb_status take(struct lock_owner *owner, const struct sql_lock *asked, bool attempt, struct wait *queued,
                            struct kernel_interrupt interrupt, bool *taken, struct kmb_error *error) {
    struct locks *locks = owner->locks;
    struct lock *lock = lock_of(owner, asked);
    struct hold *held = hold_find(lock, owner, asked->mode);
    if (lock == NULL) {
        return no_memory(error);
    }
    if (held != NULL) {
        hold_note(held, asked);
        *taken = true;
        return KMB_OK;
    }
    /* Rows are shared past those who wait, as in PostgreSQL: children of one parent come while its deletion waits. */
    bool in_order = asked->kind != SQL_LOCK_ROW && !holds_any(lock, owner);
    bool free = !held_against(lock, owner, asked->mode) && !(in_order && queued_against(lock, NULL, asked->mode));
    bool full = is_full(owner, asked);
    if ((!free && attempt) || (free && full && asked->kind == SQL_LOCK_ROW)) {
        lock_forget(locks, lock);
        *taken = free;
        return KMB_OK;
    }
    struct hold *hold = full && asked->kind != SQL_LOCK_ROW ? NULL : mem_alloc_zero(1, sizeof(*hold));
    if (hold == NULL) {
        lock_forget(locks, lock);
        return no_memory(error);
    }
    hold->owner = owner;
    hold->mode = asked->mode;
    count_add(locks, asked, 1);
    if (free) {
        hold_add(lock, hold, asked);
        *taken = true;
        return KMB_OK;
    }
    if (queued != NULL) {
        owner->queued_lock = *asked;
        *queued = (struct wait){.lock = lock, .owner = owner, .hold = hold, .asked = &owner->queued_lock};
        enum kmb_status status = wait_begin(owner, queued, error);
        *taken = status == KMB_OK && queued->hold == NULL;
        return status;
    }
    struct wait wait = {.lock = lock, .owner = owner, .hold = hold, .asked = asked};
    pthread_cond_init(&wait.let_in, NULL);
    enum kmb_status status = wait_in(owner, &wait, interrupt, taken, error);
    pthread_cond_destroy(&wait.let_in);
    return status;
}

enum kmb_status locks_take(struct lock_owner *owner, const struct sql_lock *lock, bool attempt,
                           struct kernel_interrupt interrupt, bool *taken, struct kmb_error *error) {
    *taken = false;
    if (!list_reserve(list_of(owner, lock))) {
        return no_memory(error);
    }
    pthread_mutex_lock(&owner->locks->mutex);
    enum kmb_status status = take(owner, lock, attempt, NULL, interrupt, taken, error);
    pthread_mutex_unlock(&owner->locks->mutex);
    return status;
}

enum kmb_status locks_queue(struct lock_owner *owner, const struct sql_lock *lock, void (*wake)(void *context),
                            void *context, bool *taken, struct kmb_error *error) {
    ASSERT(owner->waiting == NULL);
    *taken = false;
    if (!list_reserve(list_of(owner, lock))) {
        return no_memory(error);
    }
    pthread_mutex_lock(&owner->locks->mutex);
    enum kmb_status status =
        take(owner, lock, false, &owner->queued, (struct kernel_interrupt){.ask = NULL}, taken, error);
    owner->queued.wake = wake;
    owner->queued.context = context;
    pthread_mutex_unlock(&owner->locks->mutex);
    return status;
}

bool locks_queued(struct lock_owner *owner) {
    pthread_mutex_lock(&owner->locks->mutex);
    bool queued = owner->waiting != NULL;
    pthread_mutex_unlock(&owner->locks->mutex);
    return queued;
}

void locks_leave(struct lock_owner *owner) {
    pthread_mutex_lock(&owner->locks->mutex);
    if (owner->waiting != NULL) {
        wait_end(owner->waiting);
    }
    pthread_mutex_unlock(&owner->locks->mutex);
}

/* --- giving back --- */

bool locks_give(struct lock_owner *owner, const struct sql_lock *asked) {
    uint8_t key[KEY_SIZE];
    pthread_mutex_lock(&owner->locks->mutex);
    struct lock *lock = map_get(&owner->locks->map, key_make(owner, asked, key));
    struct hold *hold = hold_find(lock, owner, asked->mode);
    bool own = hold != NULL && hold->session > 0;
    if (own) {
        hold->session--;
        hold_drop(hold);
    }
    pthread_mutex_unlock(&owner->locks->mutex);
    return own;
}

void locks_give_session(struct lock_owner *owner) {
    struct hold *next;
    pthread_mutex_lock(&owner->locks->mutex);
    for (struct hold *hold = owner->holds; hold != NULL; hold = next) {
        next = hold->of_owner;
        hold->session = 0;
        hold_drop(hold);
    }
    pthread_mutex_unlock(&owner->locks->mutex);
}

static void list_give(struct lock_owner *owner, struct hold_list *list, size_t kept) {
    if (list->count <= kept) {
        return;
    }
    pthread_mutex_lock(&owner->locks->mutex);
    while (list->count > kept) {
        struct hold *hold = list->list[--list->count];
        hold->transaction = false;
        hold_drop(hold);
    }
    pthread_mutex_unlock(&owner->locks->mutex);
}

void locks_give_transaction(struct lock_owner *owner, size_t kept) {
    list_give(owner, &owner->taken, kept);
}

void locks_give_rows(struct lock_owner *owner, size_t kept) {
    list_give(owner, &owner->rows, kept);
}

size_t locks_of_rows(const struct lock_owner *owner) {
    return owner->rows.count;
}

bool locks_have_rows(struct locks *locks) {
    return atomic_load(&locks->row_count) > 0;
}

size_t locks_of_transaction(const struct lock_owner *owner) {
    return owner->taken.count;
}

void locks_owner_free(struct lock_owner *owner) {
    if (owner == NULL) {
        return;
    }
    struct locks *locks = owner->locks;
    ASSERT(owner->waiting == NULL);
    locks_give_transaction(owner, 0);
    locks_give_rows(owner, 0);
    locks_give_session(owner);
    pthread_mutex_lock(&locks->mutex);
    struct lock_owner **at = &locks->owners;
    while (*at != owner) {
        at = &(*at)->next;
    }
    *at = owner->next;
    pthread_mutex_unlock(&locks->mutex);
    mem_free(owner->taken.list);
    mem_free(owner->rows.list);
    mem_free(owner);
}

/* --- telling --- */

void locks_each(struct locks *locks, struct tenant_id tenant, sql_lock_fn *each, void *context) {
    size_t at = 0;
    const struct map_entry *entry;
    pthread_mutex_lock(&locks->mutex);
    while ((entry = map_next(&locks->map, &at)) != NULL) {
        const struct lock *lock = entry->value;
        if (lock->tenant.value != tenant.value) {
            continue;
        }
        for (const struct hold *hold = lock->holds; hold != NULL; hold = hold->of_lock) {
            struct sql_lock told = lock->name;
            told.mode = hold->mode;
            each(context, &told, hold->owner->number, true);
        }
        for (const struct wait *wait = lock->waits; wait != NULL; wait = wait->next) {
            struct sql_lock told = lock->name;
            told.mode = wait->hold->mode;
            each(context, &told, wait->owner->number, false);
        }
    }
    pthread_mutex_unlock(&locks->mutex);
}

void locks_blockers(struct locks *locks, struct tenant_id tenant, uint64_t session,
                    void (*each)(void *context, uint64_t blocker), void *context) {
    pthread_mutex_lock(&locks->mutex);
    for (const struct lock_owner *owner = locks->owners; owner != NULL; owner = owner->next) {
        const struct wait *wait = owner->waiting;
        if (owner->number != session || owner->tenant.value != tenant.value || wait == NULL || wait->hold == NULL) {
            continue;
        }
        enum sql_lock_mode mode = wait->hold->mode;
        for (const struct hold *hold = wait->lock->holds; hold != NULL; hold = hold->of_lock) {
            if (hold->owner != owner && modes_conflict(mode, hold->mode)) {
                each(context, hold->owner->number);
            }
        }
        for (const struct wait *before = wait->lock->waits; before != wait; before = before->next) {
            if (modes_conflict(mode, before->hold->mode)) {
                each(context, before->owner->number);
            }
        }
    }
    pthread_mutex_unlock(&locks->mutex);
}
