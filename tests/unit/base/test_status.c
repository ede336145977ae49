/* The table of outcomes: rows are found by number, SQLSTATEs lead back, the public header agrees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/assert.h"
#include "base/status.h"

#include <ctype.h>
#include <string.h>

static const enum kmb_status all[] = {
#define NAME(name, number, wire, sqlstate, http, exit) KMB_##name,
    KMB_STATUS_TABLE(NAME)
#undef NAME
};

static void every_status_has_its_row(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
        const struct status_row *row = status_row_of(all[i]);
        assert_int_equal(row->status, all[i]);
        assert_int_equal(strlen(row->sqlstate), 5);
        for (size_t j = 0; j < 5; j++) {
            assert_true(isdigit((unsigned char)row->sqlstate[j]) || isupper((unsigned char)row->sqlstate[j]));
        }
        assert_true(row->wire <= 29);
        assert_true(row->http >= 200 && row->http <= 599);
        assert_true(row->exit_code >= 0 && row->exit_code <= 6);
        assert_true(i == 0 || all[i - 1] < all[i]);
    }
    assert_string_equal(status_row_of(KMB_UNIQUE_VIOLATION)->name, "UNIQUE_VIOLATION");
    assert_string_equal(status_row_of(KMB_UNIQUE_VIOLATION)->sqlstate, "23505");
    assert_int_equal(status_row_of(KMB_UNIQUE_VIOLATION)->wire, 29);
    assert_int_equal(status_row_of(KMB_TENANT_NOT_FOUND)->exit_code, 6);
}

static void names_and_numbers_are_unique(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(all[i], all[j]);
            assert_string_not_equal(status_row_of(all[i])->name, status_row_of(all[j])->name);
        }
    }
}

static void unknown_numbers_are_internal(void **state) {
    (void)state;
    assert_int_equal(status_row_of((enum kmb_status)3)->status, KMB_INTERNAL);
    assert_int_equal(status_row_of((enum kmb_status)9999)->status, KMB_INTERNAL);
    assert_int_equal(status_row_of((enum kmb_status) - 1)->status, KMB_INTERNAL);
}

static void sqlstates_lead_back(void **state) {
    (void)state;
    assert_int_equal(status_of_sqlstate("23505"), KMB_UNIQUE_VIOLATION);
    assert_int_equal(status_of_sqlstate("42601"), KMB_SYNTAX);
    assert_int_equal(status_of_sqlstate("ZZZZZ"), KMB_INTERNAL);
    for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
        const char *code = status_row_of(all[i])->sqlstate;
        assert_string_equal(status_row_of(status_of_sqlstate(code))->sqlstate, code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_row),
        cmocka_unit_test(names_and_numbers_are_unique),
        cmocka_unit_test(unknown_numbers_are_internal),
        cmocka_unit_test(sqlstates_lead_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
