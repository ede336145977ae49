/* The reader of records in each format, fed in pieces of odd sizes, and type inference on what it gives. */
#include <string.h>

#include "cli/infer.h"
#include "types/record.h"

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
    static struct record_reader reader;
    static const bool flags[2] = {true, true};
    struct kmb_error error = {0};
    if (size == 0) {
        return 0;
    }
    struct source source = {.bytes = bytes + 1, .left = size - 1, .piece = 1 + bytes[0] % 17u};
    struct record_format formats[] = {record_format_spreadsheet(), record_format_csv(), record_format_text(),
                                      record_format_csv()};
    formats[3].escape = '\\';
    formats[3].force_null = flags;
    formats[3].forced_value = flags;
    formats[3].forced_count = 2;
    record_reader_init(&reader, &formats[bytes[0] >> 5 & 3], give, &source);
    reader.blank_is_record = (bytes[0] & 128) != 0;
    while (record_next(&reader, &error) == KMB_ROW) {
        for (uint32_t i = 0; i < reader.field_count; i++) {
            struct infer infer = {0};
            if (!reader.fields[i].null && reader.fields[i].length != 0) {
                infer_value(&infer, record_field_text(&reader, i));
                infer_type(&infer);
            }
        }
    }
    record_reader_free(&reader);
    return 0;
}
