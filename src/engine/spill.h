/*
 * Temporary files of statements: what does not fit into a statement's memory is written here in blocks and read back.
 *
 * A file belongs to one run, lies in the data directory as "spill-<16 hex digits>" and is removed when the run ends.
 * Blocks are sealed with a key that is drawn for the file, lives in memory only and dies with it: what a crash leaves
 * behind is noise, which the next opening of the database removes. Nothing is synced: no promise rests on it.
 */
#ifndef KMB_ENGINE_SPILL_H
#define KMB_ENGINE_SPILL_H

#include "base/environment.h"
#include "base/io.h"
#include "sql/sql.h"

#define SPILL_PREFIX "spill-"

/* Makes the file. path: of the data directory. bytes_max: KMB_TEMP_FILE_LIMIT beyond; 0: none. io must outlive the
 * file. */
enum kmb_status spill_file_open(const struct io *io, const struct environment *environment, const char *path,
                                uint64_t bytes_max, struct sql_spill **spill, struct kmb_error *error);
/* *block: by which spill_file_read() finds it. */
enum kmb_status spill_file_write(struct sql_spill *spill, struct slice bytes, struct sql_spill_block *block,
                                 struct kmb_error *error);
/* Reads the whole block. KMB_CORRUPT when it is not what was written. */
enum kmb_status spill_file_read(struct sql_spill *spill, struct sql_spill_block block, void *bytes,
                                struct kmb_error *error);
/* Nobody reads the block any more: its place is for others. */
void spill_file_give_back(struct sql_spill *spill, struct sql_spill_block block);
void spill_file_close(struct sql_spill *spill); /* removes it; NULL is fine */

/* Removes what a crash has left in a data directory; no statement may be running. */
enum kmb_status spill_files_remove(const struct io *io, const char *path, struct kmb_error *error);

#endif
