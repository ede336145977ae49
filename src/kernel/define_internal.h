/*
 * What the files that evolve definitions share: define.c (whole objects and their versions) and define_part.c (the
 * parts of a table).
 */
#ifndef KMB_KERNEL_DEFINE_INTERNAL_H
#define KMB_KERNEL_DEFINE_INTERNAL_H

#include "kernel/internal.h"

/* The table an event changes, and a copy of its definition whose columns, indexes and checks have one free place. */
struct alteration {
    const struct catalogue_table *old;
    struct table_definition next;
    struct column_definition *columns;
    struct index_definition *indexes;
    struct check_definition *checks;
    struct foreign_key_definition *foreign_keys;
    struct comment_definition *comments;
};

/* A copy in the arena with one free place behind it; NULL: no memory. */
void *alteration_copy(struct arena *arena, const void *from, uint32_t count, size_t size);
/* version 0: the event carries none, the version stays. */
enum kmb_status alteration_begin(struct evolver *evolver, struct table_id id, struct schema_version version,
                                 struct alteration *alteration, struct kmb_error *error);
struct column_definition *alteration_column(struct alteration *alteration, struct column_id id); /* NULL: none living */
/* What is said about a part goes with it. */
void alteration_forget(struct alteration *alteration, enum definition_part part, uint32_t id);
/* The next version begins. object_id_next: 0 where no id was given. */
enum kmb_status alteration_end(struct evolver *evolver, struct alteration *alteration, uint32_t object_id_next,
                               struct kmb_error *error);

/* One object's record in META: the moment of the event, the version that ends now, the one that begins, and none. */
struct catalogue_moment define_moment(const struct evolver *evolver);
enum kmb_status define_version_end(struct evolver *evolver, enum meta_object object, uint32_t id,
                                   struct catalogue_moment from, struct slice encoded, struct kmb_error *error);
enum kmb_status define_record_put(struct evolver *evolver, enum meta_object object, uint32_t id, struct slice encoded,
                                  struct kmb_error *error);
enum kmb_status define_record_delete(struct evolver *evolver, enum meta_object object, uint32_t id,
                                     struct kmb_error *error);
/* The next catalogue. What the change puts in is taken over in any case. object_id_next: 0 where no id was given. */
enum kmb_status define_apply(struct evolver *evolver, const struct catalogue_change *change, uint32_t object_id_next,
                             struct kmb_error *error);

/* An event about roles and keys (principal.c). */
enum kmb_status evolve_principal(struct evolver *evolver, const struct event *event, struct kmb_error *error);

/* Whether an id was never given. */
enum kmb_status evolve_id_fresh(const struct evolver *evolver, uint32_t id, struct kmb_error *error);
enum kmb_status define_no_memory(struct kmb_error *error);

/* An event about a part of a table (define_part.c). */
enum kmb_status evolve_part(struct evolver *evolver, const struct event *event, struct kmb_error *error);

#endif
