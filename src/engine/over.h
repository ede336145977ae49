/*
 * The C API over a shard that the caller opened and ends: how the simulator drives the very functions that programs
 * call, on a disk, a clock and a randomness of its own.
 */
#ifndef KMB_ENGINE_OVER_H
#define KMB_ENGINE_OVER_H

#include "engine/shard.h"
#include "kimberlite.h"

/* The shard stays the caller's. NULL: no memory. Not for kmb_close(). */
kmb_db *database_over(struct shard *shard);
/* Ends the handle alone; all its sessions have been closed. NULL is fine. */
void database_over_free(kmb_db *db);

#endif
