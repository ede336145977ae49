/*
 * Memory that is counted to somebody: an account says how much several holders have together and how much they may; a
 * charge is what one holder has, in up to CHARGE_ACCOUNTS_MAX accounts at once (a server's: all connections, one
 * address, one tenant).
 *
 * Accounts are any thread's. A charge belongs to one thread at a time, and takes from its accounts in steps, so that
 * what is small and short touches nothing that is shared.
 */
#ifndef KMB_BASE_ACCOUNT_H
#define KMB_BASE_ACCOUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define CHARGE_ACCOUNTS_MAX 3
#define CHARGE_STEP         ((uint64_t)16 << 10)

struct account {
    _Atomic uint64_t bytes;     /* taken by all holders */
    _Atomic uint64_t bytes_max; /* 0: any number */
    _Atomic uint64_t *refused;  /* how often it was not enough; NULL: nobody counts */
    const char *whose;          /* for errors: "this tenant"; static text */
    const char *setting;        /* where the limit stands: "limits.memory_per_tenant"; static text */
};

struct charge {
    struct account *accounts[CHARGE_ACCOUNTS_MAX];
    unsigned count;
    uint64_t held;
    uint64_t reserved;             /* of each account: never less than held, and a little more */
    const struct account *refusal; /* the account that a charge_take() failed at; NULL: none has */
};

/* What the charge holds is counted there, too, from now on, be it more than is allowed. */
void charge_join(struct charge *charge, struct account *account);
/* false: an account does not allow it, and nothing is taken; charge->refusal says which. */
bool charge_take(struct charge *charge, uint64_t bytes);
/* For memory that is there already: what it is too much is refused to the next who asks. */
void charge_force(struct charge *charge, uint64_t bytes);
void charge_give(struct charge *charge, uint64_t bytes);
/* Nothing is held any more: leaves all accounts. */
void charge_close(struct charge *charge);
/* KMB_NO_MEMORY in the words of the account that has refused. */
enum kmb_status charge_error(const struct charge *charge, struct kmb_error *error);

#endif
