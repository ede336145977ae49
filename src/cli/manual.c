/* kimberlite manual: the table as pages for man(1), in the man macros that groff and mandoc both read. */
#include <string.h>

#include "cli/table.h"
#include "server/settings.h"

/* Text with what roff would take for itself escaped. */
static void put(const char *text) {
    bool begin = true;
    for (; *text != 0; text++) {
        if (*text == '-') {
            fputs("\\-", stdout);
        } else if (*text == '\\') {
            fputs("\\e", stdout);
        } else {
            if (begin && (*text == '.' || *text == '\'')) {
                fputs("\\&", stdout);
            }
            putchar(*text);
        }
        begin = *text == '\n';
    }
}

static void put_option(char letter, const char *name, const char *value, const char *help) {
    fputs(".TP\n", stdout);
    if (letter != 0) {
        printf("\\fB\\-%c\\fR, ", letter);
    }
    fputs("\\fB", stdout);
    put(name);
    fputs("\\fR", stdout);
    if (value != NULL) {
        printf(" \\fI%s\\fR", value);
    }
    putchar('\n');
    put(help);
    putchar('\n');
}

static void put_options(const struct verb_row *verb) {
    for (size_t i = 0; i < option_count(); i++) {
        const struct option_row *row = option_at(i);
        if (verb_takes(verb, row)) {
            put_option(row->letter, row->name, row->value, row->help);
        }
    }
    for (size_t i = 0; verb->settings && i < settings_rows(); i++) {
        const struct settings_row *setting = settings_row_at(i);
        if (setting->option != NULL && !verb_has_option(verb, setting->option)) {
            put_option(0, setting->option, setting->type == SETTING_BOOLEAN ? NULL : "VALUE", setting->meaning);
        }
    }
}

static void put_usage(const struct verb_row *verb) {
    printf("\\fBkimberlite %s\\fR ", verb->name);
    put(verb->usage);
    puts(" [\\fIOPTION\\fR]...");
}

static void put_end(void) {
    puts(".SH FILES\n.TP\n\\fIkimberlite.toml\\fR, \\fIkimberlite.local.toml\\fR\nSettings of a project; the second "
         "one is for "
         "one machine.\n.SH ENVIRONMENT\n.TP\n\\fBKMB_\\fISECTION\\fB_\\fIKEY\\fR\nA setting: \\fBKMB_LOG_LEVEL\\fR is "
         "log.level.\n.TP\n\\fBKIMBERLITE_TENANT\\fR\nThe tenant where none is given.\n.TP\n\\fBNO_COLOR\\fR\nNo "
         "colours.\n"
         ".SH EXIT STATUS\n0 done; 1 an error; 2 wrong usage; 3 no connection; 4 not authenticated; 5 not allowed; 6 "
         "not "
         "found.");
}

static void put_verb_page(const struct verb_row *verb) {
    printf(".TH KIMBERLITE\\-%s 1 \"\" \"kimberlite %s\"\n.SH NAME\nkimberlite\\-%s \\- ", verb->name, kmb_version(),
           verb->name);
    put(verb->help);
    puts("\n.SH SYNOPSIS");
    put_usage(verb);
    if (verb->text != NULL) {
        puts(".SH DESCRIPTION");
        put(verb->text);
        putchar('\n');
    }
    puts(".SH OPTIONS");
    put_options(verb);
    put_end();
    puts(".SH SEE ALSO\n.BR kimberlite (1)");
}

static void put_program_page(void) {
    printf(
        ".TH KIMBERLITE 1 \"\" \"kimberlite %s\"\n.SH NAME\nkimberlite \\- a tamper\\-evident SQL database with time "
        "travel\n.SH SYNOPSIS\n\\fBkimberlite\\fR \\fIVERB\\fR [\\fIOPTION\\fR]... [\\fIARGUMENT\\fR]...\n.SH "
        "DESCRIPTION\n"
        "All data is an immutable, ordered, hash\\-chained log; all state is a derived view of it. Results go to "
        "standard "
        "output, everything else to standard error. An option means the same in every verb that takes it.\n",
        kmb_version());
    for (size_t i = 0; i < verb_count(); i++) {
        const struct verb_row *verb = verb_at(i);
        printf(".SS ");
        put_usage(verb);
        put(verb->help);
        puts(".");
        if (verb->text != NULL) {
            puts(".PP");
            put(verb->text);
            putchar('\n');
        }
        put_options(verb);
    }
    put_end();
}

int cli_manual(const struct cli_options *options) {
    if (options->argument_count == 0) {
        put_program_page();
        return 0;
    }
    const struct verb_row *verb = verb_find(options->arguments[0]);
    if (verb == NULL) {
        return cli_error(2, "unrecognized verb \"%s\"; \"kimberlite help\" lists them", options->arguments[0]);
    }
    put_verb_page(verb);
    return 0;
}
