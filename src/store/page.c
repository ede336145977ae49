/*
 * The bytes of one page.
 *
 * Leaf and inner pages have one shape: a header, an array of offsets in key order growing up, and cells growing down
 * from the end. A cell is two lengths, the key's stored bytes and the value's; the value of an inner cell is the
 * child's reference, and the key of its first cell means "lower than everything". Removing a cell leaves garbage, which
 * is squeezed out when room is wanted. Compared with prefix-compressed formats this costs some bytes and buys plain
 * binary search, updates in place, and one piece of code for both kinds.
 *
 * Bytes that come from disk without a seal may be hostile. page_valid() proves once, on loading, all that later
 * accesses take for granted: every cell lies inside the page and has the shape its flags claim. What it does not prove
 * is key order; disorder gives wrong answers at worst, and only to somebody who could forge the tag in the parent.
 */
#include "store/internal.h"

void page_start(uint8_t *image, enum page_type type, unsigned level, uint32_t tenant, unsigned tree,
                uint64_t generation) {
    memset(image, 0, STORE_PAGE);
    *page_header(image) = (struct page_header){.type = (uint8_t)type,
                                               .level = (uint8_t)level,
                                               .heap = STORE_PAGE,
                                               .tenant = tenant,
                                               .tree = (uint8_t)tree,
                                               .generation = generation};
}

unsigned page_used(const uint8_t *image) {
    const struct page_header *head = page_head(image);
    return STORE_PAGE - head->heap - head->garbage + PLACE_SIZE * head->count;
}

bool page_fits(const uint8_t *image, unsigned cell_bytes_more) {
    return page_used(image) + cell_bytes_more + PLACE_SIZE <= PAGE_ROOM;
}

/* Squeezes garbage out, keeping the order of cells. */
static void page_compact(uint8_t *image) {
    uint8_t old[STORE_PAGE];
    struct page_header *head = page_header(image);
    memcpy(old + head->heap, image + head->heap, STORE_PAGE - head->heap);
    unsigned heap = STORE_PAGE;
    for (unsigned i = 0; i < head->count; i++) {
        uint8_t *offset = image + PAGE_CELLS + PLACE_SIZE * (size_t)i;
        const uint8_t *cell = old + page_u16(offset);
        unsigned size = cell_size(cell);
        heap -= size;
        memcpy(image + heap, cell, size);
        codec_put_u16(offset, (uint16_t)heap);
    }
    head->heap = (uint16_t)heap;
    head->garbage = 0;
}

/* The first cell of an inner page stands for "lower than all": its key has no part in prefix and hints. */
static unsigned hinted_first(const struct page_header *head) {
    return head->type == PAGE_INNER ? 1 : 0;
}

static void hint_set(uint8_t *image, unsigned index) {
    const struct page_header *head = page_head(image);
    const uint8_t *cell = page_cell(image, index);
    uint32_t hint = index < hinted_first(head) ? 0 : key_hint(cell_key(cell), cell_key_known(cell), head->prefix);
    memcpy(image + PAGE_CELLS + PLACE_SIZE * (size_t)index + 2, &hint, sizeof hint);
}

static void prefix_set(uint8_t *image, const uint8_t *key, size_t prefix) {
    struct page_header *head = page_header(image);
    size_t most = KEY_PREFIX - HINT_BYTES;
    head->prefix = (uint16_t)(prefix < most ? prefix : most);
    memset(head->common, 0, PREFIX_KEPT);
    if (head->prefix > 0) {
        memcpy(head->common, key, head->prefix < PREFIX_KEPT ? head->prefix : PREFIX_KEPT);
    }
    for (unsigned i = 0; i < head->count; i++) {
        hint_set(image, i);
    }
}

static size_t common_length(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length) {
    size_t shorter = a_length < b_length ? a_length : b_length;
    size_t length = 0;
    while (length < shorter && a[length] == b[length]) {
        length++;
    }
    return length;
}

/* Before a cell comes in. */
static void prefix_shorten(uint8_t *image, unsigned index, const struct cell *cell) {
    const struct page_header *head = page_head(image);
    unsigned first = hinted_first(head);
    if (index < first) {
        return;
    }
    size_t known = cell->key_big ? KEY_PREFIX : cell->key.length;
    if (head->count <= first) {
        prefix_set(image, cell->key.bytes, known);
        return;
    }
    const uint8_t *other = page_cell(image, head->count - 1u);
    size_t common = common_length(cell->key.bytes, known, cell_key(other), head->prefix);
    if (common < head->prefix) {
        prefix_set(image, cell->key.bytes, common);
    }
}

void page_hints(uint8_t *image) {
    const struct page_header *head = page_head(image);
    unsigned first = hinted_first(head);
    if (head->count <= first) {
        prefix_set(image, NULL, 0);
        return;
    }
    const uint8_t *low = page_cell(image, first);
    const uint8_t *high = page_cell(image, head->count - 1u);
    prefix_set(image, cell_key(low),
               common_length(cell_key(low), cell_key_known(low), cell_key(high), cell_key_known(high)));
}

static void cell_write(uint8_t *target, const struct cell *cell) {
    unsigned key = (unsigned)cell->key.length | (cell->key_big ? CELL_BIG : 0);
    unsigned value = (unsigned)(cell->first.length + cell->second.length) | (cell->value_big ? CELL_BIG : 0);
    uint16_t lengths[2] = {(uint16_t)key, (uint16_t)value};
    memcpy(target, lengths, sizeof lengths);
    target += CELL_HEAD;
    if (cell->key.length > 0) {
        memcpy(target, cell->key.bytes, cell->key.length);
        target += cell->key.length;
    }
    if (cell->first.length > 0) {
        memcpy(target, cell->first.bytes, cell->first.length);
        target += cell->first.length;
    }
    if (cell->second.length > 0) {
        memcpy(target, cell->second.bytes, cell->second.length);
    }
}

void page_insert(uint8_t *image, unsigned index, const struct cell *cell) {
    struct page_header *head = page_header(image);
    unsigned size = cell_bytes(cell);
    ASSERT(index <= head->count && page_fits(image, size));
    if (head->heap < PAGE_CELLS + PLACE_SIZE * (head->count + 1u) + size) {
        page_compact(image);
    }
    prefix_shorten(image, index, cell);
    head->heap = (uint16_t)(head->heap - size);
    cell_write(image + head->heap, cell);
    uint8_t *offset = image + PAGE_CELLS + PLACE_SIZE * (size_t)index;
    if (index < head->count) {
        memmove(offset + PLACE_SIZE, offset, PLACE_SIZE * (size_t)(head->count - index));
    }
    memcpy(offset, &head->heap, 2);
    hint_set(image, index);
    head->run = (uint8_t)(index == head->last + 1u ? (head->run < 255 ? head->run + 1 : 255) : 0);
    head->last = (uint16_t)index;
    head->count++;
    if (cell->key_big || cell->value_big) {
        head->bigs++;
    }
}

void page_remove(uint8_t *image, unsigned index) {
    struct page_header *head = page_header(image);
    ASSERT(index < head->count);
    unsigned place = page_offset(image, index);
    const uint8_t *cell = image + place;
    unsigned size = cell_size(cell);
    if (cell_key_big(cell) || cell_value_big(cell)) {
        ASSERT(head->bigs > 0);
        head->bigs--;
    }
    if (place == head->heap) {
        head->heap = (uint16_t)(head->heap + size);
    } else {
        head->garbage = (uint16_t)(head->garbage + size);
    }
    uint8_t *offset = image + PAGE_CELLS + PLACE_SIZE * (size_t)index;
    memmove(offset, offset + PLACE_SIZE, PLACE_SIZE * (size_t)(head->count - index - 1u));
    head->count--;
    head->run = 0;
}

bool page_replace(uint8_t *image, unsigned index, const struct cell *cell) {
    struct page_header *head = page_header(image);
    uint8_t *old = image + page_offset(image, index);
    unsigned old_size = cell_size(old);
    unsigned size = cell_bytes(cell);
    bool was_big = cell_key_big(old) || cell_value_big(old);
    bool is_big = cell->key_big || cell->value_big;
    if (size <= old_size) { /* the key is the same, or becomes that of an inner page's first cell */
        cell_write(old, cell);
        head->garbage = (uint16_t)(head->garbage + (old_size - size));
        head->bigs = (uint16_t)(head->bigs + (is_big ? 1 : 0) - (was_big ? 1 : 0));
        return true;
    }
    if (page_used(image) - old_size + size > PAGE_ROOM) {
        return false;
    }
    uint16_t last = head->last;
    uint8_t run = head->run;
    page_remove(image, index);
    page_insert(image, index, cell);
    head->last = last;
    head->run = run;
    return true;
}

static bool cells_valid(const uint8_t *image) {
    const struct page_header *head = page_head(image);
    unsigned count = head->count;
    bool inner = head->type == PAGE_INNER;
    if (count == 0 || count > PAGE_ROOM / (CELL_HEAD + PLACE_SIZE) || head->heap < PAGE_CELLS + PLACE_SIZE * count ||
        head->heap > STORE_PAGE || head->tree > STORE_DIRECTORY || inner != (head->level > 0) ||
        head->level >= STORE_DEPTH_MAX || head->prefix > KEY_PREFIX - HINT_BYTES) {
        return false;
    }
    size_t total = 0;
    unsigned bigs = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned offset = page_offset(image, i);
        if (offset < head->heap || offset + CELL_HEAD > STORE_PAGE) {
            return false;
        }
        const uint8_t *cell = image + offset;
        unsigned key = cell_key_length(cell);
        unsigned value = cell_value_length(cell);
        if (offset + CELL_HEAD + key + value > STORE_PAGE) {
            return false;
        }
        if (cell_key_big(cell) ? key != KEY_PREFIX + BLOB_REF_SIZE : key > KEY_INLINE_MAX) {
            return false;
        }
        if (!(inner && i == 0) && cell_key_known(cell) < head->prefix) {
            return false;
        }
        if (inner ? (value != REF_SIZE || cell_value_big(cell)) : (cell_value_big(cell) && value != BLOB_REF_SIZE)) {
            return false;
        }
        if (head->tree == STORE_DIRECTORY && !inner &&
            (key != 4 || cell_key_big(cell) || value != TENANT_RECORD || cell_value_big(cell))) {
            return false;
        }
        if (CELL_HEAD + key + value > CELL_MAX) {
            return false;
        }
        bigs += cell_key_big(cell) || cell_value_big(cell) ? 1 : 0;
        total += CELL_HEAD + key + value;
    }
    return bigs == head->bigs && total + head->garbage == (size_t)(STORE_PAGE - head->heap);
}

bool page_valid(const uint8_t *image, uint32_t tenant) {
    const struct page_header *head = page_head(image);
    if (head->tenant != tenant) {
        return false;
    }
    switch (head->type) {
    case PAGE_LEAF:
    case PAGE_INNER:
        return cells_valid(image);
    case PAGE_BLOB_DATA:
        return head->level == 0 && head->count <= PAGE_ROOM;
    case PAGE_BLOB_INDEX:
        return head->level > 0 && head->level < BLOB_LEVELS && head->count > 0 && head->count <= BLOB_FANOUT;
    case PAGE_CHECKPOINT:
        return true;
    default:
        return false;
    }
}

bool page_plain(const uint8_t *image) {
    const struct page_header *head = page_head(image);
    return head->type == PAGE_BLOB_DATA ||
           (head->type == PAGE_LEAF && head->bigs == 0 && head->tree != STORE_DIRECTORY);
}

bool page_refs_next(struct page_refs *refs, unsigned *offset, uint32_t *tenant) {
    const uint8_t *image = refs->image;
    const struct page_header *head = page_head(image);
    *tenant = head->tenant;
    if (page_plain(image) || head->type == PAGE_CHECKPOINT) {
        return false;
    }
    if (head->type == PAGE_BLOB_INDEX) {
        *offset = PAGE_CELLS + REF_SIZE * refs->index;
        return refs->index++ < head->count;
    }
    while (refs->index < head->count) {
        unsigned place = page_offset(image, refs->index);
        const uint8_t *cell = image + place;
        unsigned value = place + CELL_HEAD + cell_key_length(cell);
        unsigned part = refs->part++;
        if (part == 0) { /* a big key's blob: after its prefix and length */
            if (cell_key_big(cell)) {
                *offset = place + CELL_HEAD + KEY_PREFIX + 8;
                return true;
            }
            continue;
        }
        if (head->type == PAGE_LEAF && head->tree == STORE_DIRECTORY && part <= STORE_TREES) {
            *offset = value + TREE_RECORD * (part - 1);
            *tenant = codec_get_u32_big(cell_key(cell));
            if (page_u64(image + *offset) != 0) {
                return true;
            }
            continue;
        }
        if (part == 1 && head->type == PAGE_INNER) {
            *offset = value;
            return true;
        }
        if (part == 1 && cell_value_big(cell)) {
            *offset = value + 8;
            return true;
        }
        refs->index++;
        refs->part = 0;
    }
    return false;
}
