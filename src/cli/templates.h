/* What a project can begin with: the migrations under templates/, compiled in. */
#ifndef KMB_CLI_TEMPLATES_H
#define KMB_CLI_TEMPLATES_H

struct template_file {
    const char *stem; /* "healthcare"; NULL: the end */
    const char *text; /* the migration */
};
extern const struct template_file template_files[];

struct template_row {
    const char *name;       /* "multi-tenant" */
    const char *aliases[3]; /* NULL-terminated */
    const char *file;       /* "001_multi_tenant_schema.sql"; NULL: none */
    const char *about;      /* one line */
    const char *laws;       /* what it is made for; "" nothing in particular */
};
extern const struct template_row template_rows[]; /* the end has name NULL */

/* By name or alias; NULL: none. */
const struct template_row *template_find(const char *name);
/* Its migration; NULL: none. */
const char *template_text(const struct template_row *row);

#endif
