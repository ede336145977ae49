/* The CSV reader, fed in pieces of odd sizes, and type inference on what it gives. */
#include <string.h>

#include "cli/csv.h"
#include "cli/infer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct source {
    const uint8_t *bytes;
    size_t left;
    size_t piece;
};

static enum kmb_status give(void *context, void *out, size_t size, size_t *count, struct kmb_error *error) {
    struct source *source = context;
    (void)error;
    size_t most = source->piece < size ? source->piece : size;
    *count = source->left < most ? source->left : most;
    memcpy(out, source->bytes, *count);
    source->bytes += *count;
    source->left -= *count;
    return KMB_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct csv csv;
    struct kmb_error error = {0};
    if (size == 0) {
        return 0;
    }
    struct source source = {.bytes = bytes + 1, .left = size - 1, .piece = 1 + bytes[0] % 17u};
    csv_init(&csv, give, &source);
    csv.blank_is_record = (bytes[0] & 128) != 0;
    while (csv_next(&csv, &error) == KMB_ROW) {
        for (uint32_t i = 0; i < csv.field_count; i++) {
            struct infer infer = {0};
            if (!csv_field_is_null(&csv, i) && csv.fields[i].length != 0) {
                infer_value(&infer, csv_field_text(&csv, i));
                infer_type(&infer);
            }
        }
    }
    csv_free(&csv);
    return 0;
}
