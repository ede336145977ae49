/*
 * What a shard tells of its log and store, for kimberlite_stat_log. What can not be told just now is 0.
 */
#include <stdio.h>

#include "base/codec.h"
#include "engine/shard.h"
#include "sql/sql.h"

static void write_uuid(const uint8_t *uuid, char text[37]) {
    char hex[33];
    codec_hex(hex, uuid, 16);
    snprintf(text, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

void shard_figures(struct shard *shard, struct sql_log_figures *figures) {
    struct shard_counts *counts = shard_counts_of(shard);
    struct store_info store;
    *figures = (struct sql_log_figures){
        .op = shard_published_op(shard),
        .blocks = atomic_load_explicit(&counts->blocks, memory_order_relaxed),
        .entries = atomic_load_explicit(&counts->entries, memory_order_relaxed),
        .bytes = atomic_load_explicit(&counts->log_bytes, memory_order_relaxed),
        .sync_ms = (double)atomic_load_explicit(&counts->syncs.sum_ns, memory_order_relaxed) / 1e6,
        .checkpoints = atomic_load_explicit(&counts->checkpoints, memory_order_relaxed),
    };
    for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++) {
        figures->syncs += atomic_load_explicit(&counts->syncs.counts[i], memory_order_relaxed);
    }
    write_uuid(shard_identity(shard)->uuid, figures->uuid);
    if (shard_log_bytes(shard, &figures->log_bytes, NULL) != KMB_OK) {
        figures->log_bytes = 0;
    }
    store_info(shard_store(shard), &store);
    figures->store_bytes = store.file_bytes;
    figures->cache_bytes = store.cache_bytes;
    figures->pinned_bytes = store.read_bytes;
}
