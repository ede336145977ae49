/*
 * Rows and keys under the catalogue: reading an image of any schema version as the table is now, and making keys.
 *
 * An image is never rewritten when its table changes. A reader looks at the version in the image's header, takes that
 * version's layout and a map from living columns to ordinals of the layout, and puts the column's missing value where
 * the image is older than the column. Writers need the same for old images: the index key of a row is computed from
 * what the row reads as, never from what it would have been.
 */
#include "kernel/internal.h"

static const struct catalogue_table *table_in(const struct catalogue *catalogue, struct table_id id) {
    return catalogue_table_of(catalogue_table_of_id(catalogue, id));
}

static const struct table_layout *version_of(const struct catalogue_table *table, struct schema_version version) {
    if (version.value == 0 || version.value > table->definition.version.value) {
        return NULL;
    }
    return &table->versions[version.value - 1];
}

const struct row_layout *catalogue_layout(const struct catalogue *catalogue, struct table_id id,
                                          struct schema_version version) {
    const struct catalogue_table *table = table_in(catalogue, id);
    const struct table_layout *layout = table == NULL ? NULL : version_of(table, version);
    return layout == NULL ? NULL : &layout->layout;
}

const uint16_t *catalogue_column_map(const struct catalogue *catalogue, struct table_id id,
                                     struct schema_version version, uint32_t *count) {
    const struct catalogue_table *table = table_in(catalogue, id);
    const struct table_layout *layout = table == NULL ? NULL : version_of(table, version);
    if (layout == NULL) {
        return NULL;
    }
    if (count != NULL) {
        *count = table->living_count;
    }
    return layout->map;
}

const struct value *catalogue_missing_value(const struct catalogue *catalogue, struct table_id id, uint32_t ordinal) {
    const struct catalogue_table *table = table_in(catalogue, id);
    ASSERT(table != NULL && ordinal < table->living_count);
    return &table->missing[ordinal];
}

uint32_t catalogue_column_count(const struct catalogue *catalogue, const struct table_definition *table) {
    (void)catalogue;
    return catalogue_table_of(table)->visible_count;
}

uint32_t catalogue_stored_count(const struct catalogue *catalogue, const struct table_definition *table) {
    (void)catalogue;
    return catalogue_table_of(table)->living_count;
}

const struct column_definition *catalogue_column(const struct catalogue *catalogue,
                                                 const struct table_definition *table, uint32_t ordinal) {
    (void)catalogue;
    ASSERT(ordinal < catalogue_table_of(table)->living_count);
    return catalogue_table_of(table)->living[ordinal];
}

uint16_t catalogue_column_ordinal(const struct catalogue *catalogue, const struct table_definition *table,
                                  struct column_id id) {
    (void)catalogue;
    const struct catalogue_table *own = catalogue_table_of(table);
    for (uint32_t i = 0; i < own->living_count; i++) {
        if (own->living[i]->id.value == id.value) {
            return (uint16_t)i;
        }
    }
    return CATALOGUE_COLUMN_MISSING;
}

const struct table_layout *row_layout_of(const struct catalogue_table *table, struct slice image) {
    struct row_header header;
    if (!row_header_read(image, &header) || header.table.value != table->definition.id.value) {
        return NULL;
    }
    return version_of(table, header.version);
}

void row_column_get(const struct catalogue_table *table, const struct table_layout *layout, struct slice image,
                    uint32_t ordinal, struct value *out) {
    uint16_t at = layout->map[ordinal];
    if (at == CATALOGUE_COLUMN_MISSING) {
        *out = table->missing[ordinal];
    } else {
        row_get(&layout->layout, image, at, out);
    }
}

enum kmb_status catalogue_row_read(const struct catalogue *catalogue, const struct table_definition *definition,
                                   struct slice image, struct value *values, struct kmb_error *error) {
    (void)catalogue;
    const struct catalogue_table *table = catalogue_table_of(definition);
    const struct table_layout *layout = row_layout_of(table, image);
    if (layout == NULL) {
        return error_set(error, KMB_CORRUPT, "a row of table %u has an unknown schema version", definition->id.value);
    }
    for (uint32_t i = 0; i < table->living_count; i++) {
        row_column_get(table, layout, image, i, &values[i]);
    }
    return KMB_OK;
}

/* A column's missing value in its own type, which a living column that replaced it may not have. */
static struct value missing_of(const struct table_definition *definition, struct column_id id) {
    const struct column_definition *column = definition_column_of_id(definition, id);
    struct value value = value_null(TYPE_UNKNOWN);
    if (column == NULL || column->missing_value.length == 0) {
        return value;
    }
    struct reader reader = reader_make(column->missing_value);
    if (value_decode(&reader, &value, NULL) != KMB_OK) {
        return value_null(TYPE_UNKNOWN);
    }
    value.type = column->type.id; /* bytes tell the kind alone */
    return value;
}

enum catalogue_origin catalogue_past_value(const struct table_definition *definition, struct slice image,
                                           uint32_t ordinal, struct value *value) {
    const struct catalogue_table *table = catalogue_table_of(definition);
    const struct table_layout *layout = row_layout_of(table, image);
    ASSERT(layout != NULL && ordinal < table->living_count);
    uint32_t place = table->living[ordinal]->place.value;
    if (layout->map[ordinal] != CATALOGUE_COLUMN_MISSING) {
        row_get(&layout->layout, image, layout->map[ordinal], value);
        return CATALOGUE_OWN;
    }
    /* Where a row has two of them, the newer one was filled when the row was written, and took the place then. */
    for (uint32_t i = layout->layout.column_count; place != 0 && i-- > 0;) {
        struct column_id id = layout->layout.columns[i].id;
        if (id.value == place || definition_column_of_id(definition, id)->place.value == place) {
            row_get(&layout->layout, image, i, value);
            return CATALOGUE_REPLACED;
        }
    }
    *value = place == 0 ? table->missing[ordinal] : missing_of(definition, (struct column_id){place});
    return CATALOGUE_GIVEN;
}

void key_prefix(struct buffer *key, uint32_t id) {
    uint8_t bytes[TABLE_PREFIX_SIZE];
    codec_put_u32_big(bytes, id);
    buffer_append(key, bytes, sizeof(bytes));
}

bool key_plan_takes(const struct catalogue_table *table, const struct key_plan *plan, const struct table_layout *layout,
                    struct slice image, const struct value *values) {
    struct value value = {.is_null = true};
    if (plan->filter == CATALOGUE_COLUMN_MISSING) {
        return true;
    }
    if (values != NULL) {
        value = values[plan->filter];
    } else {
        row_column_get(table, layout, image, plan->filter, &value);
    }
    return !value.is_null && value.as.boolean;
}

void key_of_values(const struct key_plan *plan, const struct value *values, struct buffer *key, bool *has_null) {
    for (uint16_t i = 0; i < plan->count; i++) {
        const struct value *value = &values[plan->ordinals[i]];
        if (has_null != NULL && value->is_null && !plan->nulls_same) {
            *has_null = true;
        }
        key_append(key, plan->columns[i], value);
    }
}

void key_of_image(const struct catalogue_table *table, const struct key_plan *plan, const struct table_layout *layout,
                  struct slice image, struct buffer *key, bool *has_null) {
    for (uint16_t i = 0; i < plan->count; i++) {
        struct value value;
        row_column_get(table, layout, image, plan->ordinals[i], &value);
        if (has_null != NULL && value.is_null && !plan->nulls_same) {
            *has_null = true;
        }
        key_append(key, plan->columns[i], &value);
    }
}

const struct key_plan *key_plan_of_index(const struct catalogue_table *table, struct index_id index,
                                         const struct index_definition **definition) {
    for (uint32_t i = 0; i < table->definition.index_count; i++) {
        if (table->definition.indexes[i].id.value == index.value) {
            if (definition != NULL) {
                *definition = &table->definition.indexes[i];
            }
            return &table->indexes[i];
        }
    }
    return NULL;
}

void kernel_key_of_values(const struct catalogue *catalogue, const struct table_definition *table,
                          const struct value *values, struct buffer *key) {
    (void)catalogue;
    ASSERT(!definition_has_row_id(table));
    key_of_values(&catalogue_table_of(table)->primary, values, key, NULL);
}
