/*
 * vopr: the simulator's command line.
 *
 * A run is a seed and a scenario; several seeds follow each other on one core. Whatever fails is told with the name of
 * the invariant, the seed and the line that repeats it. Exit codes: 0 all held, 1 a violation, 2 a bad option.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "vopr/run.h"

/* What runs of at least this many seeds must have met, so that a simulator that no longer simulates is noticed. */
#define FLOOR_SEEDS      500
#define FLOOR_FAULTS     100
#define FLOOR_RECOVERIES 500

#define EXIT_VIOLATION 1
#define EXIT_USAGE     2

struct options {
    bool all; /* scenarios in turn */
    enum scenario scenario;
    uint64_t seed;
    uint64_t count;
    uint64_t transactions;
    uint64_t points_max;
    uint64_t point_call;
    enum io_fault_kind point_kind;
    bool exhaustive;
    bool json;
    bool verbose;
    bool trace;
    bool keep_going;
};

static const char usage[] =
    "usage: vopr run [options]      run seeds (the command may be left out)\n"
    "       vopr scenarios          list the scenarios\n"
    "       vopr help\n"
    "\n"
    "  --scenario NAME     baseline, crash, corruption or full-disk; without it all four in turn\n"
    "  -s, --seed S        the first seed (0)\n"
    "  -n, --iterations N  how many seeds, one after the other (1)\n"
    "  --transactions T    acknowledged transactions a run must reach (300)\n"
    "  --exhaustive        with --scenario crash: every I/O call of a workload times every fault it can have\n"
    "  --points-max P      with --exhaustive: at most P of them, drawn from the whole list\n"
    "  --point CALL:FAULT  with --exhaustive: that one alone\n"
    "  -k, --keep-going    after a violation go on with the next seed\n"
    "  --json              one JSON object a line\n"
    "  -v, --verbose       all figures of every run, not one line\n"
    "  --trace             every write and its answer, on standard error\n"
    "\n"
    "Exit codes: 0 every invariant held, 1 a violation, 2 a bad option.\n";

/* --- options --------------------------------------------------------------------------------------------------------
 */

static bool bad(const char *format, const char *what) {
    fprintf(stderr, "vopr: ");
    fprintf(stderr, format, what); // NOLINT: the formats are our own
    fprintf(stderr, "\n\"vopr help\" lists the options.\n");
    return false;
}

static bool parse_number(const char *name, const char *text, uint64_t least, uint64_t *out) {
    char *end = NULL;
    if (text == NULL) {
        return bad("%s wants a number", name);
    }
    *out = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != 0 || *out < least || strlen(text) > 19) {
        fprintf(stderr, "vopr: %s wants a number from %" PRIu64 ", not \"%s\"\n", name, least, text);
        return false;
    }
    return true;
}

static bool parse_point(const char *text, struct options *options) {
    char number[24];
    const char *colon = text == NULL ? NULL : strchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof(number)) {
        return bad("--point wants CALL:FAULT, as in 120:torn-sector%s", "");
    }
    snprintf(number, sizeof(number), "%.*s", (int)(colon - text), text);
    for (unsigned kind = 1; kind < IO_FAULT_KINDS; kind++) {
        if (strcmp(io_fault_name((enum io_fault_kind)kind), colon + 1) == 0) {
            options->point_kind = (enum io_fault_kind)kind;
        }
    }
    return parse_number("--point", number, 1, &options->point_call) &&
           (options->point_kind != IO_FAULT_NONE || bad("there is no fault \"%s\"", colon + 1));
}

static bool parse_option(struct options *options, char **arguments, int count, int *at) {
    const char *name = arguments[*at];
    const char *value = *at + 1 < count ? arguments[*at + 1] : NULL;
    if (strcmp(name, "--json") == 0) {
        options->json = true;
        return true;
    }
    if (strcmp(name, "--exhaustive") == 0) {
        options->exhaustive = true;
        return true;
    }
    if (strcmp(name, "--verbose") == 0 || strcmp(name, "-v") == 0) {
        options->verbose = true;
        return true;
    }
    if (strcmp(name, "--trace") == 0) {
        options->trace = true;
        return true;
    }
    if (strcmp(name, "--keep-going") == 0 || strcmp(name, "-k") == 0) {
        options->keep_going = true;
        return true;
    }
    (*at)++;
    if (strcmp(name, "--scenario") == 0) {
        options->all = false;
        return value != NULL && scenario_find(value, &options->scenario)
                   ? true
                   : bad("there is no scenario \"%s\"; \"vopr scenarios\" lists them", value == NULL ? "" : value);
    }
    if (strcmp(name, "--seed") == 0 || strcmp(name, "-s") == 0) {
        return parse_number(name, value, 0, &options->seed);
    }
    if (strcmp(name, "--iterations") == 0 || strcmp(name, "-n") == 0) {
        return parse_number(name, value, 1, &options->count);
    }
    if (strcmp(name, "--transactions") == 0) {
        return parse_number(name, value, 1, &options->transactions);
    }
    if (strcmp(name, "--points-max") == 0) {
        return parse_number(name, value, 1, &options->points_max);
    }
    if (strcmp(name, "--point") == 0) {
        return parse_point(value, options);
    }
    return bad("unknown option \"%s\"", name);
}

static bool parse(struct options *options, char **arguments, int count, int first) {
    *options = (struct options){.all = true, .count = 1, .transactions = 300};
    for (int at = first; at < count; at++) {
        if (!parse_option(options, arguments, count, &at)) {
            return false;
        }
    }
    if (options->exhaustive && (options->all || options->scenario != SCENARIO_CRASH)) {
        return bad("--exhaustive goes with --scenario %s", "crash");
    }
    if (!options->exhaustive && (options->points_max != 0 || options->point_call != 0)) {
        return bad("--points-max and --point go with %s", "--exhaustive");
    }
    if (options->exhaustive && options->keep_going) {
        return bad("--keep-going does not go with %s", "--exhaustive");
    }
    return true;
}

/* --- output ---------------------------------------------------------------------------------------------------------
 */

static void print_text(const char *text) {
    putchar('"');
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\') {
            printf("\\%c", *text);
        } else if ((unsigned char)*text < 0x20) {
            printf("\\u%04x", (unsigned)*text);
        } else {
            putchar(*text);
        }
    }
    putchar('"');
}

static void print_counts(const struct world_counts *counts, bool json) {
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"transactions", counts->transactions},
        {"refused", counts->refused},
        {"unknown", counts->unknown},
        {"reads", counts->reads},
        {"syncs", counts->syncs},
        {"calls", counts->calls},
        {"recoveries", counts->recoveries},
        {"lost_and_recovered", counts->lost_recovered},
        {"rebuilds", counts->rebuilds},
        {"writes_lost", counts->writes_lost},
        {"damage_rounds", counts->damage_rounds},
        {"damage_reported", counts->damage_found},
        {"full_rounds", counts->full_rounds},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        printf(json ? "\"%s\":%" PRIu64 "," : "%s %" PRIu64 ", ", rows[i].name, rows[i].value);
    }
    printf(json ? "\"faults\":{" : "faults:");
    bool some = false;
    for (unsigned kind = 1; kind < IO_FAULT_KINDS; kind++) {
        if (counts->applied[kind] != 0 || json) {
            printf(json ? "%s\"%s\":%" PRIu64 : "%s %s %" PRIu64, json && some ? "," : "",
                   io_fault_name((enum io_fault_kind)kind), counts->applied[kind]);
            some = true;
        }
    }
    printf("%s", json ? "}" : some ? "" : " none");
}

static void print_run(const struct run *run, const struct options *options) {
    const char *name = scenario_name(run->scenario);
    if (options->json) {
        printf("{\"type\":\"run\",\"seed\":%" PRIu64 ",\"scenario\":\"%s\",\"status\":\"%s\",", run->world.seed, name,
               run->violated ? "violation" : "ok");
        print_counts(&run->world.counts, true);
        printf(",\"state_hash\":\"%s\"}\n", run->state_hash);
    } else if (options->verbose || options->count == 1) {
        printf("seed %" PRIu64 " %s: ", run->world.seed, name);
        print_counts(&run->world.counts, false);
        printf("; state %s\n", run->state_hash);
    } else {
        const struct world_counts *counts = &run->world.counts;
        uint64_t faults = 0;
        for (unsigned kind = 1; kind < IO_FAULT_KINDS; kind++) {
            faults += counts->applied[kind];
        }
        printf("seed %" PRIu64 " %-10s %" PRIu64 " transactions, %" PRIu64 " syncs, %" PRIu64 " faults, %" PRIu64
               " recoveries, state %.16s\n",
               run->world.seed, name, counts->transactions, counts->syncs, faults, counts->recoveries, run->state_hash);
    }
    fflush(stdout);
}

static void print_violation(const struct violation *violation, const char *repeat, bool json) {
    if (json) {
        printf("{\"type\":\"violation\",\"invariant\":\"%s\",\"message\":", violation->invariant);
        print_text(violation->message);
        printf(",\"repeat\":\"%s\"}\n", repeat);
    } else {
        printf("VIOLATION %s: %s\nrepeat: %s\n", violation->invariant, violation->message, repeat);
    }
    fflush(stdout);
}

/* --- commands -------------------------------------------------------------------------------------------------------
 */

static double now_s(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* What so many seeds must have met: names what is short of it. */
static bool check_floors(const struct options *options, const struct world_counts *sum) {
    bool good = true;
    if (options->count < FLOOR_SEEDS) {
        return true;
    }
    for (unsigned kind = 1; kind < IO_FAULT_KINDS; kind++) {
        bool wanted = false;
        for (unsigned i = 0; i < SCENARIOS; i++) {
            wanted = wanted || ((options->all || i == options->scenario) &&
                                scenario_applies((enum scenario)i, (enum io_fault_kind)kind));
        }
        if (wanted && sum->applied[kind] < FLOOR_FAULTS) {
            printf("VIOLATION floors: %s was applied %" PRIu64 " times, at least %u are wanted\n",
                   io_fault_name((enum io_fault_kind)kind), sum->applied[kind], FLOOR_FAULTS);
            good = false;
        }
    }
    if (sum->recoveries < FLOOR_RECOVERIES) {
        printf("VIOLATION floors: %" PRIu64 " recoveries, at least %u are wanted\n", sum->recoveries, FLOOR_RECOVERIES);
        good = false;
    }
    return good;
}

static bool run_seed(const struct options *options, uint64_t number, struct world_counts *sum) {
    enum scenario scenario = options->all ? (enum scenario)(number % SCENARIOS) : options->scenario;
    struct run *run = mem_alloc(sizeof(*run));
    char repeat[160];
    if (run == NULL) {
        fprintf(stderr, "vopr: out of memory\n");
        return false;
    }
    run_init(run, scenario, options->seed + number, options->transactions);
    run->trace = options->trace;
    bool good = run_whole(run);
    world_crash(&run->world, IO_CRASH_KEEP);
    print_run(run, options);
    if (!good) {
        snprintf(repeat, sizeof(repeat), "vopr run --scenario %s --seed %" PRIu64 " --transactions %" PRIu64 " -v",
                 scenario_name(scenario), run->world.seed, options->transactions);
        print_violation(&run->violation, repeat, options->json);
    }
    world_counts_add(sum, &run->world.counts);
    run_free(run);
    mem_free(run);
    return good;
}

static int command_run(const struct options *options) {
    struct world_counts sum = {0};
    double start = now_s();
    uint64_t violations = 0;
    for (uint64_t i = 0; i < options->count && (violations == 0 || options->keep_going); i++) {
        violations += !run_seed(options, i, &sum);
    }
    if (violations != 0 && !options->keep_going) {
        return EXIT_VIOLATION;
    }
    double seconds = now_s() - start;
    double rate = seconds > 0 ? (double)options->count * 60 / seconds : 0;
    if (options->json) {
        printf("{\"type\":\"total\",\"seeds\":%" PRIu64
               ",\"seconds\":%.1f,\"seeds_per_minute\":%.0f,\"violations\":%" PRIu64 ",",
               options->count, seconds, rate, violations);
        print_counts(&sum, true);
        printf("}\n");
    } else if (options->count > 1) {
        printf("%" PRIu64 " seeds held in %.1f s, %.0f a minute: ", options->count - violations, seconds, rate);
        print_counts(&sum, false);
        printf("\n");
    }
    return check_floors(options, &sum) && violations == 0 ? 0 : EXIT_VIOLATION;
}

static int command_exhaustive(const struct options *options) {
    struct exhaustive exhaustive = {.seed = options->seed, .trace = options->trace, .points_max = options->points_max};
    double start = now_s();
    bool good = options->point_call != 0 ? exhaustive_point(&exhaustive, options->point_call, options->point_kind)
                                         : exhaustive_run(&exhaustive);
    double share = exhaustive.fired == 0 ? 0 : 100.0 * (double)exhaustive.with_acknowledged / (double)exhaustive.fired;
    char repeat[160];
    if (options->json) {
        printf("{\"type\":\"exhaustive\",\"seed\":%" PRIu64 ",\"calls\":%" PRIu64 ",\"applicable\":%" PRIu64
               ",\"points\":%" PRIu64 ",\"fired\":%" PRIu64 ",\"with_acknowledged\":%" PRIu64 ",",
               exhaustive.seed, exhaustive.calls, exhaustive.applicable, exhaustive.points, exhaustive.fired,
               exhaustive.with_acknowledged);
        print_counts(&exhaustive.counts, true);
        printf("}\n");
    } else {
        printf("%" PRIu64 " calls, %" PRIu64 " points (call x fault), %" PRIu64 " tried, %" PRIu64 " fired, %" PRIu64
               " of them after an acknowledged transaction (%.1f %%), %.1f s\n",
               exhaustive.calls, exhaustive.applicable, exhaustive.points, exhaustive.fired,
               exhaustive.with_acknowledged, share, now_s() - start);
        print_counts(&exhaustive.counts, false);
        printf("\n");
    }
    if (!good) {
        snprintf(repeat, sizeof(repeat),
                 "vopr run --scenario crash --exhaustive --seed %" PRIu64 " --point %" PRIu64 ":%s", exhaustive.seed,
                 exhaustive.violation_call, io_fault_name(exhaustive.violation_kind));
        print_violation(&exhaustive.violation, repeat, options->json);
        return EXIT_VIOLATION;
    }
    if (options->point_call == 0 && share < 90.0) {
        printf("VIOLATION floors: fewer than 90 %% of the points have an acknowledged transaction before them\n");
        return EXIT_VIOLATION;
    }
    return 0;
}

static int command_scenarios(void) {
    for (unsigned i = 0; i < SCENARIOS; i++) {
        printf("%-12s %s\n", scenario_name((enum scenario)i), scenario_text((enum scenario)i));
    }
    return 0;
}

int main(int count, char **arguments) {
    struct options options;
    int first = 1;
    if (count > 1 && strcmp(arguments[1], "scenarios") == 0 && count == 2) {
        return command_scenarios();
    }
    if (count > 1 &&
        (strcmp(arguments[1], "help") == 0 || strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    if (count > 1 && strcmp(arguments[1], "run") == 0) {
        first = 2;
    }
    if (!parse(&options, arguments, count, first)) {
        return EXIT_USAGE;
    }
    return options.exhaustive ? command_exhaustive(&options) : command_run(&options);
}
