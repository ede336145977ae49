/* The templates' names, and finding them. */
#include "cli/templates.h"

#include <stddef.h>
#include <string.h>

const struct template_row template_rows[] = {
    {"default", {NULL}, NULL, "nothing but the project", ""},
    {"healthcare", {"hipaa", NULL}, "001_healthcare_schema.sql", "patients, providers, encounters", "HIPAA"},
    {"finance", {"fintech", NULL}, "001_finance_schema.sql", "accounts, trades, positions", "SOX, PCI DSS"},
    {"legal", {NULL}, "001_legal_schema.sql", "cases, evidence, legal holds", "eDiscovery, GDPR"},
    {"multi-tenant",
     {"multi_tenant", "multitenant", NULL},
     "001_multi_tenant_schema.sql",
     "organizations, users, resources",
     "SOC 2, GDPR"},
    {"ehr",
     {NULL},
     "001_ehr_schema.sql",
     "patients, encounters, conditions, observations, medications",
     "HIPAA, 21 CFR Part 11"},
    {"claims", {NULL}, "001_claims_schema.sql", "members, providers, claims, payments", "HIPAA, X12 837 and 835"},
    {"research",
     {NULL},
     "001_research_schema.sql",
     "studies, participants, consents, samples, measurements",
     "ICH E6, GDPR, 21 CFR Part 11"},
    {0},
};

const struct template_row *template_find(const char *name) {
    for (const struct template_row *row = template_rows; row->name != NULL; row++) {
        if (strcmp(row->name, name) == 0) {
            return row;
        }
        for (size_t i = 0; row->aliases[i] != NULL; i++) {
            if (strcmp(row->aliases[i], name) == 0) {
                return row;
            }
        }
    }
    return NULL;
}

const char *template_text(const struct template_row *row) {
    for (const struct template_file *file = template_files; file->stem != NULL; file++) {
        if (strcmp(file->stem, row->name) == 0) {
            return file->text;
        }
    }
    return NULL;
}
