/*
 * The statement's context: raising, deferring, arena memory.
 *
 * Raising is longjmp to the guard that a function of sql.h set up. Three rules keep it sound: memory comes from the
 * arena, so nothing leaks when frames are left behind; what is not memory is registered with sql_defer(); and nothing
 * is raised where no guard stands (asserted), so an error can not unwind into a caller's frames. sql_catch() stands in
 * the guard's place for as long as what it runs.
 *
 * Positions travel as byte offset + 1 in the text the user wrote, because that is what tokens and parse trees carry;
 * only when an error is made do they become characters, in one function.
 */
#include "sql/context.h"
#include "sql/sql.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/account.h"
#include "base/assert.h"
#include "base/memory.h"

const char *sql_way_name(enum sql_way way) {
    static const char *const names[SQL_WAY_COUNT] = {
        "enable_bitmapscan", "enable_hashjoin", "enable_indexonlyscan", "enable_indexscan",
        "enable_mergejoin",  "enable_nestloop", "enable_seqscan",       "kimberlite.enable_common_subplans"};
    ASSERT(way < SQL_WAY_COUNT);
    return names[way];
}

const char *sql_plan_mode_name(enum sql_plan_mode mode) {
    static const char *const names[] = {"auto", "force_generic_plan", "force_custom_plan"};
    ASSERT(mode <= SQL_PLAN_CUSTOM);
    return names[mode];
}

void sql_notice(struct sql_context *context, enum kmb_status status, const char *detail, const char *format, ...) {
    const struct sql_host *host = context->host;
    struct kmb_error notice = {.status = KMB_OK};
    va_list arguments;
    int least =
        context->settings == NULL ? 0 : context->settings->messages; /* of what is told: 0 notices, 1 warnings */
    if (host == NULL || host->notice == NULL || (status_warns(status) ? least > 1 : least > 0)) {
        return;
    }
    va_start(arguments, format);
    (void)error_set_v(&notice, status == KMB_OK ? KMB_INTERNAL : status, format, arguments); /* it wants a fault */
    notice.status = status;
    va_end(arguments);
    if (detail != NULL) {
        (void)error_detail(&notice, "%s", detail);
    }
    host->notice(host->context, &notice);
}

void sql_cascades_add(struct sql_context *context, struct sql_cascades *cascades, const char *what) {
    cascades->count++;
    if (cascades->count <= SQL_CASCADE_LINES) {
        cascades->lines = sql_printf(context, "%s%sdrop cascades to %s", cascades->count == 1 ? "" : cascades->lines,
                                     cascades->count == 1 ? "" : "\n", what);
    }
}

uint32_t sql_position_character(struct slice text, uint32_t byte_position) {
    if (byte_position == 0) {
        return 0;
    }
    size_t end = byte_position - 1 < text.length ? byte_position - 1 : text.length;
    uint32_t characters = 1;
    for (size_t i = 0; i < end; i++) {
        characters += (text.bytes[i] & 0xc0u) != 0x80u; /* continuation bytes begin no character */
    }
    return characters;
}

uint32_t sql_position_byte(struct slice text, uint32_t character_position) {
    if (character_position == 0) {
        return 0;
    }
    uint32_t characters = 0;
    for (size_t i = 0; i < text.length; i++) {
        characters += (text.bytes[i] & 0xc0u) != 0x80u;
        if (characters == character_position) {
            return (uint32_t)i + 1;
        }
    }
    return (uint32_t)text.length + 1;
}

static _Noreturn void context_leave(struct sql_context *context) {
    while (context->parent != NULL) {
        context->parent->status = context->status;
        context = context->parent;
    }
    ASSERT(context->guarded);
    context->guarded = false;
    longjmp(context->guard, 1);
}

enum kmb_status sql_catch(struct sql_context *context, void (*work)(void *argument), void *argument) {
    struct sql_context *top = context;
    jmp_buf outer;
    while (top->parent != NULL) {
        top = top->parent;
    }
    ASSERT(top->guarded);
    memcpy(&outer, &top->guard, sizeof(outer));
    bool caught = setjmp(top->guard) != 0;
    if (!caught) {
        work(argument);
    }
    memcpy(&top->guard, &outer, sizeof(outer));
    top->guarded = true;
    return caught ? top->status : KMB_OK;
}

static void context_place(struct sql_context *context, uint32_t position) {
    if (position != 0 && context->error != NULL && context->text != NULL) {
        struct slice text = slice_make(context->text, context->text_length);
        error_position(context->error, sql_position_character(text, position));
    }
}

/* What the error is about was said before it. */
static void context_about(struct sql_context *context) {
    error_about(context->error, &context->about);
    context->about = (struct error_about){.schema = {0}};
}

_Noreturn void sql_raise(struct sql_context *context, enum kmb_status status, uint32_t position, const char *format,
                         ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)error_set_v(context->error, status, format, arguments);
    va_end(arguments);
    context_about(context);
    context->status = status;
    context_place(context, position);
    context_leave(context);
}

_Noreturn void sql_raise_with(struct sql_context *context, enum kmb_status status, uint32_t position,
                              const char *detail, const char *hint, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)error_set_v(context->error, status, format, arguments);
    va_end(arguments);
    context_about(context);
    if (detail != NULL) {
        (void)error_detail(context->error, "%s", detail);
    }
    if (hint != NULL) {
        (void)error_hint(context->error, "%s", hint);
    }
    context->status = status;
    context_place(context, position);
    context_leave(context);
}

_Noreturn void sql_raise_status(struct sql_context *context, enum kmb_status status, uint32_t position) {
    ASSERT(status != KMB_OK);
    if (context->error != NULL && context->error->position == 0) {
        context_place(context, position);
    }
    context->status = status;
    context_leave(context);
}

_Noreturn void sql_raise_unsupported(struct sql_context *context, uint32_t position, const char *format, ...) {
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    sql_raise(context, KMB_UNSUPPORTED, position, "%s is not supported", what);
}

_Noreturn void sql_raise_memory(struct sql_context *context, bool budget) {
    const struct charge *charge = context->arena.charge;
    if (budget && charge != NULL && charge->refusal != NULL) {
        (void)charge_error(charge, context->error);
        sql_raise_status(context, KMB_NO_MEMORY, 0);
    }
    if (budget) {
        sql_raise_with(context, KMB_NO_MEMORY, 0, NULL, "Select less at a time, or raise the statement's memory limit.",
                       "statement needs more than its memory limit of %llu bytes",
                       (unsigned long long)context->arena.bytes_max);
    }
    sql_raise(context, KMB_NO_MEMORY, 0, "out of memory");
}

static void context_out_of_memory(void *object, bool budget) {
    sql_raise_memory(object, budget);
}

void *sql_alloc(struct sql_context *context, size_t size) {
    void *memory = arena_alloc(&context->arena, size);
    ASSERT(memory != NULL); /* on_fail has raised */
    return memory;
}

void *sql_alloc_zero(struct sql_context *context, size_t count, size_t size) {
    void *memory = arena_alloc_zero(&context->arena, count, size);
    ASSERT(memory != NULL);
    return memory;
}

char *sql_printf(struct sql_context *context, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    va_list copy;
    va_copy(copy, arguments);
    int length = vsnprintf(NULL, 0, format, copy);
    va_end(copy);
    ASSERT(length >= 0);
    char *text = sql_alloc(context, (size_t)length + 1);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void *sql_alloc_or_release(struct sql_context *context, size_t size, void (*release)(void *object), void *object) {
    void (*on_fail)(void *, bool) = context->arena.on_fail;
    context->arena.on_fail = NULL;
    void *memory = arena_alloc(&context->arena, size);
    context->arena.on_fail = on_fail;
    if (memory == NULL) {
        release(object);
        sql_raise(context, KMB_NO_MEMORY, 0, "out of memory");
    }
    return memory;
}

void sql_defer(struct sql_context *context, void (*release)(void *object), void *object) {
    struct sql_deferred *deferred = sql_alloc_or_release(context, sizeof(*deferred), release, object);
    *deferred = (struct sql_deferred){.next = context->deferred, .release = release, .object = object};
    context->deferred = deferred;
}

void sql_release(struct sql_context *context, void *object) {
    for (struct sql_deferred **link = &context->deferred; *link != NULL; link = &(*link)->next) {
        struct sql_deferred *deferred = *link;
        if (deferred->object == object) {
            *link = deferred->next;
            deferred->release(object);
            return;
        }
    }
    UNREACHABLE("released what was never deferred");
}

static bool is_asked_to_end(const struct sql_context *context) {
    return context->cancel != NULL && atomic_load_explicit(context->cancel, memory_order_relaxed);
}

static bool is_late(const struct sql_context *context) {
    return context->deadline_ns != 0 && context->monotonic_ns(context->monotonic_context) >= context->deadline_ns;
}

bool sql_is_cancelled(const struct sql_context *context) {
    return is_asked_to_end(context) || is_late(context);
}

void sql_check_cancel(struct sql_context *context) {
    if (is_asked_to_end(context)) {
        sql_raise(context, KMB_CANCELLED, 0, "canceling statement due to user request");
    }
    if (is_late(context)) {
        sql_raise(context, KMB_CANCELLED, 0, "canceling statement due to statement timeout");
    }
}

const char *sql_zone_shown(const struct sql_settings *settings) {
    return sql_zone_name_shown(settings->time_zone_name);
}

const char *sql_zone_name_shown(const char *name) {
    bool letters = (name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z' && strchr(name, '/') == NULL;
    return letters ? name : "";
}

struct datetime_context sql_datetime(const struct sql_context *context) {
    return (struct datetime_context){
        .now_us = context->now_us,
        .zone = context->settings == NULL ? time_zone_fixed(0) : context->settings->time_zone,
        .has_now = true,
        .zone_find = context->zone_find,
        .zones = context->zones,
        .style = context->settings == NULL ? (struct datetime_style){0} : context->settings->style,
        .zone_name = context->settings == NULL ? NULL : sql_zone_shown(context->settings)};
}

void sql_context_init(struct sql_context *context, const struct sql_settings *settings, struct kmb_error *error) {
    *context = (struct sql_context){.error = error, .settings = settings};
    size_t bytes_max = settings == NULL ? 0 : (size_t)settings->memory_bytes_max;
    arena_init(&context->arena, bytes_max);
    context->arena.on_fail = context_out_of_memory;
    context->arena.on_fail_context = context;
}

void sql_context_inner(struct sql_context *context, struct sql_context *parent) {
    sql_context_init(context, parent->settings, parent->error);
    context->arena.charge = parent->arena.charge;
    context->parent = parent;
    context->cancel = parent->cancel;
    context->now_us = parent->now_us;
    context->text = parent->text;
    context->text_length = parent->text_length;
    context->zone_find = parent->zone_find;
    context->zones = parent->zones;
    context->random = parent->random;
    context->random_context = parent->random_context;
    context->clock_us = parent->clock_us;
    context->clock_context = parent->clock_context;
    context->session_user = parent->session_user;
    context->user_kind = parent->user_kind;
    context->host = parent->host;
    context->catalogue = parent->catalogue;
}

static void run_deferred(struct sql_context *context, const struct sql_deferred *last) {
    while (context->deferred != last) {
        struct sql_deferred *deferred = context->deferred;
        context->deferred = deferred->next;
        deferred->release(deferred->object);
    }
}

void sql_context_rewind(struct sql_context *context, struct arena_mark mark, const struct sql_deferred *deferred) {
    run_deferred(context, deferred);
    arena_rewind(&context->arena, mark);
}

void sql_context_free(struct sql_context *context) {
    run_deferred(context, NULL);
    arena_free(&context->arena);
}
