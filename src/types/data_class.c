/*
 * Data classes and the two guesses about them: by name, and by content.
 *
 * A guess by name looks for words in the lower-cased name, in an order in which the more telling classes come first
 * ("patient_aggregate" is de-identified, not PHI: a table that says it was made anonymous is believed, and the owner
 * can always say more). A guess by content looks for shapes: social security and card numbers, mail addresses, words
 * of medicine and of money. Both only propose; what a user states must be at least as restrictive.
 */
#include "types/data_class.h"

#include "base/assert.h"

struct class_row {
    const char *name;
    uint32_t restrictiveness;
};

static const struct class_row CLASSES[DATA_CLASS_COUNT] = {
    [DATA_CLASS_PHI] = {"PHI", 7},
    [DATA_CLASS_DEIDENTIFIED] = {"Deidentified", 1},
    [DATA_CLASS_PII] = {"PII", 3},
    [DATA_CLASS_SENSITIVE] = {"Sensitive", 6},
    [DATA_CLASS_PCI] = {"PCI", 5},
    [DATA_CLASS_FINANCIAL] = {"Financial", 4},
    [DATA_CLASS_CONFIDENTIAL] = {"Confidential", 2},
    [DATA_CLASS_PUBLIC] = {"Public", 0},
};

#define CLASS_WORDS_MAX 10

struct class_words {
    enum data_class data_class;
    const char *words[CLASS_WORDS_MAX];
};

static const struct class_words NAME_WORDS[] = {
    {DATA_CLASS_DEIDENTIFIED, {"deidentified", "anonymized", "aggregate"}},
    {DATA_CLASS_PHI, {"patient", "medical", "health", "diagnosis", "prescription", "lab_result", "clinical"}},
    {DATA_CLASS_PCI, {"credit_card", "payment", "card_transaction", "cvv", "pan"}},
    {DATA_CLASS_FINANCIAL, {"financial", "ledger", "accounting", "audit_trail", "balance_sheet", "revenue"}},
    {DATA_CLASS_SENSITIVE,
     {"biometric", "genetic", "racial", "ethnic", "political", "religious", "sexual_orientation", "trade_union"}},
    {DATA_CLASS_PII, {"user", "customer", "person", "profile", "contact", "email", "phone", "address"}},
    {DATA_CLASS_CONFIDENTIAL, {"internal", "confidential", "proprietary", "trade_secret", "strategy"}},
    {DATA_CLASS_PUBLIC, {"public", "announcement", "press_release", "blog", "documentation"}},
};

static const char *const MEDICAL_TERMS[] = {"patient",   "diagnosis", "prescription", "medication", "treatment",
                                            "physician", "symptom",   "icd-10",       "hospital",   "blood pressure"};
static const char *const FINANCIAL_TERMS[] = {"revenue", "balance", "ledger",      "invoice", "account number",
                                              "equity",  "profit",  "liabilities", "debit",   "credit"};

static uint8_t class_lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

/* `word` is lower case; the text may not be. */
static bool class_contains(struct slice text, const char *word) {
    size_t length = strlen(word);
    for (size_t at = 0; at + length <= text.length; at++) {
        size_t i = 0;
        while (i < length && class_lower(text.bytes[at + i]) == (uint8_t)word[i]) {
            i++;
        }
        if (i == length) {
            return true;
        }
    }
    return false;
}

const char *data_class_name(enum data_class data_class) {
    ASSERT((unsigned)data_class < DATA_CLASS_COUNT);
    return CLASSES[data_class].name;
}

bool data_class_of_name(struct slice name, enum data_class *data_class) {
    for (unsigned i = 0; i < DATA_CLASS_COUNT; i++) {
        const char *known = CLASSES[i].name;
        size_t at = 0;
        while (at < name.length && known[at] != 0 && class_lower(name.bytes[at]) == class_lower((uint8_t)known[at])) {
            at++;
        }
        if (at == name.length && known[at] == 0) {
            *data_class = (enum data_class)i;
            return true;
        }
    }
    return false;
}

enum data_class data_class_infer(struct slice name) {
    for (size_t i = 0; i < ARRAY_LENGTH(NAME_WORDS); i++) {
        for (size_t j = 0; j < CLASS_WORDS_MAX && NAME_WORDS[i].words[j] != NULL; j++) {
            if (class_contains(name, NAME_WORDS[i].words[j])) {
                return NAME_WORDS[i].data_class;
            }
        }
    }
    return DATA_CLASS_CONFIDENTIAL;
}

uint32_t data_class_restrictiveness(enum data_class data_class) {
    ASSERT((unsigned)data_class < DATA_CLASS_COUNT);
    return CLASSES[data_class].restrictiveness;
}

static bool class_digit(struct slice text, size_t at) {
    return at < text.length && text.bytes[at] >= '0' && text.bytes[at] <= '9';
}

/* ddd-dd-dddd standing alone. */
static uint32_t class_count_social(struct slice text) {
    static const char shape[] = "ddd-dd-dddd";
    uint32_t count = 0;
    for (size_t at = 0; at + sizeof(shape) - 1 <= text.length; at++) {
        size_t i = 0;
        while (shape[i] != 0 && (shape[i] == 'd' ? class_digit(text, at + i) : text.bytes[at + i] == '-')) {
            i++;
        }
        bool alone = (at == 0 || !class_digit(text, at - 1)) && !class_digit(text, at + i);
        count += shape[i] == 0 && alone ? 1 : 0;
    }
    return count;
}

/* Runs of 13 or more digits with single blanks or hyphens between. */
static uint32_t class_count_cards(struct slice text) {
    uint32_t count = 0;
    for (size_t at = 0; at < text.length;) {
        size_t digits = 0;
        while (class_digit(text, at) || (digits > 0 && at < text.length && class_digit(text, at + 1) &&
                                         (text.bytes[at] == ' ' || text.bytes[at] == '-'))) {
            digits += class_digit(text, at) ? 1 : 0;
            at++;
        }
        count += digits >= 13 ? 1 : 0;
        at += digits == 0 ? 1 : 0;
    }
    return count;
}

static bool class_word_byte(uint8_t byte) {
    byte = class_lower(byte);
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.';
}

/* x@y.z */
static uint32_t class_count_mails(struct slice text) {
    uint32_t count = 0;
    for (size_t at = 1; at + 1 < text.length; at++) {
        if (text.bytes[at] != '@' || !class_word_byte(text.bytes[at - 1])) {
            continue;
        }
        size_t end = at + 1;
        bool dot = false;
        while (end < text.length && class_word_byte(text.bytes[end])) {
            dot = dot || (text.bytes[end] == '.' && end > at + 1 && end + 1 < text.length &&
                          class_word_byte(text.bytes[end + 1]) && text.bytes[end + 1] != '.');
            end++;
        }
        count += dot ? 1 : 0;
    }
    return count;
}

static uint32_t class_count_terms(struct slice text, const char *const *terms, size_t term_count) {
    uint32_t count = 0;
    for (size_t i = 0; i < term_count; i++) {
        count += class_contains(text, terms[i]) ? 1 : 0;
    }
    return count;
}

struct data_class_guess data_class_infer_content(struct slice name, struct slice content) {
    enum data_class found = DATA_CLASS_COUNT;
    uint32_t matches = 0;
    uint32_t medical = class_count_terms(content, MEDICAL_TERMS, ARRAY_LENGTH(MEDICAL_TERMS));
    uint32_t financial = class_count_terms(content, FINANCIAL_TERMS, ARRAY_LENGTH(FINANCIAL_TERMS));
    uint32_t personal = class_count_social(content) + class_count_mails(content);
    uint32_t cards = class_count_cards(content);
    if (medical >= 2) {
        found = DATA_CLASS_PHI;
        matches = medical;
    } else if (cards > 0) {
        found = DATA_CLASS_PCI;
        matches = cards;
    } else if (financial >= 2) {
        found = DATA_CLASS_FINANCIAL;
        matches = financial;
    } else if (personal > 0) {
        found = DATA_CLASS_PII;
        matches = personal;
    }
    enum data_class by_name = data_class_infer(name);
    if (found == DATA_CLASS_COUNT) {
        return (struct data_class_guess){by_name, 60};
    }
    if (by_name == found) {
        return (struct data_class_guess){found, 95};
    }
    uint32_t more = matches > 4 ? 20 : matches * 5;
    return (struct data_class_guess){found, 70 + more};
}
