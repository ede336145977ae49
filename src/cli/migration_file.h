/*
 * Migrations as files: NNNN_name.sql with an up and a down part. Reading a directory of them, and writing a new one.
 *
 *     -- Migration: add patients       header: comments before the first statement
 *     -- Created: 2026-01-31T12:00:00Z
 *
 *     -- Up Migration
 *     CREATE TABLE patients (id INT PRIMARY KEY);
 *
 *     -- Down Migration
 *     DROP TABLE patients;
 *
 * The two marks are taken in any case and with any blanks. What stands above the first is up; a down mark needs
 * something above it, or an up mark, and neither stands twice.
 */
#ifndef KMB_CLI_MIGRATION_FILE_H
#define KMB_CLI_MIGRATION_FILE_H

#include "base/buffer.h"
#include "cli/cli.h"

#define MIGRATIONS_MAX     100000
#define MIGRATION_SIZE_MAX ((size_t)16 << 20)
#define MIGRATION_SUM_SIZE 65 /* SHA-256 in hexadecimal */

struct migration {
    uint64_t id;
    char version[24]; /* the number as the file has it: "0001" */
    char name[256];   /* of the header, else of the file */
    char file[256];   /* "0001_add_patients.sql" */
    struct buffer up;
    struct buffer down; /* empty: none */
    bool has_up;        /* there is a statement in it */
    bool has_down;
    char checksum[MIGRATION_SUM_SIZE]; /* of all behind the header */
};

struct migrations {
    struct migration *rows; /* in order of id */
    size_t count;
};

/* Reads all. 0, or an exit code after telling what is wrong. A directory that is not there holds none. */
int migrations_read(const char *directory, struct migrations *migrations);
void migrations_free(struct migrations *migrations);
const struct migration *migrations_find(const struct migrations *migrations, uint64_t id); /* NULL: none */

/* Writes the next one with both parts empty; path: where. by_time: numbered by the clock rather than by count. */
int migration_make(const char *directory, const struct migrations *migrations, const char *name, bool by_time,
                   char path[CLI_PATH_MAX]);

#endif
