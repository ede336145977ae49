/*
 * Charges take from their accounts a step ahead and give back when they have several steps too many: a statement that
 * comes and goes within that costs no atomic operation. An account can so be short by a few steps for each of its
 * holders, never by what a holder really has.
 */
#include "base/account.h"

#include "base/assert.h"

#define SLACK_MAX (4 * CHARGE_STEP)

/* Adds to each account, or to none. */
static bool accounts_take(struct charge *charge, uint64_t bytes) {
    for (unsigned i = 0; i < charge->count; i++) {
        struct account *account = charge->accounts[i];
        uint64_t most = atomic_load_explicit(&account->bytes_max, memory_order_relaxed);
        uint64_t now = atomic_fetch_add_explicit(&account->bytes, bytes, memory_order_relaxed) + bytes;
        if (most == 0 || now <= most) {
            continue;
        }
        for (unsigned k = 0; k <= i; k++) {
            atomic_fetch_sub_explicit(&charge->accounts[k]->bytes, bytes, memory_order_relaxed);
        }
        charge->refusal = account;
        return false;
    }
    charge->reserved += bytes;
    return true;
}

static void accounts_give(struct charge *charge, uint64_t bytes) {
    ASSERT(bytes <= charge->reserved);
    for (unsigned i = 0; i < charge->count; i++) {
        atomic_fetch_sub_explicit(&charge->accounts[i]->bytes, bytes, memory_order_relaxed);
    }
    charge->reserved -= bytes;
}

void charge_join(struct charge *charge, struct account *account) {
    ASSERT(charge->count < CHARGE_ACCOUNTS_MAX);
    charge->accounts[charge->count++] = account;
    atomic_fetch_add_explicit(&account->bytes, charge->reserved, memory_order_relaxed);
}

bool charge_take(struct charge *charge, uint64_t bytes) {
    uint64_t free = charge->reserved - charge->held;
    if (bytes > free && !accounts_take(charge, bytes - free + CHARGE_STEP) && !accounts_take(charge, bytes - free)) {
        if (charge->refusal->refused != NULL) {
            atomic_fetch_add_explicit(charge->refusal->refused, 1, memory_order_relaxed);
        }
        return false;
    }
    charge->held += bytes;
    return true;
}

void charge_force(struct charge *charge, uint64_t bytes) {
    uint64_t free = charge->reserved - charge->held;
    for (unsigned i = 0; bytes > free && i < charge->count; i++) {
        atomic_fetch_add_explicit(&charge->accounts[i]->bytes, bytes - free, memory_order_relaxed);
    }
    charge->reserved += bytes > free ? bytes - free : 0;
    charge->held += bytes;
}

void charge_give(struct charge *charge, uint64_t bytes) {
    ASSERT(bytes <= charge->held);
    charge->held -= bytes;
    if (charge->reserved - charge->held > SLACK_MAX) {
        accounts_give(charge, charge->reserved - charge->held - CHARGE_STEP);
    }
}

void charge_close(struct charge *charge) {
    ASSERT(charge->held == 0);
    accounts_give(charge, charge->reserved);
    charge->count = 0;
}

enum kmb_status charge_error(const struct charge *charge, struct kmb_error *error) {
    const struct account *account = charge->refusal;
    ASSERT(account != NULL);
    error_set(error, KMB_NO_MEMORY, "%s may hold no more memory than %llu bytes", account->whose,
              (unsigned long long)atomic_load(&account->bytes_max));
    error_hint(error, "Try again when other statements are done, or close some that are kept; %s says how much it is.",
               account->setting);
    return KMB_NO_MEMORY;
}
