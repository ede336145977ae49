/*
 * Foreign keys.
 *
 * Nothing is recorded while rows are written: what to look at stands in the transaction's own body. A check goes over
 * the events from a place on and asks, for each row of a child that one of them names and that is still there, whether
 * its parent is; and for each row of a parent that was there before and whose key no row has any more, whether a child
 * still refers to it. So a check at the end of a statement, one of SET CONSTRAINTS and one at COMMIT differ only in
 * where they begin, and a rollback to a mark forgets what it undid.
 *
 * Two transactions that are open together do not see each other's rows. Whoever commits second is checked once more
 * when its events have been evolved on the head, against the foreign keys of the head: a child whose parent went, a
 * parent whose child came. What is missing then was there when the statement was checked, so it is 40001: run it again.
 *
 * Under READ COMMITTED a check claims what it relies on, before that (move.c): that a child's parent stays, with the
 * keys that it has. Who takes a parent away has claimed it for itself, so children can come no more; those that have
 * come since its own state stand in the head.
 *
 * Cascades are statements, for the children's defaults, checks and generated columns are expressions: the SQL room runs
 * them. Here they are only gathered, from the same events.
 *
 * A parent row is found by its primary key or a unique index, a child by any index that begins with the columns of the
 * foreign key; without one the child is read through.
 */
#include "kernel/transaction_internal.h"

#include <inttypes.h>

static enum kmb_status reference_no_memory(struct kmb_error *error) {
    return error_set(error, KMB_NO_MEMORY, "out of memory");
}

/* --- a key, and who has it ---------------------------------------------------------------------------------------- */

#define ROWS_UNASKED 256 /* between two questions whether to go on */

/* One check's place of work: the transaction as it is now. */
struct checking {
    struct kernel_transaction *transaction;
    struct kernel_view *view;
    const struct catalogue *catalogue;
    struct arena arena;
    struct buffer key;
    struct buffer found_key; /* of the parent found last, for runs of children of one parent */
    const struct foreign_key_definition *found_for;
    struct buffer found_row; /* that parent, by its row's key */
    bool found_claimed;
    struct index_id found_index;
    struct buffer memory;
    enum kernel_references which;
    uint32_t rows; /* looked at so far */
};

static enum kmb_status checking_open(struct kernel_transaction *transaction, struct checking *checking,
                                     struct kmb_error *error) {
    *checking = (struct checking){.transaction = transaction};
    arena_init(&checking->arena, 0);
    enum kmb_status status = transaction_view_unnoted(transaction, &checking->view, error);
    checking->catalogue = transaction->evolver.catalogue;
    return status;
}

/* A reference that holds is looked at again by the commit; that one was missing counts as read. */
static void checking_close(struct checking *checking, enum kmb_status status) {
    if (status == KMB_FOREIGN_KEY_VIOLATION) {
        kernel_reads_add_all(checking->transaction->reads);
    }
    kernel_view_close(checking->view);
    arena_free(&checking->arena);
    buffer_free(&checking->key);
    buffer_free(&checking->found_key);
    buffer_free(&checking->found_row);
    buffer_free(&checking->memory);
}

static bool is_integer(enum type_id type) {
    return type == TYPE_TINYINT || type == TYPE_INT2 || type == TYPE_INT4 || type == TYPE_INT8;
}

bool kernel_reference_types(struct type child, struct type parent) {
    bool text =
        (child.id == TYPE_TEXT || child.id == TYPE_VARCHAR) && (parent.id == TYPE_TEXT || parent.id == TYPE_VARCHAR);
    return child.id == parent.id || text || (is_integer(child.id) && is_integer(parent.id));
}

/* The value as one of another type; false: that type has no such value. */
static bool value_as(const struct value *value, enum type_id type, struct value *out) {
    *out = *value;
    if (value->type == type || !is_integer(type)) {
        return true;
    }
    int64_t low = type == TYPE_TINYINT ? INT8_MIN
                  : type == TYPE_INT2  ? INT16_MIN
                  : type == TYPE_INT4  ? INT32_MIN
                                       : INT64_MIN;
    int64_t high = type == TYPE_TINYINT ? INT8_MAX
                   : type == TYPE_INT2  ? INT16_MAX
                   : type == TYPE_INT4  ? INT32_MAX
                                        : INT64_MAX;
    *out = value_integer(type, value->as.integer);
    return value->as.integer >= low && value->as.integer <= high;
}

/* The columns of a row that a foreign key names, on the child's or on the parent's side. */
static enum kmb_status key_values(const struct catalogue_table *table, const struct foreign_key_definition *key,
                                  bool parent, struct slice image, struct value *values, struct kmb_error *error) {
    const struct table_layout *layout = row_layout_of(table, image);
    if (layout == NULL) {
        return meta_damaged(error, "a row has an unknown schema version");
    }
    for (uint32_t i = 0; i < key->part_count; i++) {
        struct column_id id = parent ? key->parts[i].parent : key->parts[i].column;
        uint16_t ordinal = catalogue_column_ordinal(NULL, &table->definition, id);
        if (ordinal == CATALOGUE_COLUMN_MISSING) {
            return meta_damaged(error, "a foreign key names a column that is not there");
        }
        row_column_get(table, layout, image, ordinal, &values[i]);
    }
    return KMB_OK;
}

/* Finds the key of `table` whose first columns are those of the foreign key: order[i] is the part that stands i-th.
 * whole: it has no others and is unique. */
static bool parts_match(const struct foreign_key_definition *key, bool parent, const struct key_part *parts,
                        uint32_t part_count, bool whole, uint32_t *order) {
    if (part_count < key->part_count || (whole && part_count != key->part_count)) {
        return false;
    }
    for (uint32_t i = 0; i < key->part_count; i++) {
        bool found = false;
        for (uint32_t k = 0; k < key->part_count && !found; k++) {
            struct column_id id = parent ? key->parts[k].parent : key->parts[k].column;
            found = parts[i].column.value == id.value;
            order[i] = k;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool key_find(const struct table_definition *table, const struct foreign_key_definition *key, bool parent,
                     struct index_id *index, const struct key_part **parts, uint32_t *order) {
    index->value = 0;
    *parts = table->primary_key;
    if (parts_match(key, parent, table->primary_key, table->primary_key_count, parent, order)) {
        return true;
    }
    for (uint32_t i = 0; i < table->index_count; i++) {
        const struct index_definition *candidate = &table->indexes[i];
        if (candidate->state == INDEX_READY && candidate->filter.value == 0 && (candidate->unique || !parent) &&
            parts_match(key, parent, candidate->parts, candidate->part_count, parent, order)) {
            *index = candidate->id;
            *parts = candidate->parts;
            return true;
        }
    }
    return false;
}

/* Encodes values in the order of a key of `table`; false: no row of it can have them. */
static bool key_encode(const struct table_definition *table, const struct key_part *parts, const uint32_t *order,
                       uint32_t count, const struct value *values, struct buffer *key) {
    for (uint32_t i = 0; i < count; i++) {
        const struct column_definition *column = definition_column_of_id(table, parts[i].column);
        struct value value;
        if (column == NULL || !value_as(&values[order[i]], column->type.id, &value)) {
            return false;
        }
        key_append(key, (struct key_column){.type = column->type, .descending = parts[i].descending}, &value);
    }
    return true;
}

/* A search for the rows of one side that have these values: by a key of the table, or by reading it through. */
struct search {
    const struct table_definition *table;
    const struct foreign_key_definition *key;
    const struct value *values;
    bool parent;
    bool by_key;
    bool none; /* no row can have them */
    struct index_id index;
};

/* key: by which it is searched, the search's while it lasts. */
static enum kmb_status search_make(struct search *search, struct buffer *key, struct kmb_error *error) {
    const struct key_part *parts = NULL;
    uint32_t order[DEFINITION_KEY_COLUMNS_MAX];
    buffer_clear(key);
    search->by_key = key_find(search->table, search->key, search->parent, &search->index, &parts, order);
    search->none =
        search->by_key && !key_encode(search->table, parts, order, search->key->part_count, search->values, key);
    return buffer_ok(key) ? KMB_OK : reference_no_memory(error);
}

static enum kmb_status row_matches(const struct search *search, struct slice image, bool *matches,
                                   struct kmb_error *error) {
    struct value found[DEFINITION_KEY_COLUMNS_MAX];
    enum kmb_status status =
        key_values(catalogue_table_of(search->table), search->key, search->parent, image, found, error);
    *matches = status == KMB_OK;
    for (uint32_t k = 0; k < search->key->part_count && *matches; k++) {
        struct value wanted;
        *matches = !found[k].is_null && value_as(&search->values[k], found[k].type, &wanted) &&
                   value_compare(&found[k], &wanted) == 0;
    }
    return status;
}

/* Called for each row that is found. KMB_DONE: no others are wanted. */
typedef enum kmb_status found_fn(void *context, const struct kernel_row *row, struct kmb_error *error);

static enum kmb_status search_run(const struct search *search, struct kernel_view *view, struct slice key,
                                  found_fn *each, void *context, struct kmb_error *error) {
    const struct kernel_bound bound = {.key = key, .inclusive = true};
    const struct kernel_range range = {.index = search->index, .low = bound, .high = bound};
    const struct table_definition *seen = catalogue_table_of_id(view->catalogue, search->table->id);
    struct kernel_scan *scan = NULL;
    enum kmb_status status =
        kernel_scan_open(view, seen == NULL ? search->table : seen, search->by_key ? &range : NULL, &scan, error);
    while (status == KMB_OK) {
        struct kernel_row rows[64];
        size_t count = 0;
        status = kernel_scan_next(scan, rows, search->by_key ? 1 : ARRAY_LENGTH(rows), &count, error);
        if (status != KMB_OK || count == 0) {
            break;
        }
        for (size_t i = 0; i < count && status == KMB_OK; i++) {
            bool matches = search->by_key;
            status = matches ? KMB_OK : row_matches(search, rows[i].image, &matches, error);
            if (status == KMB_OK && matches) {
                status = each(context, &rows[i], error);
            }
        }
    }
    kernel_scan_close(scan);
    return status == KMB_DONE ? KMB_OK : status;
}

struct presence {
    struct buffer *row; /* gets its key; NULL: that it is there is enough */
    bool present;
};

static enum kmb_status note_present(void *context, const struct kernel_row *row, struct kmb_error *error) {
    struct presence *presence = context;
    presence->present = true;
    if (presence->row != NULL) {
        buffer_clear(presence->row);
        buffer_append_slice(presence->row, row->key);
    }
    return presence->row == NULL || buffer_ok(presence->row) ? KMB_DONE : reference_no_memory(error);
}

/* Is there a row of `table` with these values? */
static enum kmb_status row_present(struct checking *checking, const struct table_definition *table,
                                   const struct foreign_key_definition *key, bool parent, const struct value *values,
                                   bool *present, struct kmb_error *error) {
    struct search search = {.table = table, .key = key, .values = values, .parent = parent};
    struct presence presence = {.row = parent ? &checking->found_row : NULL};
    *present = false;
    enum kmb_status status = search_make(&search, &checking->key, error);
    if (status != KMB_OK || search.none) {
        return status;
    }
    struct slice wanted = buffer_slice(&checking->key);
    if (search.by_key && parent && checking->found_for == key &&
        slice_equal(buffer_slice(&checking->found_key), wanted)) {
        *present = true;
        return KMB_OK;
    }
    status = search_run(&search, checking->view, wanted, note_present, &presence, error);
    *present = presence.present;
    if (status == KMB_OK && parent && *present) {
        checking->found_claimed = false;
        checking->found_index = search.by_key ? search.index : (struct index_id){0};
        buffer_clear(&checking->found_key);
        buffer_append_slice(&checking->found_key, wanted);
        checking->found_for = search.by_key && buffer_ok(&checking->found_key) ? key : NULL;
    }
    return status;
}

/* --- claims ------------------------------------------------------------------------------------------------------- */

/* The parent found last is to stay, with the key that a child refers to: who takes it away waits, or is waited for. */
static enum kmb_status parent_claim(struct checking *checking, const struct table_definition *parent,
                                    struct kmb_error *error) {
    struct kernel_transaction *transaction = checking->transaction;
    struct slice row = buffer_slice(&checking->found_row);
    struct kernel_claim claim = {
        .table = parent->id, .index = checking->found_index, .key = row, .row = row, .mode = KERNEL_CLAIM_KEY_SHARE};
    if (transaction->guard.claim == NULL || checking->found_claimed) {
        return KMB_OK;
    }
    if (claim.index.value != 0) {
        buffer_clear(&transaction->frame);
        key_prefix(&transaction->frame, claim.index.value);
        buffer_append_slice(&transaction->frame, buffer_slice(&checking->key));
        claim.key = buffer_slice(&transaction->frame);
        if (!buffer_ok(&transaction->frame)) {
            return reference_no_memory(error);
        }
    }
    enum kmb_status status = kernel_claim_row(transaction, &claim, error);
    checking->found_claimed = status == KMB_OK;
    return status;
}

/* The rows of a child that refer to a key which no parent has any more. */
struct kernel_children {
    struct checking *checking;
    struct search search;
    struct slice key;
};

struct coming {
    struct kernel_view *before;
    const struct table_definition *child;
    struct buffer memory;
    bool came;
};

/* A row that was not there before is one that the transaction has not looked at. */
static enum kmb_status note_coming(void *context, const struct kernel_row *row, struct kmb_error *error) {
    struct coming *coming = context;
    struct kernel_row old;
    bool was = false;
    enum kmb_status status = kernel_get(coming->before, coming->child, row->key, &coming->memory, &old, &was, error);
    coming->came = status == KMB_OK && (!was || old.stamp.position != row->stamp.position);
    return coming->came ? KMB_DONE : status;
}

enum kmb_status kernel_children_came(const struct kernel_children *children, struct kernel_state *newer, bool *came,
                                     struct kmb_error *error) {
    struct kernel_state *base = children->checking->transaction->base;
    struct coming coming = {.child = children->search.table};
    struct kernel_view *now = NULL;
    *came = kernel_transaction_movable(children->checking->transaction);
    if (catalogue_table_of_id(newer->catalogue, coming.child->id) != coming.child) {
        return KMB_OK; /* it was altered: going over there finds out, or the commit */
    }
    enum kmb_status status = kernel_view_open(base, &coming.before, error);
    if (status == KMB_OK) {
        status = kernel_view_open(newer, &now, error);
    }
    if (status == KMB_OK) {
        status = search_run(&children->search, now, children->key, note_coming, &coming, error);
    }
    kernel_view_close(now);
    kernel_view_close(coming.before);
    buffer_free(&coming.memory);
    *came = coming.came;
    return status;
}

/* The parent was claimed when it was written, so children that others have made of it are committed, or never will be.
 */
static enum kmb_status children_claim(struct checking *checking, const struct table_definition *parent,
                                      struct slice row, const struct table_definition *child,
                                      const struct foreign_key_definition *key, const struct value *values,
                                      struct kmb_error *error) {
    struct kernel_children children = {.checking = checking, .search = {.table = child, .key = key, .values = values}};
    if (checking->transaction->guard.claim == NULL) {
        return KMB_OK;
    }
    enum kmb_status status = search_make(&children.search, &checking->key, error);
    if (status != KMB_OK || children.search.none) {
        return status;
    }
    children.key = buffer_slice(&checking->key);
    return kernel_claim_row(
        checking->transaction,
        &(struct kernel_claim){
            .table = parent->id, .key = row, .row = row, .children = &children, .mode = KERNEL_CLAIM_UPDATE},
        error);
}

/* --- messages ----------------------------------------------------------------------------------------------------- */

static void describe(const struct table_definition *table, const struct foreign_key_definition *key, bool parent,
                     const struct value *values, struct buffer *text) {
    buffer_append_text(text, "Key (");
    for (uint32_t i = 0; i < key->part_count; i++) {
        const struct column_definition *column =
            definition_column_of_id(table, parent ? key->parts[i].parent : key->parts[i].column);
        buffer_append_text(text, i == 0 ? "" : ", ");
        buffer_append_slice(text, column->name);
    }
    buffer_append_text(text, ")=(");
    for (uint32_t i = 0; i < key->part_count; i++) {
        buffer_append_text(text, i == 0 ? "" : ", ");
        value_print(&values[i], NULL, text);
    }
    buffer_append_text(text, ")");
}

static enum kmb_status child_refused(const struct table_definition *child, const struct foreign_key_definition *key,
                                     const struct table_definition *parent, const struct value *values,
                                     struct kmb_error *error) {
    error_set(error, KMB_FOREIGN_KEY_VIOLATION,
              "insert or update on table \"%.*s\" violates foreign key constraint \"%.*s\"", (int)child->name.length,
              (const char *)child->name.bytes, (int)key->name.length, (const char *)key->name.bytes);
    error_about(error,
                &(struct error_about){.schema = child->schema_name, .table = child->name, .constraint = key->name});
    if (values == NULL) {
        error_detail(error, "MATCH FULL does not allow mixing of null and nonnull key values.");
        return KMB_FOREIGN_KEY_VIOLATION;
    }
    struct buffer text = {.bytes = NULL};
    describe(child, key, false, values, &text);
    const char *described = buffer_text(&text);
    if (described != NULL) {
        error_detail(error, "%s is not present in table \"%.*s\".", described, (int)parent->name.length,
                     (const char *)parent->name.bytes);
    }
    buffer_free(&text);
    return KMB_FOREIGN_KEY_VIOLATION;
}

static enum kmb_status parent_refused(const struct table_definition *child, const struct foreign_key_definition *key,
                                      const struct table_definition *parent, const struct value *values,
                                      struct kmb_error *error) {
    error_set(error, KMB_FOREIGN_KEY_VIOLATION,
              "update or delete on table \"%.*s\" violates foreign key constraint \"%.*s\" on table \"%.*s\"",
              (int)parent->name.length, (const char *)parent->name.bytes, (int)key->name.length,
              (const char *)key->name.bytes, (int)child->name.length, (const char *)child->name.bytes);
    error_about(error,
                &(struct error_about){.schema = child->schema_name, .table = child->name, .constraint = key->name});
    struct buffer text = {.bytes = NULL};
    describe(parent, key, true, values, &text);
    const char *described = buffer_text(&text);
    if (described != NULL) {
        error_detail(error, "%s is still referenced from table \"%.*s\".", described, (int)child->name.length,
                     (const char *)child->name.bytes);
    }
    buffer_free(&text);
    return KMB_FOREIGN_KEY_VIOLATION;
}

/* --- one row ------------------------------------------------------------------------------------------------------ */

/* A row of a child, by its image: is what it refers to there? claims: and will it stay there? */
static enum kmb_status child_check(struct checking *checking, const struct table_definition *child,
                                   const struct foreign_key_definition *key, struct slice image, bool claims,
                                   struct kmb_error *error) {
    struct value values[DEFINITION_KEY_COLUMNS_MAX];
    enum kmb_status status = key_values(catalogue_table_of(child), key, false, image, values, error);
    uint32_t nulls = 0;
    for (uint32_t i = 0; status == KMB_OK && i < key->part_count; i++) {
        nulls += values[i].is_null;
    }
    if (status != KMB_OK || nulls == key->part_count || (nulls > 0 && !key->match_full)) {
        return status;
    }
    const struct table_definition *parent = catalogue_table_of_id(checking->catalogue, key->parent);
    if (nulls > 0) {
        return child_refused(child, key, parent, NULL, error);
    }
    bool present = false;
    status = row_present(checking, parent, key, true, values, &present, error);
    if (status == KMB_OK && !present) {
        return child_refused(child, key, parent, values, error);
    }
    return status == KMB_OK && claims ? parent_claim(checking, parent, error) : status;
}

/* Whether it referred to something else as it was before. */
static enum kmb_status child_turned(const struct table_definition *child, const struct foreign_key_definition *key,
                                    struct slice old_image, struct slice image, bool *turned, struct kmb_error *error) {
    struct value old_values[DEFINITION_KEY_COLUMNS_MAX];
    struct value values[DEFINITION_KEY_COLUMNS_MAX];
    enum kmb_status status = key_values(catalogue_table_of(child), key, false, old_image, old_values, error);
    if (status == KMB_OK) {
        status = key_values(catalogue_table_of(child), key, false, image, values, error);
    }
    *turned = false;
    for (uint32_t i = 0; status == KMB_OK && i < key->part_count; i++) {
        bool nulls = old_values[i].is_null || values[i].is_null;
        *turned = *turned ||
                  (nulls ? old_values[i].is_null != values[i].is_null : value_compare(&old_values[i], &values[i]) != 0);
    }
    return status;
}

/* The key that a row of a parent had: has no row it any more, and does a child refer to it? */
static enum kmb_status parent_check(struct checking *checking, const struct table_definition *parent, struct slice row,
                                    const struct table_definition *child, const struct foreign_key_definition *key,
                                    const struct value *values, struct kmb_error *error) {
    bool present = false;
    checking->found_for = NULL; /* what was found is gone, perhaps */
    enum kmb_status status = row_present(checking, parent, key, true, values, &present, error);
    if (status == KMB_OK && !present) {
        status = row_present(checking, child, key, false, values, &present, error);
        if (status == KMB_OK && present) {
            return parent_refused(child, key, parent, values, error);
        }
        status = status == KMB_OK ? children_claim(checking, parent, row, child, key, values, error) : status;
    }
    return status;
}

/* --- what changed since a place ----------------------------------------------------------------------------------- */

/* Called for each row of the events: as it was keyed before, and as it is keyed now; either may be empty. */
typedef enum kmb_status change_fn(void *context, const struct table_definition *table, struct slice old_key,
                                  struct slice new_key, struct kmb_error *error);

static enum kmb_status rows_walk(const struct catalogue *catalogue, const struct event *event, struct buffer *key,
                                 change_fn *each, void *context, struct kmb_error *error) {
    const struct table_definition *table = catalogue_table_of_id(catalogue, event->as.rows.table);
    if (table == NULL || !catalogue_table_refers(catalogue, table)) {
        return KMB_OK; /* dropped meanwhile, or of no interest */
    }
    struct reader reader = event_row_start(event);
    struct event_row row;
    enum kmb_status status = KMB_OK;
    while (status == KMB_OK && event_row_next(event, &reader, &row)) {
        struct slice old_key = event->kind == EVENT_ROWS_INSERTED ? slice_make(NULL, 0) : row.old_key;
        buffer_clear(key);
        if (event->kind != EVENT_ROWS_DELETED && !definition_has_row_id(table)) {
            const struct table_layout *layout = row_layout_of(catalogue_table_of(table), row.image);
            if (layout == NULL) {
                return meta_damaged(error, "a row has an unknown schema version");
            }
            key_of_image(catalogue_table_of(table), &catalogue_table_of(table)->primary, layout, row.image, key, NULL);
        } else if (event->kind == EVENT_ROWS_INSERTED) {
            key_append_row_id(key, row.row_id.value);
        } else if (event->kind == EVENT_ROWS_UPDATED) {
            buffer_append_slice(key, old_key);
        }
        status = buffer_ok(key) ? each(context, table, old_key, buffer_slice(key), error) : reference_no_memory(error);
    }
    return status;
}

static enum kmb_status changes_walk(struct kernel_transaction *transaction, const struct kernel_place *from,
                                    change_fn *each, void *context, struct kmb_error *error) {
    struct arena arena;
    struct buffer key = {.bytes = NULL};
    enum kmb_status status = KMB_OK;
    arena_init(&arena, 0);
    for (uint32_t i = from->part; status == KMB_OK && i < transaction->part_count; i++) {
        struct slice body = buffer_slice(&transaction->parts[i].body);
        size_t skip = i == from->part ? from->offset : 0;
        struct event_reader reader = event_reader_make(slice_make(body.bytes + skip, body.length - skip), &arena);
        struct event event;
        while (status == KMB_OK && (status = event_next(&reader, &event, error)) == KMB_ROW) {
            bool rows = event.kind == EVENT_ROWS_INSERTED || event.kind == EVENT_ROWS_UPDATED ||
                        event.kind == EVENT_ROWS_DELETED;
            status = rows ? rows_walk(transaction->evolver.catalogue, &event, &key, each, context, error) : KMB_OK;
        }
        status = status == KMB_DONE ? KMB_OK : status;
    }
    buffer_free(&key);
    arena_free(&arena);
    return status;
}

enum kmb_status kernel_transaction_place(struct kernel_transaction *transaction, struct kernel_place *place,
                                         struct kmb_error *error) {
    enum kmb_status status = transaction_writer_end(transaction, error);
    *place = (struct kernel_place){.part = 0};
    if (transaction->part_count > 0) {
        place->part = transaction->part_count - 1;
        place->offset = transaction_tail(transaction)->length;
    }
    return status;
}

enum kmb_status kernel_transaction_base_view(struct kernel_transaction *transaction, struct kernel_view **view,
                                             struct kmb_error *error) {
    return kernel_view_open(transaction->base, view, error);
}

/* --- checking ----------------------------------------------------------------------------------------------------- */

bool kernel_reference_deferred(const struct kernel_transaction *transaction, struct table_id table,
                               const struct foreign_key_definition *key) {
    bool deferred = key->deferred;
    for (uint32_t i = 0; key->deferrable && i < transaction->deferral_count; i++) { /* the last word holds */
        const struct transaction_deferral *said = &transaction->deferrals[i];
        if (said->table.value == 0 || (said->table.value == table.value && said->key.value == key->id.value)) {
            deferred = said->deferred;
        }
    }
    return deferred;
}

enum kmb_status kernel_defer_references(struct kernel_transaction *transaction, struct table_id table,
                                        struct constraint_id key, bool deferred, struct kmb_error *error) {
    struct transaction_deferral *grown = mem_realloc(transaction->deferrals, ((size_t)transaction->deferral_count + 1) *
                                                                                 sizeof(*transaction->deferrals));
    if (grown == NULL) {
        return reference_no_memory(error);
    }
    transaction->deferrals = grown;
    grown[transaction->deferral_count++] =
        (struct transaction_deferral){.table = table, .key = key, .deferred = deferred};
    return KMB_OK;
}

/* What cannot be deferred was looked at by each statement, and is only where the rows are now on another state. */
static bool key_asked(const struct checking *checking, struct table_id table,
                      const struct foreign_key_definition *key) {
    switch (checking->which) {
    case KERNEL_REFERENCES_ALL:
        return true;
    case KERNEL_REFERENCES_DEFERRABLE:
        return key->deferrable;
    case KERNEL_REFERENCES_TURNED:
        return key->deferrable && !kernel_reference_deferred(checking->transaction, table, key);
    case KERNEL_REFERENCES_IMMEDIATE:
        break;
    }
    return !kernel_reference_deferred(checking->transaction, table, key);
}

struct change_check {
    struct checking checking;
    struct kernel_view *before;
    struct buffer old_memory;
};

/* A row as it was at `before`, under the present definition. */
static enum kmb_status row_before(struct kernel_view *before, const struct table_definition *table, struct slice key,
                                  struct buffer *memory, struct kernel_row *row, bool *found, struct kmb_error *error) {
    *found = false;
    return key.length == 0 ? KMB_OK : kernel_get(before, table, key, memory, row, found, error);
}

static enum kmb_status parents_check(struct change_check *check, const struct table_definition *parent,
                                     struct slice row, struct slice image, struct kmb_error *error) {
    struct checking *checking = &check->checking;
    enum kmb_status status = KMB_OK;
    for (uint32_t t = 0; status == KMB_OK && t < checking->catalogue->object_count; t++) {
        const struct table_definition *child = &checking->catalogue->tables_by_id[t]->definition;
        for (uint32_t i = 0; status == KMB_OK && i < child->foreign_key_count; i++) {
            const struct foreign_key_definition *key = &child->foreign_keys[i];
            struct value values[DEFINITION_KEY_COLUMNS_MAX];
            if (key->parent.value != parent->id.value || !key_asked(checking, child->id, key)) {
                continue;
            }
            status = key_values(catalogue_table_of(parent), key, true, image, values, error);
            bool whole = status == KMB_OK;
            for (uint32_t k = 0; whole && k < key->part_count; k++) {
                whole = !values[k].is_null;
            }
            if (whole) {
                status = parent_check(checking, parent, row, child, key, values, error);
            }
        }
    }
    return status;
}

/* A row of a child as it is now; old: as it was before, or NULL. What stood there before a NOT VALID key may stay
 * as long as the row refers to the same. */
static enum kmb_status row_check(struct checking *checking, const struct table_definition *child,
                                 const struct foreign_key_definition *key, const struct kernel_row *old,
                                 const struct kernel_row *row, struct kmb_error *error) {
    bool turned = true;
    enum kmb_status status = old == NULL ? KMB_OK : child_turned(child, key, old->image, row->image, &turned, error);
    if (status != KMB_OK || (key->not_valid && !turned)) {
        return status;
    }
    return child_check(checking, child, key, row->image, turned, error);
}

static enum kmb_status change_check(void *context, const struct table_definition *table, struct slice old_key,
                                    struct slice new_key, struct kmb_error *error) {
    struct change_check *check = context;
    struct checking *checking = &check->checking;
    struct kernel_row row;
    struct kernel_row old;
    bool found = false;
    bool was = false;
    bool asks = ++checking->rows % ROWS_UNASKED == 0;
    enum kmb_status status = asks ? evolver_interrupted(&checking->transaction->evolver, error) : KMB_OK;
    if (status == KMB_OK) {
        status = row_before(check->before, table, old_key, &check->old_memory, &old, &was, error);
    }
    if (status == KMB_OK && table->foreign_key_count > 0 && new_key.length > 0) {
        status = kernel_get(checking->view, table, new_key, &checking->memory, &row, &found, error);
        for (uint32_t i = 0; status == KMB_OK && found && i < table->foreign_key_count; i++) {
            const struct foreign_key_definition *key = &table->foreign_keys[i];
            if (key_asked(checking, table->id, key)) {
                status = row_check(checking, table, key, was ? &old : NULL, &row, error);
            }
        }
    }
    return status == KMB_OK && was ? parents_check(check, table, old_key, old.image, error) : status;
}

static enum kmb_status check_once(struct kernel_transaction *transaction, const struct kernel_place *from,
                                  struct kernel_view *before, enum kernel_references which, struct kmb_error *error) {
    struct change_check check = {.before = before};
    enum kmb_status status = checking_open(transaction, &check.checking, error);
    check.checking.which = which;
    if (status == KMB_OK) {
        status = changes_walk(transaction, from, change_check, &check, error);
    }
    buffer_free(&check.old_memory);
    checking_close(&check.checking, status);
    return status;
}

enum kmb_status kernel_check_references(struct kernel_transaction *transaction, const struct kernel_place *from,
                                        struct kernel_view *before, enum kernel_references which,
                                        struct kmb_error *error) {
    const struct kernel_state *base = NULL;
    enum kmb_status status = KMB_OK;
    bool has = catalogue_has_foreign_keys(transaction->evolver.catalogue);
    while (has && status == KMB_OK && base != transaction->base) { /* again, if a claim let it go over */
        base = transaction->base;
        status = check_once(transaction, from, before, which, error);
    }
    return status;
}

/* Every row of a child. */
static enum kmb_status table_check(struct kernel_transaction *transaction, const struct table_definition *child,
                                   const struct foreign_key_definition *key, struct kmb_error *error) {
    struct checking checking;
    struct kernel_scan *scan = NULL;
    enum kmb_status status = checking_open(transaction, &checking, error);
    if (status == KMB_OK) {
        const struct table_definition *seen = catalogue_table_of_id(checking.view->catalogue, child->id);
        status = kernel_scan_open(checking.view, seen == NULL ? child : seen, NULL, &scan, error);
    }
    while (status == KMB_OK) {
        struct kernel_row rows[64];
        size_t count = 0;
        status = evolver_interrupted(&transaction->evolver, error);
        if (status == KMB_OK) {
            status = kernel_scan_next(scan, rows, ARRAY_LENGTH(rows), &count, error);
        }
        if (count == 0) {
            break;
        }
        for (size_t i = 0; status == KMB_OK && i < count; i++) {
            status = child_check(&checking, child, key, rows[i].image, false, error);
        }
    }
    kernel_scan_close(scan);
    checking_close(&checking, status);
    return status;
}

/* The foreign keys that the transaction itself made, whole: rows came since it looked. */
static enum kmb_status added_check(struct kernel_transaction *transaction, struct kmb_error *error) {
    const struct catalogue *catalogue = transaction->evolver.catalogue;
    enum kmb_status status = KMB_OK;
    for (uint32_t t = 0; status == KMB_OK && t < catalogue->object_count; t++) {
        const struct table_definition *child = &catalogue->tables_by_id[t]->definition;
        const struct table_definition *base = catalogue_table_of_id(transaction->base->catalogue, child->id);
        for (uint32_t i = 0; status == KMB_OK && i < child->foreign_key_count; i++) {
            bool old = false;
            for (uint32_t k = 0; base != NULL && k < base->foreign_key_count; k++) {
                old = old || base->foreign_keys[k].id.value == child->foreign_keys[i].id.value;
            }
            if (!old && !child->foreign_keys[i].not_valid) {
                status = table_check(transaction, child, &child->foreign_keys[i], error);
            }
        }
    }
    return status;
}

static enum kmb_status body_check(struct kernel_transaction *transaction, enum kernel_references which,
                                  struct kmb_error *error) {
    struct kernel_place start = {.part = 0};
    struct kernel_view *before = NULL;
    enum kmb_status status = kernel_transaction_base_view(transaction, &before, error);
    if (status == KMB_OK) {
        status = kernel_check_references(transaction, &start, before, which, error);
    }
    kernel_view_close(before);
    return status;
}

enum kmb_status transaction_check_deferred(struct kernel_transaction *transaction, struct kmb_error *error) {
    const struct catalogue *catalogue = transaction->evolver.catalogue;
    bool any = false;
    for (uint32_t t = 0; catalogue->foreign_key_count > 0 && t < catalogue->object_count; t++) {
        const struct table_definition *child = &catalogue->tables_by_id[t]->definition;
        for (uint32_t i = 0; i < child->foreign_key_count; i++) {
            any = any || child->foreign_keys[i].deferrable;
        }
    }
    return any ? body_check(transaction, KERNEL_REFERENCES_DEFERRABLE, error) : KMB_OK;
}

enum kmb_status kernel_check_deferred(struct kernel_transaction *transaction, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    if (status == KMB_OK) {
        status = transaction_writer_end(transaction, error);
    }
    return status == KMB_OK ? transaction_check_deferred(transaction, error) : status;
}

enum kmb_status transaction_check_rebased(struct kernel_transaction *transaction, struct kmb_error *error) {
    if (transaction->evolver.catalogue->foreign_key_count == 0) {
        return KMB_OK;
    }
    /* What was evolved on the head becomes the transaction's root, to be looked at. */
    struct store_root *root = NULL;
    enum kmb_status status = evolver_flush(&transaction->evolver, error);
    if (status == KMB_OK) {
        status = store_fork_freeze(transaction->evolver.fork, &root, error);
    }
    if (status != KMB_OK) {
        return status;
    }
    transaction->evolver.fork = NULL;
    store_root_release(transaction->root);
    transaction->root = root;
    status = body_check(transaction, KERNEL_REFERENCES_ALL, error);
    if (status == KMB_OK) {
        status = added_check(transaction, error);
    }
    if (status == KMB_OK) {
        status = transaction_fork(transaction, error);
    }
    return status;
}

/* --- what is to be done ------------------------------------------------------------------------------------------- */

struct gathering {
    struct kernel_transaction *transaction;
    struct kernel_view *before;
    struct kernel_view *now;
    struct arena *arena;
    struct kernel_reference *list;
    uint32_t count;
    uint32_t capacity;
    struct buffer old_memory;
    struct buffer new_memory;
};

static enum kmb_status values_keep(struct arena *arena, const struct value *from, uint32_t count,
                                   const struct value **out, struct kmb_error *error) {
    struct value *copy = arena_alloc_zero(arena, count, sizeof(*copy));
    for (uint32_t i = 0; copy != NULL && i < count; i++) {
        if (!value_copy(&from[i], arena, &copy[i])) {
            copy = NULL;
        }
    }
    *out = copy;
    return copy == NULL ? reference_no_memory(error) : KMB_OK;
}

static enum kmb_status gather_add(struct gathering *gathering, const struct kernel_reference *reference,
                                  const struct value *old_values, const struct value *new_values,
                                  struct kmb_error *error) {
    if (gathering->count == gathering->capacity) {
        uint32_t capacity = gathering->capacity == 0 ? 16 : gathering->capacity * 2;
        struct kernel_reference *grown = arena_alloc_zero(gathering->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            return reference_no_memory(error);
        }
        if (gathering->count > 0) {
            memcpy(grown, gathering->list, gathering->count * sizeof(*grown));
        }
        gathering->list = grown;
        gathering->capacity = capacity;
    }
    struct kernel_reference *place = &gathering->list[gathering->count];
    *place = *reference;
    enum kmb_status status =
        values_keep(gathering->arena, old_values, reference->key->part_count, &place->old_values, error);
    if (status == KMB_OK && !reference->deleted) {
        status = values_keep(gathering->arena, new_values, reference->key->part_count, &place->new_values, error);
    }
    gathering->count += status == KMB_OK;
    return status;
}

static enum kmb_status gather_change(void *context, const struct table_definition *table, struct slice old_key,
                                     struct slice new_key, struct kmb_error *error) {
    struct gathering *gathering = context;
    const struct catalogue *catalogue = gathering->transaction->evolver.catalogue;
    struct kernel_row old_row;
    struct kernel_row new_row;
    bool was = false;
    bool is = false;
    enum kmb_status status =
        row_before(gathering->before, table, old_key, &gathering->old_memory, &old_row, &was, error);
    if (status != KMB_OK || !was) {
        return status;
    }
    status = row_before(gathering->now, table, new_key, &gathering->new_memory, &new_row, &is, error);
    for (uint32_t t = 0; status == KMB_OK && t < catalogue->object_count; t++) {
        const struct table_definition *child = &catalogue->tables_by_id[t]->definition;
        for (uint32_t i = 0; status == KMB_OK && i < child->foreign_key_count; i++) {
            const struct foreign_key_definition *key = &child->foreign_keys[i];
            struct kernel_reference reference = {.parent = table,
                                                 .child = child,
                                                 .key = key,
                                                 .deleted = !is,
                                                 .action = is ? key->on_update : key->on_delete};
            struct value old_values[DEFINITION_KEY_COLUMNS_MAX];
            struct value new_values[DEFINITION_KEY_COLUMNS_MAX];
            if (key->parent.value != table->id.value || reference.action == REFERENCE_NO_ACTION) {
                continue;
            }
            status = key_values(catalogue_table_of(table), key, true, old_row.image, old_values, error);
            if (status == KMB_OK && is) {
                status = key_values(catalogue_table_of(table), key, true, new_row.image, new_values, error);
            }
            bool whole = status == KMB_OK;
            bool same = is;
            for (uint32_t k = 0; whole && k < key->part_count; k++) {
                whole = !old_values[k].is_null;
                same = same && whole && !new_values[k].is_null && value_compare(&old_values[k], &new_values[k]) == 0;
            }
            if (whole && !same) {
                status = gather_add(gathering, &reference, old_values, new_values, error);
            }
        }
    }
    return status;
}

enum kmb_status kernel_gather_references(struct kernel_transaction *transaction, const struct kernel_place *from,
                                         struct kernel_view *before, struct arena *arena,
                                         const struct kernel_reference **list, uint32_t *count,
                                         struct kmb_error *error) {
    struct gathering gathering = {.transaction = transaction, .before = before, .arena = arena};
    enum kmb_status status = transaction_view_unnoted(transaction, &gathering.now, error);
    if (status == KMB_OK) {
        status = changes_walk(transaction, from, gather_change, &gathering, error);
    }
    kernel_view_close(gathering.now);
    buffer_free(&gathering.old_memory);
    buffer_free(&gathering.new_memory);
    *list = gathering.list;
    *count = gathering.count;
    return status;
}

enum kmb_status kernel_restrict_reference(struct kernel_transaction *transaction,
                                          const struct kernel_reference *reference, struct kmb_error *error) {
    struct checking checking;
    bool present = false;
    enum kmb_status status = checking_open(transaction, &checking, error);
    if (status == KMB_OK) {
        status =
            row_present(&checking, reference->child, reference->key, false, reference->old_values, &present, error);
    }
    if (status == KMB_OK && present) {
        status = parent_refused(reference->child, reference->key, reference->parent, reference->old_values, error);
    }
    checking_close(&checking, status);
    return status;
}

/* --- definitions -------------------------------------------------------------------------------------------------- */

enum kmb_status transaction_check_foreign_key(struct kernel_transaction *transaction,
                                              const struct table_definition *table,
                                              const struct foreign_key_definition *key, struct kmb_error *error) {
    return table_check(transaction, table, key, error);
}

enum kmb_status kernel_add_foreign_key(struct kernel_transaction *transaction, struct table_id id,
                                       const struct foreign_key_definition *given, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    const struct table_definition *table = catalogue_table_of_id(transaction->evolver.catalogue, id);
    if (status == KMB_OK && table == NULL) {
        status = error_set(error, KMB_UNDEFINED_TABLE, "table with id %u not found", id.value);
    }
    if (status != KMB_OK) {
        return status;
    }
    if (table->foreign_key_count >= DEFINITION_FOREIGN_MAX || table->version.value >= 65535) {
        return error_set(error, KMB_LIMIT, "table \"%.*s\" can have no more foreign keys", (int)table->name.length,
                         (const char *)table->name.bytes);
    }
    struct event event = {.kind = EVENT_FOREIGN_KEY_ADDED, .as.foreign_key_added = {.table = id, .key = *given}};
    struct foreign_key_definition *key = &event.as.foreign_key_added.key;
    key->id.value = table->constraint_id_next;
    event.as.foreign_key_added.version.value = table->version.value + 1;
    status = transaction_emit(transaction, &event, error);
    if (status == KMB_OK) {
        status = transaction_defined(transaction, error);
    }
    if (status == KMB_OK && !given->not_valid) {
        table = catalogue_table_of_id(transaction->evolver.catalogue, id);
        status = table_check(transaction, table, &table->foreign_keys[table->foreign_key_count - 1], error);
    }
    return status;
}

enum kmb_status kernel_drop_foreign_key(struct kernel_transaction *transaction, struct table_id id,
                                        struct constraint_id key, struct kmb_error *error) {
    enum kmb_status status = transaction_check(transaction, error);
    const struct table_definition *table = catalogue_table_of_id(transaction->evolver.catalogue, id);
    if (status == KMB_OK && table == NULL) {
        status = error_set(error, KMB_UNDEFINED_TABLE, "table with id %u not found", id.value);
    }
    if (status != KMB_OK) {
        return status;
    }
    struct event event = {.kind = EVENT_FOREIGN_KEY_DROPPED, .as.foreign_key_dropped = {.table = id, .key = key}};
    event.as.foreign_key_dropped.version.value = table->version.value + 1;
    status = transaction_emit(transaction, &event, error);
    return status == KMB_OK ? transaction_defined(transaction, error) : status;
}
