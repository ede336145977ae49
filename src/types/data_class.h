/*
 * What kind of data a table or stream holds, as regulations name it.
 */
#ifndef KMB_TYPES_DATA_CLASS_H
#define KMB_TYPES_DATA_CLASS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Numbers go into the log and over the wire and never change. */
enum data_class {
    DATA_CLASS_PHI = 0, /* what a table or stream is that names none */
    DATA_CLASS_DEIDENTIFIED = 1,
    DATA_CLASS_PII = 2,
    DATA_CLASS_SENSITIVE = 3,
    DATA_CLASS_PCI = 4,
    DATA_CLASS_FINANCIAL = 5,
    DATA_CLASS_CONFIDENTIAL = 6,
    DATA_CLASS_PUBLIC = 7,
    DATA_CLASS_COUNT = 8,
};

const char *data_class_name(enum data_class data_class);                 /* "PHI", "Deidentified", ... */
bool data_class_of_name(struct slice name, enum data_class *data_class); /* any case */

/* S-133: by substrings of the lower-cased name, Confidential when nothing matches. */
enum data_class data_class_infer(struct slice name);
/* S-134: Public 0 .. PHI 7. A class the user gives must be at least as restrictive as the inferred one. */
uint32_t data_class_restrictiveness(enum data_class data_class);

/* S-135: by content. Confidence in percent: 60 nothing found, 95 the name agrees, else 70 + 5 a match, 90 at most. */
struct data_class_guess {
    enum data_class data_class;
    uint32_t confidence_percent;
};
struct data_class_guess data_class_infer_content(struct slice name, struct slice content);

#endif
