/*
 * Writes a hospital as CSV: patients, encounters, observations; and what its totals must be.
 *
 *     generate --seed 42 --rows 100000 --out DIR
 *
 * The same seed and row count give the same bytes on every machine: the generator is its own (splitmix64), uses whole
 * numbers only and asks no clock. `rows` is the number of observations; there are a tenth as many encounters and a
 * fiftieth as many patients. totals.txt holds the answers that the demo's queries must give, counted here and not by
 * the database.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MIN 50
#define ROWS_MAX 50000000
#define WARDS    6
#define CODES    5

static uint64_t random_state;

static uint64_t random_next(void) {
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t random_below(uint32_t bound) {
    return (uint32_t)(random_next() % bound);
}

static const char *const first_names[] = {"Amara",  "Björn", "Chloé", "Dmitri", "Elena",  "Farid",  "Grace", "Hiroshi",
                                          "Ingrid", "João",  "Keiko", "Liam",   "Mariam", "Nikhil", "Olga",  "Pedro",
                                          "Quinn",  "Rosa",  "Søren", "Tariq",  "Uma",    "Viktor", "Wei",   "Zoë"};
static const char *const last_names[] = {"Adeyemi", "Bauer",    "Carvalho", "Dubois",       "Eriksson", "Fischer",
                                         "García",  "Haddad",   "Ivanova",  "Johnson",      "Kowalski", "Lindqvist",
                                         "Müller",  "Nakamura", "O'Brien",  "Papadopoulos", "Quiroga",  "Rossi",
                                         "Schmidt", "Tanaka",   "Usman",    "Vasquez",      "Williams", "Yılmaz"};
static const char *const wards[WARDS] = {"cardiology", "emergency", "maternity", "neurology", "oncology", "surgery"};
static const struct {
    const char *code;
    const char *unit;
    uint32_t low, spread; /* in hundredths of the unit */
} codes[CODES] = {{"8867-4", "beats/min", 4500, 9000},
                  {"8310-5", "Cel", 3550, 500},
                  {"8480-6", "mm[Hg]", 9000, 9000},
                  {"2708-6", "%", 8500, 1500},
                  {"2339-0", "mg/dL", 6000, 14000}};

#define COUNT(list) ((uint32_t)(sizeof(list) / sizeof((list)[0])))

/* Days since 1970-01-01 to a date, for 1900..2099 (Hinnant's civil_from_days). */
static void print_date(FILE *out, int32_t days) {
    int32_t z = days + 719468;
    int32_t era = z / 146097;
    uint32_t doe = (uint32_t)(z - era * 146097);
    uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    uint32_t mp = (5 * doy + 2) / 153;
    uint32_t month = mp < 10 ? mp + 3 : mp - 9;
    int32_t year = (int32_t)yoe + era * 400 + (month <= 2);
    fprintf(out, "%04d-%02u-%02u", year, month, doy - (153 * mp + 2) / 5 + 1);
}

static FILE *create(const char *directory, const char *name) {
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = length > 0 && (size_t)length < sizeof(path) ? fopen(path, "w") : NULL;
    if (file == NULL) {
        fprintf(stderr, "generate: cannot create %s/%s: %s\n", directory, name, strerror(errno));
        exit(1);
    }
    return file;
}

static void finish(FILE *file, const char *name) {
    if (ferror(file) || fclose(file) != 0) {
        fprintf(stderr, "generate: cannot write %s: %s\n", name, strerror(errno));
        exit(1);
    }
}

static uint64_t number(const char *option, const char *text, uint64_t least, uint64_t most) {
    char *end = NULL;
    errno = 0;
    unsigned long long value = text == NULL ? 0 : strtoull(text, &end, 10);
    if (text == NULL || *text < '0' || *text > '9' || *end != 0 || errno != 0 || value < least || value > most) {
        fprintf(stderr, "generate: %s wants a number from %llu to %llu, got \"%s\"\n", option,
                (unsigned long long)least, (unsigned long long)most, text == NULL ? "" : text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv) {
    uint64_t seed = 42;
    uint32_t rows = 100000;
    const char *directory = ".";
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--seed") == 0) {
            seed = number("--seed", value, 0, UINT64_MAX);
        } else if (strcmp(argv[i], "--rows") == 0) {
            rows = (uint32_t)number("--rows", value, ROWS_MIN, ROWS_MAX);
        } else if (strcmp(argv[i], "--out") == 0 && value != NULL) {
            directory = value;
        } else {
            fprintf(stderr, "usage: generate [--seed N] [--rows N] [--out DIR]\n");
            return 2;
        }
    }
    random_state = seed;
    const uint32_t patients = rows / 50;
    const uint32_t encounters = rows / 10;

    FILE *out = create(directory, "patients.csv");
    fprintf(out, "id,name,born,ward,phone,consented\n");
    uint64_t in_ward[WARDS] = {0};
    uint64_t consented = 0;
    for (uint32_t id = 1; id <= patients; id++) {
        uint32_t ward = random_below(WARDS);
        uint32_t consent = random_below(10) < 9;
        in_ward[ward]++;
        consented += consent;
        fprintf(out, "%u,\"%s, %s\",", id, last_names[random_below(COUNT(last_names))],
                first_names[random_below(COUNT(first_names))]);
        print_date(out, -14600 + (int32_t)random_below(33000));
        fprintf(out, ",%s,", wards[ward]);
        if (random_below(8) != 0) { /* an empty field is NULL */
            fprintf(out, "+49 30 %07u", random_below(10000000));
        }
        fprintf(out, ",%s\n", consent ? "true" : "false");
    }
    finish(out, "patients.csv");

    out = create(directory, "encounters.csv");
    fprintf(out, "id,patient_id,started,ward,cost\n");
    uint64_t cost_cents = 0;
    for (uint32_t id = 1; id <= encounters; id++) {
        uint32_t cents = 5000 + random_below(995000);
        cost_cents += cents;
        fprintf(out, "%u,%u,", id, 1 + random_below(patients));
        print_date(out, 19000 + (int32_t)random_below(1500));
        fprintf(out, " %02u:%02u:%02u,%s,%u.%02u\n", random_below(24), random_below(60), random_below(60),
                wards[random_below(WARDS)], cents / 100, cents % 100);
    }
    finish(out, "encounters.csv");

    out = create(directory, "observations.csv");
    fprintf(out, "id,encounter_id,code,value,unit\n");
    uint64_t by_code[CODES] = {0};
    uint64_t sum_by_code[CODES] = {0};
    for (uint32_t id = 1; id <= rows; id++) {
        uint32_t code = random_below(CODES);
        uint32_t value = codes[code].low + random_below(codes[code].spread);
        by_code[code]++;
        sum_by_code[code] += value;
        fprintf(out, "%u,%u,%s,%u.%02u,%s\n", id, 1 + random_below(encounters), codes[code].code, value / 100,
                value % 100, codes[code].unit);
    }
    finish(out, "observations.csv");

    out = create(directory, "totals.txt");
    fprintf(out, "patients %u\nencounters %u\nobservations %u\nconsented %llu\n", patients, encounters, rows,
            (unsigned long long)consented);
    fprintf(out, "cost %llu.%02llu\n", (unsigned long long)(cost_cents / 100), (unsigned long long)(cost_cents % 100));
    for (uint32_t i = 0; i < WARDS; i++) {
        if (in_ward[i] != 0) {
            fprintf(out, "ward %s %llu\n", wards[i], (unsigned long long)in_ward[i]);
        }
    }
    for (uint32_t i = 0; i < CODES; i++) {
        if (by_code[i] != 0) {
            fprintf(out, "code %s %llu %llu.%02llu\n", codes[i].code, (unsigned long long)by_code[i],
                    (unsigned long long)(sum_by_code[i] / 100), (unsigned long long)(sum_by_code[i] % 100));
        }
    }
    finish(out, "totals.txt");
    return 0;
}
