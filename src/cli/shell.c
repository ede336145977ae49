/*
 * kimberlite shell: statements typed, with psql's habits. Line editing and history by libedit on a terminal; plain
 * lines otherwise. An error is told and the shell goes on; Ctrl-C ends the running statement, Ctrl-D the shell. A
 * script goes on too, and its exit code says whether anything in it failed: who runs one does not read what it says.
 */
#include <ctype.h>
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/complete.h"
#include "cli/highlight.h"
#include "cli/run.h"
#include "cli/splitter.h"

#define INCLUDE_DEPTH_MAX 16
#define HISTORY_SIZE      1000
#define PAINTED_MAX       4096 /* bytes of a line: more would be drawn anew with each character */

struct shell {
    struct runner runner;
    struct splitter splitter;
    kmb_session *names;  /* asked for completion; NULL: none */
    struct buffer typed; /* earlier lines of the statement that is being typed */
    unsigned depth;      /* of \i */
    bool copying;        /* lines typed are data of COPY */
    bool color;          /* the terminal takes colours, and they are wanted */
    char place[300];     /* of the database, for people */
    bool quit;
    bool failed; /* a statement or a command did, at any time */
};

/* The session that Ctrl-C cancels; set while a statement runs. */
static _Atomic(kmb_session *) running;
/* Ctrl-C came: at the prompt it drops what was typed, in a script read with \i it ends the script. */
static volatile sig_atomic_t interrupted;
/* Where the handler goes while the terminal is read. */
static sigjmp_buf unread;
static volatile sig_atomic_t reading;

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
    if (reading) {
        reading = 0;
        siglongjmp(unread, 1);
    }
    kmb_session *session = atomic_load(&running);
    if (session != NULL) {
        kmb_cancel(session); /* one atomic store: safe in a handler */
    }
}

static void run_statement(struct shell *shell, struct slice statement) {
    atomic_store(&running, shell->runner.session);
    shell->failed = runner_run(&shell->runner, statement) != 0 || shell->failed;
    atomic_store(&running, NULL);
}

static void run_text(struct shell *shell, const char *text) {
    run_statement(shell, slice_text(text));
}

/* --- backslash and dot commands ----------------------------------------------------------------------------------- */

/* A command that failed. */
static void refuse(struct shell *shell, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct shell *shell, const char *format, ...) {
    char text[CLI_PATH_MAX + 256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    cli_error(1, "%s", text);
    shell->failed = true;
}

static void help(void) {
    fputs("\\d [TABLE]   columns of a table, or all tables     \\q          end\n"
          "\\dt          tables                                \\x          one column a line\n"
          "\\copy T FROM 'FILE' / TO 'FILE'   COPY with a file of this machine\n"
          "\\i FILE      run the statements of FILE            \\timing     how long each statement takes\n"
          "\\o FORMAT    table, csv, tsv, json, ndjson         \\?          this text\n"
          "Dot forms do the same: .tables .schema [TABLE] .mode FORMAT .timer .read FILE .quit .help\n"
          "Statements end with a semicolon.\n",
          stderr);
}

static void set_mode(struct shell *shell, const char *name) {
    static const char *const names[] = {"table", "csv", "tsv", "json", "ndjson"};
    for (unsigned i = 0; i < 5; i++) {
        if (strcmp(names[i], name) == 0) {
            shell->runner.output.format = (enum cli_format)i;
            return;
        }
    }
    refuse(shell, "unknown format \"%s\": table, csv, tsv, json or ndjson", name);
}

/* "\x", "\x on", "\x off". */
static void toggle(struct shell *shell, bool *setting, const char *what, const char *argument) {
    if (argument[0] != 0 && strcmp(argument, "on") != 0 && strcmp(argument, "off") != 0) {
        refuse(shell, "invalid value \"%s\": on or off", argument);
        return;
    }
    *setting = argument[0] == 0 ? !*setting : strcmp(argument, "on") == 0;
    fprintf(stderr, "%s is %s.\n", what, *setting ? "on" : "off");
}

static void feed_line(struct shell *shell, const char *line);

static void copy_file(struct shell *shell, const char *argument) {
    struct buffer sql = {0};
    struct buffer name = {0};
    bool from = false;
    struct cli_copy *copy = &shell->runner.copy;
    if (!cli_copy_parse(argument, &sql, &name, &from)) {
        shell->failed = true;
    } else {
        if (name.length > 0) {
            copy->file_name = buffer_text(&name);
            copy->file = copy->file_name == NULL ? NULL : fopen(copy->file_name, from ? "re" : "we");
        }
        FILE *file = copy->file;
        if (name.length > 0 && file == NULL) {
            refuse(shell, "cannot %s %s: %s", from ? "read" : "write", copy->file_name, strerror(errno));
        } else if (buffer_ok(&sql)) {
            run_statement(shell, buffer_slice(&sql));
        }
        if (file != NULL && fclose(file) != 0) {
            refuse(shell, "cannot write %s: %s", buffer_text(&name), strerror(errno));
        }
    }
    copy->file = NULL;
    buffer_free(&sql);
    buffer_free(&name);
}

static void include(struct shell *shell, const char *name) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    if (shell->depth >= INCLUDE_DEPTH_MAX) {
        refuse(shell, "\\i nests deeper than %d files", INCLUDE_DEPTH_MAX);
        return;
    }
    FILE *file = fopen(name, "r");
    if (file == NULL) {
        refuse(shell, "cannot read %s: %s", name, strerror(errno));
        return;
    }
    const struct cli_lines *outer = shell->runner.copy.lines;
    struct cli_lines lines = {.next = cli_file_line, .context = file};
    shell->depth++;
    shell->runner.copy.lines = &lines;
    while (!shell->quit && !interrupted && (length = getline(&line, &room, file)) >= 0) {
        feed_line(shell, line);
    }
    shell->runner.copy.lines = outer;
    shell->depth--;
    free(line);
    fclose(file);
}

static void describe(struct shell *shell, const char *table) {
    char sql[512];
    if (table[0] == 0) {
        run_text(shell, "SHOW TABLES");
        return;
    }
    if (snprintf(sql, sizeof(sql), "SHOW COLUMNS FROM %s", table) >= (int)sizeof(sql)) {
        refuse(shell, "the name is too long");
        return;
    }
    run_text(shell, sql);
}

static void command(struct shell *shell, char *line) {
    char *name = strtok(line, " \t\r\n");
    char *argument = strtok(NULL, "\r\n");
    argument = argument == NULL ? line + strlen(line) : argument;
    argument += strspn(argument, " \t");
    size_t length = strlen(argument);
    while (length > 0 && strchr(" \t;", argument[length - 1]) != NULL) {
        argument[--length] = 0;
    }
    const char *verb = name + 1;
    for (char *at = name; name[0] == '.' && *at != 0;
         at++) { /* sqlite's commands in any case; psql's \d and \D differ */
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    }
    if (strcmp(verb, "q") == 0 || strcmp(verb, "quit") == 0 || strcmp(verb, "exit") == 0) {
        shell->quit = true;
    } else if (strcmp(verb, "?") == 0 || strcmp(verb, "h") == 0 || strcmp(verb, "help") == 0) {
        help();
    } else if (strcmp(verb, "dt") == 0 || strcmp(verb, "tables") == 0) {
        describe(shell, "");
    } else if (strcmp(verb, "d") == 0 || strcmp(verb, "schema") == 0) {
        describe(shell, argument);
    } else if (strcmp(verb, "x") == 0) {
        toggle(shell, &shell->runner.output.expanded, "Expanded display", argument);
    } else if (strcmp(verb, "timing") == 0 || strcmp(verb, "timer") == 0) {
        toggle(shell, &shell->runner.timing, "Timing", argument);
    } else if (strcmp(verb, "o") == 0 || strcmp(verb, "mode") == 0) {
        set_mode(shell, argument);
    } else if (strcmp(verb, "copy") == 0) {
        copy_file(shell, argument);
    } else if (strcmp(verb, "i") == 0 || strcmp(verb, "read") == 0) {
        if (argument[0] == 0) {
            refuse(shell, "a file is required: %s FILE", name);
        } else {
            include(shell, argument);
        }
    } else {
        refuse(shell, "unknown command \"%s\"; \\? lists them", name);
    }
}

static void feed_line(struct shell *shell, const char *line) {
    struct slice statement;
    const char *first = line + strspn(line, " \t");
    if (splitter_empty(&shell->splitter) &&
        (first[0] == '\\' || (first[0] == '.' && isalpha((unsigned char)first[1])))) {
        char *copy = strdup(first);
        if (copy != NULL) {
            command(shell, copy);
            free(copy);
        }
        return;
    }
    splitter_feed(&shell->splitter, line, strlen(line));
    while (!shell->quit && splitter_next(&shell->splitter, &statement)) {
        run_statement(shell, statement);
    }
}

/* --- the two kinds of input --------------------------------------------------------------------------------------- */

static void read_plain(struct shell *shell) {
    char *line = NULL;
    size_t room = 0;
    struct cli_lines lines = {.next = cli_file_line, .context = stdin};
    shell->runner.copy.lines = &lines;
    while (!shell->quit && !interrupted && getline(&line, &room, stdin) >= 0) {
        feed_line(shell, line);
    }
    shell->runner.copy.lines = NULL;
    shell->failed = shell->failed || interrupted;
    free(line);
}

static const char *prompt_text(const struct shell *shell) {
    bool failed = false;
    bool open = kmb_session_in_transaction(shell->runner.session, &failed);
    return shell->copying                      ? ">> "
           : !splitter_empty(&shell->splitter) ? "kimberlite-> "
           : failed                            ? "kimberlite!> "
           : open                              ? "kimberlite*> "
                                               : "kimberlite=> ";
}

/* In cyan, or yellow where a statement goes on. What takes no place stands between \1s; the editor loses such at the
 * end. */
static char *prompt(EditLine *editor) {
    static char text[64];
    struct shell *shell = NULL;
    el_get(editor, EL_CLIENTDATA, &shell);
    const char *plain = prompt_text(shell);
    if (shell->color) {
        bool more = shell->copying || !splitter_empty(&shell->splitter);
        snprintf(text, sizeof(text), "\1\033[%dm\1%.*s\1\033[0m\1 ", more ? 33 : 36, (int)strlen(plain) - 1, plain);
    } else {
        snprintf(text, sizeof(text), "%s", plain);
    }
    return text;
}

/*
 * Paints what is typed over the same characters that the editor has drawn, and leaves the cursor where it was. The
 * editor knows nothing of it: it draws again what changes, without colours, and is painted over before the next
 * character is waited for. What does not lie on the screen as it is typed (control characters, wide ones at the edge)
 * stays plain.
 */
static void paint(const struct shell *shell, EditLine *editor) {
    const LineInfo *line = el_line(editor);
    size_t length = (size_t)(line->lastchar - line->buffer);
    size_t before = (size_t)(line->cursor - line->buffer);
    size_t start = strlen(prompt_text(shell));
    size_t width = output_width(line->buffer, length);
    struct winsize window = {0};
    struct buffer out = {0};
    if (!shell->color || shell->copying || length == 0 || length > PAINTED_MAX ||
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col <= start ||
        (start + width) / window.ws_col + 1 >= window.ws_row) {
        return;
    }
    size_t characters = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)line->buffer[i];
        if (byte < ' ' || byte == 0x7f) {
            return;
        }
        characters += (byte & 0xc0) != 0x80;
    }
    if (characters != width && start + width >= window.ws_col) {
        return;
    }
    size_t row = (start + output_width(line->buffer, before)) / window.ws_col;
    buffer_append_text(&out, "\0337");
    if (row > 0) {
        buffer_printf(&out, "\033[%zuA", row);
    }
    buffer_printf(&out, "\033[%zuG", start + 1);
    highlight_line(buffer_slice(&shell->typed), slice_make(line->buffer, length), &out);
    buffer_append_text(&out, "\0338");
    if (buffer_ok(&out)) {
        fwrite(out.bytes, 1, out.length, stdout);
        fflush(stdout);
    }
    buffer_free(&out);
}

static void history_path(char path[CLI_PATH_MAX]) {
    const char *home = getenv("HOME");
    path[0] = 0;
    if (home != NULL) {
        snprintf(path, CLI_PATH_MAX, "%s/.kimberlite_history", home);
    }
}

/* One byte; -1 with `interrupted`. Ctrl-C also takes from the terminal what was typed before it and not read: what
 * poll() has promised may be gone, and read() wait. So the handler leaves it from wherever it is. */
static ssize_t read_byte(char *byte) {
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    if (sigsetjmp(unread, 1) != 0) { /* with SIGINT blocked, as it was */
        return -1;
    }
    reading = 1;
    pthread_sigmask(SIG_UNBLOCK, &interrupt, NULL);
    ssize_t count = read(STDIN_FILENO, byte, 1);
    pthread_sigmask(SIG_BLOCK, &interrupt, NULL);
    reading = 0;
    return count;
}

/* Takes SIGINT only while it waits, so that no Ctrl-C falls between the look at `interrupted` and the wait. Bytes that
 * are no UTF-8 are passed over. */
static int read_character(EditLine *editor, wchar_t *character) {
    struct shell *shell = NULL;
    mbstate_t state = {0};
    sigset_t open;
    struct pollfd more = {.fd = STDIN_FILENO, .events = POLLIN};
    el_get(editor, EL_CLIENTDATA, &shell);
    if (poll(&more, 1, 0) == 0) { /* what is pasted is painted once */
        paint(shell, editor);
    }
    sigemptyset(&open);
    for (;;) {
        struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
        char byte = 0;
        if (ppoll(&ready, 1, NULL, &open) < 0 && !interrupted) {
            continue; /* another signal */
        }
        ssize_t count = interrupted ? -1 : read_byte(&byte);
        if (count <= 0) {
            return (int)count;
        }
        size_t used = mbrtowc(character, &byte, 1, &state);
        if (used == 0 || used == 1) {
            return 1;
        }
        if (used == (size_t)-1) {
            memset(&state, 0, sizeof(state));
        }
    }
}

/* Words in columns below the line. */
static void list_words(const struct completion *found) {
    size_t widest = 0;
    for (size_t i = 0; i < found->count; i++) {
        size_t width = output_width(found->words[i], strlen(found->words[i]));
        widest = width > widest ? width : widest;
    }
    size_t columns = widest + 2 > 80 ? 1 : 80 / (widest + 2);
    fputc('\n', stdout);
    for (size_t i = 0; i < found->count; i++) {
        size_t width = output_width(found->words[i], strlen(found->words[i]));
        bool ends = (i + 1) % columns == 0 || i + 1 == found->count;
        printf("%s%*s", found->words[i], ends ? 0 : (int)(widest + 2 - width), "");
        fputs(ends ? "\n" : "", stdout);
    }
    fflush(stdout);
}

/* Tab: what all words that could stand here have in common is put in; where that is nothing new, they are listed. */
static unsigned char complete(EditLine *editor, int key) {
    struct shell *shell = NULL;
    struct completion found;
    const LineInfo *line = el_line(editor);
    unsigned char answer = CC_ERROR;
    (void)key;
    el_get(editor, EL_CLIENTDATA, &shell);
    size_t length = (size_t)(line->cursor - line->buffer);
    completion_find(shell->names, buffer_slice(&shell->typed), slice_make(line->buffer, length), &found);
    size_t word = length - found.start;
    if (found.count == 1 || found.common.length > word) {
        if (word > 0) {
            el_deletestr(editor, (int)word); /* its letters may be of another case */
        }
        bool directory = found.common.length > 0 && found.common.bytes[found.common.length - 1] == '/';
        buffer_append_text(&found.common, found.count == 1 && !directory ? " " : "");
        const char *text = buffer_text(&found.common);
        answer = text != NULL && el_insertstr(editor, text) == 0 ? CC_REFRESH : CC_ERROR;
    } else if (found.count > 1) {
        list_words(&found);
        answer = CC_REDISPLAY;
    }
    completion_free(&found);
    return answer;
}

/* A line typed, NULL at the end or when Ctrl-C came. */
static const char *read_line(EditLine *editor, int *count) {
    sigset_t interrupt, before;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &before);
    interrupted = 0;
    const char *line = el_gets(editor, count);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return line;
}

/* Lines typed as data. */
struct typed_lines {
    struct shell *shell;
    EditLine *editor;
};

static bool typed_line(void *context, struct buffer *line) {
    struct typed_lines *lines = context;
    int count = 0;
    lines->shell->copying = true;
    const char *text = read_line(lines->editor, &count);
    lines->shell->copying = false;
    if (text != NULL && count > 0) {
        buffer_append(line, text, strlen(text));
    }
    return text != NULL && count > 0;
}

/* Runs a typed line; a statement of several lines becomes one entry of the history when it is whole. */
static void take_line(struct shell *shell, History *past, struct buffer *typed, const char *line) {
    HistEvent event;
    if (typed->length != 0 || line[strspn(line, " \t\r\n")] != 0) {
        buffer_append(typed, line, strlen(line));
    }
    feed_line(shell, line);
    if (splitter_empty(&shell->splitter) && typed->length != 0) {
        const char *text = buffer_text(typed);
        if (text != NULL) {
            history(past, &event, H_ENTER, text);
        }
        buffer_clear(typed);
    }
}

static void read_terminal(struct shell *shell) {
    HistEvent event;
    char path[CLI_PATH_MAX];
    char tenant[16] = "";
    int count = 0;
    const char *kind = getenv("TERM");
    shell->color = cli_color(shell->runner.options, stdout) && kind != NULL && strcmp(kind, "dumb") != 0;
    setlocale(LC_CTYPE, "C.UTF-8"); /* for what is typed, whatever the environment says */
    EditLine *editor = el_init("kimberlite", stdin, stdout, stderr);
    History *past = history_init();
    if (editor == NULL || past == NULL) {
        read_plain(shell);
        return;
    }
    if (shell->runner.options->tenant != 0) {
        snprintf(tenant, sizeof(tenant), "%u", shell->runner.options->tenant);
    }
    history_path(path);
    history(past, &event, H_SETSIZE, HISTORY_SIZE);
    history(past, &event, H_SETUNIQUE, 1);
    if (path[0] != 0) {
        history(past, &event, H_LOAD, path);
    }
    el_set(editor, EL_CLIENTDATA, shell);
    el_set(editor, EL_PROMPT_ESC, prompt, '\1');
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_HIST, history, past);
    el_set(editor, EL_SIGNAL, 0);
    el_set(editor, EL_GETCFN, read_character);
    /* Of wide texts, which it takes as they are: of others it makes copies that it never gives back. */
    el_wset(editor, EL_ADDFN, L"kimberlite-complete", L"complete the word before the cursor", complete);
    el_set(editor, EL_BIND, "^I", "kimberlite-complete", NULL);
    el_set(editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(editor, NULL);
    struct typed_lines typed_lines = {.shell = shell, .editor = editor};
    struct cli_lines lines = {.next = typed_line, .context = &typed_lines};
    shell->runner.copy.lines = &lines;
    cli_note(shell->runner.options, "kimberlite %s at %s%s%s. \\? for help, \\q to end.", kmb_version(), shell->place,
             tenant[0] == 0 ? "" : ", tenant ", tenant);
    while (!shell->quit) {
        const char *line = read_line(editor, &count);
        if (line != NULL && count > 0) {
            take_line(shell, past, &shell->typed, line);
        } else if (interrupted) {
            splitter_clear(&shell->splitter);
            buffer_clear(&shell->typed);
            fputc('\n', stderr);
        } else {
            break;
        }
    }
    buffer_free(&shell->typed);
    if (path[0] != 0) {
        history(past, &event, H_SAVE, path);
    }
    history_end(past);
    el_end(editor);
    if (!shell->quit) {
        fputs("\\q\n", stderr);
    }
}

int cli_shell(const struct cli_options *options) {
    struct cli_place place = {0};
    struct shell shell = {.runner = {.options = options}};
    struct slice rest;
    kmb_db *db = NULL;
    int code = cli_open(options, 0, &place, &db, &shell.runner.session);
    if (code != 0) {
        return code;
    }
    struct sigaction interrupt = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &interrupt, NULL);
    output_init(&shell.runner.output, options, CLI_TABLE);
    code = runner_set_moment(shell.runner.session, options);
    if (code == 0) {
        bool terminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
        if (terminal) {
            cli_place_text(options, &place, shell.place);
            (void)kmb_session_open(db, options->tenant, &shell.names, NULL);
            read_terminal(&shell);
            kmb_session_close(shell.names);
        } else {
            read_plain(&shell);
        }
        if (!terminal && !shell.quit && splitter_rest(&shell.splitter, &rest)) {
            run_statement(&shell, rest);
        }
        code = !terminal && shell.failed ? 1 : 0;
    }
    splitter_free(&shell.splitter);
    return cli_close(db, shell.runner.session, code);
}
