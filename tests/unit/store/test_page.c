/*
 * One page against an array of cells, and hostile pages: bytes changed at random in valid pages. What page_valid() lets
 * through must be safe to search, to walk, to change (the sanitizers watch).
 */
#include "store/internal.h"
#include "store_model.h"

#define CELLS 300u

struct line {
    uint8_t key[40];
    size_t key_length;
    uint8_t value[120];
    size_t value_length;
};

static int line_order(const struct line *a, struct slice key) {
    return slice_compare(slice_make(a->key, a->key_length), key);
}

static void random_key(struct prng *prng, struct line *line, unsigned variety) {
    line->key_length = 1 + prng_below(prng, variety % 2 == 0 ? 12 : 40);
    for (size_t i = 0; i < line->key_length; i++) {
        line->key[i] = i < variety ? 'p' : (uint8_t)(prng_below(prng, 3) * 127);
    }
}

static void check_page(const uint8_t *image, const struct line *lines, unsigned count) {
    assert_true(page_valid(image, 7));
    assert_int_equal(page_head(image)->count, count);
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *cell = page_cell(image, i);
        assert_true(slice_equal(slice_make(cell_key(cell), cell_key_length(cell)),
                                slice_make(lines[i].key, lines[i].key_length)));
        assert_true(slice_equal(slice_make(cell_value(cell), cell_value_length(cell)),
                                slice_make(lines[i].value, lines[i].value_length)));
    }
}

/* Insert, replace and remove at places that page_search() finds, as the tree does. */
static void build(struct prng *prng, uint8_t *image, unsigned steps, unsigned variety) {
    static struct line lines[CELLS + 1];
    unsigned count = 0;
    page_start(image, PAGE_LEAF, 0, 7, STORE_INDEX, 1);
    for (unsigned step = 0; step < steps; step++) {
        struct line line = {0};
        random_key(prng, &line, variety);
        line.value_length = prng_below(prng, sizeof line.value);
        prng_bytes(prng, line.value, line.value_length);
        struct slice key = slice_make(line.key, line.key_length);
        unsigned place = 0;
        while (place < count && line_order(&lines[place], key) < 0) {
            place++;
        }
        bool there = place < count && line_order(&lines[place], key) == 0;
        unsigned index;
        bool exact;
        assert_int_equal(page_search(NULL, image, key, &index, &exact, NULL), KMB_OK);
        assert_int_equal(index, place);
        assert_int_equal(exact, there);
        struct cell cell = {.key = key, .first = slice_make(line.value, line.value_length)};
        if (there && prng_below(prng, 2) == 0) {
            page_remove(image, index);
            memmove(lines + place, lines + place + 1, (count - place - 1) * sizeof lines[0]);
            count--;
        } else if (there) {
            if (page_replace(image, index, &cell)) {
                lines[place] = line;
            }
        } else if (count < CELLS && page_fits(image, cell_bytes(&cell))) {
            page_insert(image, index, &cell);
            memmove(lines + place + 1, lines + place, (count - place) * sizeof lines[0]);
            lines[place] = line;
            count++;
        }
        if (prng_below(prng, 40) == 0) {
            page_hints(image);
        }
        if (count > 0 && step % 16 == 0) {
            check_page(image, lines, count);
        }
    }
}

static void test_cells(void **state) {
    (void)state;
    uint8_t *image = aligned_alloc(64, PAGE_IMAGE);
    assert_non_null(image);
    for (unsigned seed = 0; seed < 60; seed++) {
        struct prng prng;
        prng_seed(&prng, seed);
        build(&prng, image, 500, seed % 15);
    }
    free(image);
}

/* Does everything a tree would do to a page it has let in. */
static void use_page(uint8_t *image, struct prng *prng) {
    const struct page_header *head = page_head(image);
    struct page_refs refs = {.image = image};
    unsigned offset;
    uint32_t tenant;
    uint64_t sum = 0;
    while (page_refs_next(&refs, &offset, &tenant)) {
        assert_true(offset + REF_SIZE <= STORE_PAGE);
        sum += page_u64(image + offset);
    }
    if (head->type != PAGE_LEAF && head->type != PAGE_INNER) {
        return;
    }
    bool bigs = false;
    for (unsigned i = 0; i < head->count; i++) {
        const uint8_t *cell = page_cell(image, i);
        bigs = bigs || cell_key_big(cell);
        for (unsigned b = 0; b < cell_key_length(cell) + cell_value_length(cell); b++) {
            sum += cell_key(cell)[b];
        }
    }
    (void)sum;
    if (bigs) {
        return; /* comparing would need a store */
    }
    for (unsigned i = 0; i < 8; i++) {
        struct line line = {0};
        random_key(prng, &line, i * 2);
        unsigned index;
        bool exact;
        assert_int_equal(page_search(NULL, image, slice_make(line.key, line.key_length), &index, &exact, NULL), KMB_OK);
        assert_true(index <= head->count);
        struct cell cell = {.key = slice_make(line.key, line.key_length), .first = slice_make(line.value, REF_SIZE)};
        if (head->tree != STORE_DIRECTORY && head->type == PAGE_LEAF && page_fits(image, cell_bytes(&cell))) {
            page_insert(image, index, &cell);
        }
        if (head->count > 1) {
            page_remove(image, (unsigned)prng_below(prng, head->count));
        }
    }
}

static void test_hostile(void **state) {
    (void)state;
    uint8_t *image = aligned_alloc(64, PAGE_IMAGE);
    uint8_t *broken = aligned_alloc(64, PAGE_IMAGE);
    assert_true(image != NULL && broken != NULL);
    unsigned accepted = 0;
    unsigned refused = 0;
    for (unsigned seed = 0; seed < 40; seed++) {
        struct prng prng;
        prng_seed(&prng, seed);
        memset(image, 0, PAGE_IMAGE);
        build(&prng, image, 30 + seed * 8, seed % 9);
        if (seed % 3 == 0) { /* an inner page: same cells with references as values */
            page_start(image, PAGE_INNER, 1, 7, STORE_INDEX, 1);
            for (unsigned i = 0; i < 50; i++) {
                uint8_t key[2] = {'k', (uint8_t)i};
                uint8_t ref[REF_SIZE] = {(uint8_t)i};
                struct cell cell = {.key = slice_make(key, i == 0 ? 0 : 2), .first = slice_make(ref, sizeof ref)};
                page_insert(image, i, &cell);
            }
        }
        for (unsigned i = 0; i < 1500; i++) {
            memcpy(broken, image, STORE_PAGE);
            unsigned changes = 1 + (unsigned)prng_below(&prng, 4);
            for (unsigned c = 0; c < changes; c++) {
                /* mostly where structure is: header, places, heads of cells */
                unsigned count = page_head(image)->count;
                unsigned at = PAGE_BODY + (unsigned)prng_below(&prng, 48 + PLACE_SIZE * count);
                if (prng_below(&prng, 2) == 0 && count > 0) {
                    at = page_offset(image, (unsigned)prng_below(&prng, count)) + (unsigned)prng_below(&prng, 4);
                }
                broken[at] =
                    (uint8_t)(prng_below(&prng, 2) == 0 ? prng_u64(&prng) : broken[at] ^ 1u << prng_below(&prng, 8));
            }
            if (!page_valid(broken, 7)) {
                refused++;
                continue;
            }
            accepted++;
            use_page(broken, &prng);
        }
    }
    assert_true(refused > 10000);
    assert_true(accepted > 1000);
    free(image);
    free(broken);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells), cmocka_unit_test(test_hostile)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
