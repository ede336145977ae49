/*
 * Polymorphic signatures: anyelement, anyarray, anynonarray, anyenum; anycompatible, anycompatiblearray.
 *
 * Two families. Where anyelement and anyarray stand together, the element type is one and exact; of anycompatible and
 * anycompatiblearray it is the common type of all arguments, to which they are cast. An untyped literal takes what the
 * typed arguments settle; where none does, anycompatible is text and anyelement can not be determined.
 */
#include "base/assert.h"
#include "sql/bind/bind.h"

bool bind_is_polymorphic(enum type_id type) {
    return (unsigned)type >= TYPE_ANYELEMENT && (unsigned)type < TYPE_ANY;
}

/* Of the family whose element type is exact. */
static bool polymorphic_exact(enum type_id wanted) {
    return wanted == TYPE_ANYELEMENT || wanted == TYPE_ANYARRAY || wanted == TYPE_ANYNONARRAY || wanted == TYPE_ANYENUM;
}

/* Takes what an argument says of the element type; false: it contradicts. */
static bool take_exact(enum type_id wanted, enum type_id type, enum type_id *element) {
    bool array = type_is_array(type);
    if ((wanted == TYPE_ANYARRAY && !array) || (wanted == TYPE_ANYNONARRAY && array) ||
        (wanted == TYPE_ANYENUM && !type_is_enum(type))) {
        return false;
    }
    enum type_id own = wanted == TYPE_ANYARRAY ? type_element(type) : type;
    if (*element != TYPE_UNKNOWN && *element != own) {
        return false;
    }
    *element = own;
    return true;
}

/* The common type grows by that of an argument; false: they have none. */
static bool take_compatible(enum type_id wanted, enum type_id type, enum type_id *common) {
    bool array = type_is_array(type);
    if (wanted == TYPE_ANYCOMPATIBLEARRAY && !array) {
        return false;
    }
    return bind_common_take(common, wanted == TYPE_ANYCOMPATIBLEARRAY ? type_element(type) : type);
}

bool bind_polymorphic_fit(const struct sql_function *function, const enum type_id *types, uint32_t count,
                          struct bind_polymorphic *fit) {
    *fit = (struct bind_polymorphic){.element = TYPE_UNKNOWN, .common = TYPE_UNKNOWN};
    bool arrays = false;
    bool enums = false;
    for (uint32_t i = 0; i < count; i++) {
        enum type_id wanted = bind_candidate_type(function, i);
        bool exact = polymorphic_exact(wanted);
        bool compatible = wanted == TYPE_ANYCOMPATIBLE || wanted == TYPE_ANYCOMPATIBLEARRAY;
        arrays = arrays || wanted == TYPE_ANYCOMPATIBLEARRAY;
        enums = enums || wanted == TYPE_ANYENUM;
        if (types[i] == TYPE_UNKNOWN || (!exact && !compatible)) {
            continue;
        }
        if (exact ? !take_exact(wanted, types[i], &fit->element) : !take_compatible(wanted, types[i], &fit->common)) {
            return false;
        }
    }
    if ((arrays && type_is_array(fit->common)) || (enums && fit->element == TYPE_UNKNOWN)) {
        return false; /* there are no arrays of arrays; some argument must say which enum type it is */
    }
    for (uint32_t i = 0; i < count; i++) { /* what has a common type by rank must be castable to it as well */
        enum type_id wanted = bind_candidate_type(function, i);
        enum type_id target = wanted == TYPE_ANYCOMPATIBLE || wanted == TYPE_ANYCOMPATIBLEARRAY
                                  ? bind_polymorphic_type(fit, wanted)
                                  : TYPE_ANY;
        if (types[i] != TYPE_UNKNOWN && !bind_can_coerce(types[i], target, SQL_CAST_IMPLICIT)) {
            return false;
        }
    }
    return true;
}

enum type_id bind_polymorphic_type(const struct bind_polymorphic *fit, enum type_id wanted) {
    enum type_id common = fit->common == TYPE_UNKNOWN ? TYPE_TEXT : fit->common;
    switch (wanted) {
    case TYPE_ANYELEMENT:
    case TYPE_ANYNONARRAY:
    case TYPE_ANYENUM:
        return fit->element;
    case TYPE_ANYARRAY:
        return fit->element == TYPE_UNKNOWN || type_is_array(fit->element) ? TYPE_UNKNOWN : type_array_of(fit->element);
    case TYPE_ANYCOMPATIBLE:
        return common;
    case TYPE_ANYCOMPATIBLEARRAY:
        return type_array_of(common);
    default:
        return wanted;
    }
}

/* Functions that compare elements: which comparison they ask for. */
static const char *element_comparison(const struct sql_function *function) {
    static const char *const equal[] = {
        "=", "<>", "@>", "<@", "&&", "array_position", "array_positions", "array_remove", "array_replace"};
    static const char *const less[] = {"<", "<=", ">", ">=", "min", "max", "width_bucket"};
    for (size_t i = 0; i < ARRAY_LENGTH(equal); i++) {
        if (strcmp(function->name, equal[i]) == 0) {
            return "=";
        }
    }
    for (size_t i = 0; i < ARRAY_LENGTH(less); i++) {
        if (strcmp(function->name, less[i]) == 0) {
            return "<";
        }
    }
    return NULL;
}

void bind_polymorphic_check(struct bind *bind, const struct sql_function *function, const struct bind_polymorphic *fit,
                            uint32_t position) {
    bool exact = false;
    bool any = false;
    bool array = function->result == TYPE_ANYARRAY;
    for (uint32_t i = 0; i < function->argument_count; i++) {
        enum type_id wanted = function->arguments[i];
        array = array || wanted == TYPE_ANYARRAY;
        exact = exact || polymorphic_exact(wanted);
        any = any || bind_is_polymorphic(wanted);
    }
    if (!any) {
        return;
    }
    if (exact && fit->element == TYPE_UNKNOWN) {
        sql_raise(bind->context, KMB_DATATYPE_MISMATCH, position,
                  "could not determine polymorphic type because input has type unknown");
    }
    if (exact && array && type_is_array(fit->element)) {
        sql_raise(bind->context, KMB_UNDEFINED_OBJECT, 0, "could not find array type for data type %s",
                  bind_type_text(bind, type_make(fit->element)));
    }
    enum type_id element = exact ? fit->element : bind_polymorphic_type(fit, TYPE_ANYCOMPATIBLE);
    const char *comparison = element_comparison(function);
    if (comparison != NULL && sql_comparison_find(comparison, element) == NULL) {
        sql_raise(bind->context, KMB_UNDEFINED_FUNCTION, position, "could not identify %s for type %s",
                  comparison[0] == '=' ? "an equality operator" : "a comparison function",
                  bind_type_text(bind, type_make(element)));
    }
}
