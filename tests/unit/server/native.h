/* The database that a program of tests of the native protocol uses. */
#ifndef TESTS_SERVER_NATIVE_H
#define TESTS_SERVER_NATIVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../scratch.h"
#include "client.h"

static char scratch[SCRATCH_SIZE];
static kmb_db *db;
static struct native_service *service;

__attribute__((unused)) static int native_setup(void **state) {
    char path[SCRATCH_SIZE + 8];
    struct kmb_error error = {0};
    struct kmb_options options = {.size = sizeof(options), .flags = KMB_OPEN_CREATE};
    (void)state;
    scratch_make(scratch, sizeof(scratch));
    snprintf(path, sizeof(path), "%s/db", scratch);
    if (kmb_open(path, &options, &db, &error) != KMB_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    return native_service_new(&(struct native_options){.db = db}, &service, NULL) == KMB_OK ? 0 : 1;
}

__attribute__((unused)) static int native_teardown(void **state) {
    (void)state;
    native_service_free(service);
    return kmb_close(db, NULL) == KMB_OK && scratch_remove(scratch) == 0 ? 0 : 1;
}

/* A name or number in a request. */
#define TEXT(text) slice_text(text)

#endif
