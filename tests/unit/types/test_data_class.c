/* Data classes: numbers, names, guesses by name and by content. */
#include "types/data_class.h"
#include "support.h"

static void test_names(void **state) {
    (void)state;
    static const char *const names[] = {"PHI", "Deidentified", "PII",          "Sensitive",
                                        "PCI", "Financial",    "Confidential", "Public"};
    for (unsigned i = 0; i < DATA_CLASS_COUNT; i++) {
        enum data_class found;
        assert_string_equal(data_class_name((enum data_class)i), names[i]);
        assert_true(data_class_of_name(slice_text(names[i]), &found));
        assert_int_equal(found, i);
    }
    enum data_class found;
    assert_true(data_class_of_name(slice_text("phi"), &found));
    assert_false(data_class_of_name(slice_text("ph"), &found));
    assert_false(data_class_of_name(slice_text("PHIX"), &found));
    assert_false(data_class_of_name(slice_text(""), &found));
}

static void test_infer(void **state) {
    (void)state;
    static const struct {
        const char *name;
        enum data_class data_class;
    } cases[] = {{"Patients", DATA_CLASS_PHI},
                 {"anonymized_patients", DATA_CLASS_DEIDENTIFIED},
                 {"payments", DATA_CLASS_PCI},
                 {"general_ledger", DATA_CLASS_FINANCIAL},
                 {"biometric_scans", DATA_CLASS_SENSITIVE},
                 {"user_profile", DATA_CLASS_PII},
                 {"strategy2025", DATA_CLASS_CONFIDENTIAL},
                 {"blog_posts", DATA_CLASS_PUBLIC},
                 {"t", DATA_CLASS_CONFIDENTIAL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(data_class_infer(slice_text(cases[i].name)), cases[i].data_class);
    }
    assert_int_equal(data_class_restrictiveness(DATA_CLASS_PUBLIC), 0);
    assert_int_equal(data_class_restrictiveness(DATA_CLASS_PHI), 7);
    assert_true(data_class_restrictiveness(DATA_CLASS_PCI) < data_class_restrictiveness(DATA_CLASS_SENSITIVE));
}

static void test_content(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *content;
        enum data_class data_class;
        uint32_t confidence;
    } cases[] = {{"t", "nothing to see", DATA_CLASS_CONFIDENTIAL, 60},
                 {"t", "ssn 123-45-6789", DATA_CLASS_PII, 75},
                 {"users", "ssn 123-45-6789", DATA_CLASS_PII, 95},
                 {"t", "call 1234-45-67890", DATA_CLASS_CONFIDENTIAL, 60},
                 {"t", "4111 1111 1111 1111", DATA_CLASS_PCI, 75},
                 {"t", "4111-1111-1111", DATA_CLASS_CONFIDENTIAL, 60},
                 {"t", "mail a.b@example.org, c@d.io", DATA_CLASS_PII, 80},
                 {"t", "a@b", DATA_CLASS_CONFIDENTIAL, 60},
                 {"t", "Diagnosis and treatment", DATA_CLASS_PHI, 80},
                 {"t", "revenue, ledger, profit, debit, equity", DATA_CLASS_FINANCIAL, 90}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct data_class_guess guess =
            data_class_infer_content(slice_text(cases[i].name), slice_text(cases[i].content));
        assert_int_equal(guess.data_class, cases[i].data_class);
        assert_int_equal(guess.confidence_percent, cases[i].confidence);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_infer),
        cmocka_unit_test(test_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
