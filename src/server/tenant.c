/* Tenants by the names that clients give: of databases in PostgreSQL's protocol, of tenants in the native one. */
#include <stdlib.h>
#include <string.h>

#include "server/internal.h"

uint32_t server_find_tenant(struct shard *shard, const char *name) {
    struct tenant_id found = {0};
    if (shard_tenant_find(shard, slice_text(name), &found, NULL) != KMB_OK) {
        return 0;
    }
    if (found.value == 0 && name[0] >= '1' && name[0] <= '9' && strspn(name, "0123456789") == strlen(name)) {
        unsigned long long number = strtoull(name, NULL, 10);
        found.value = number <= UINT32_MAX ? (uint32_t)number : 0;
    }
    if (found.value == 0 && (strcmp(name, "kimberlite") == 0 || strcmp(name, "postgres") == 0)) {
        found.value = 1;
    }
    return found.value;
}
