/*
 * The live view: numbers above, sessions below, drawn anew as a whole with the plainest of control sequences on the
 * second screen of the terminal, so that what stood there before comes back. Keys are read one by one; nothing waits
 * for the server but the look at it.
 *
 * Texts of sessions come from clients: what is no printable character is shown as a dot, so that no query can paint on
 * the operator's terminal.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/top.h"

#define INTERVAL_MIN_MS 100
#define INTERVAL_MAX_MS 60000
#define HEAD_LINES      6 /* above the sessions */
#define ROWS_SHOWN_MAX  1000

struct screen {
    struct top *top;
    int64_t interval_ms;
    int64_t selected; /* process; 0: the first one */
    bool hide_idle;
    bool asking; /* whether the selected statement shall end */
    bool lost;   /* the last look failed, as the message says */
    bool color;
    bool quit;
    char message[200];
    struct buffer frame;
    size_t width;
    size_t height;
};

static volatile sig_atomic_t ended;
static volatile sig_atomic_t resized;
static struct termios before; /* of the terminal, to be put back */

static void on_end(int number) {
    (void)number;
    ended = 1;
}

static void on_resize(int number) {
    (void)number;
    resized = 1;
}

/* --- drawing ------------------------------------------------------------------------------------------------------ */

/* As much of a text as fits so many columns, filled up with blanks. */
static void put(struct screen *screen, const char *text, size_t columns) {
    size_t used = 0;
    while (*text != 0) {
        unsigned char first = (unsigned char)*text;
        size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        length = strnlen(text, length);
        bool plain = first >= ' ' && first != 0x7f && (first < 0x80 || length > 1) &&
                     !(first == 0xc2 && (unsigned char)text[1] < 0xa0);
        size_t width = plain ? output_width(text, length) : 1;
        if (used + width > columns) {
            break;
        }
        buffer_append(&screen->frame, plain ? text : first == '\n' || first == '\t' ? " " : ".", plain ? length : 1);
        used += width;
        text += length;
    }
    for (; used < columns; used++) {
        buffer_append_byte(&screen->frame, ' ');
    }
}

static void style(struct screen *screen, const char *sequence) {
    if (screen->color) {
        buffer_append_text(&screen->frame, sequence);
    }
}

static void end_line(struct screen *screen) {
    style(screen, "\033[0m");
    buffer_append_text(&screen->frame, "\033[K\r\n");
}

static void put_line(struct screen *screen, const char *text) {
    put(screen, text, screen->width);
    end_line(screen);
}

static void draw_numbers(struct screen *screen) {
    const struct top *top = screen->top;
    const struct top_numbers *now = &top->now.numbers;
    const struct top_rates *rates = &top->rates;
    char line[400], texts[6][24], moment[16] = "";
    size_t active = 0;
    time_t clock = time(NULL);
    struct tm local;
    for (size_t i = 0; i < top->now.session_count; i++) {
        active += strcmp(top->now.sessions[i].state, "active") == 0;
    }
    if (localtime_r(&clock, &local) != NULL) {
        strftime(moment, sizeof(moment), "%H:%M:%S", &local);
    }
    top_duration_print(now->uptime_s, texts[0]);
    snprintf(line, sizeof(line),
             "kimberlite %s at %.120s  %s  up %s  %zu sessions, %zu active, %.0f in transaction, %.0f committing",
             now->version, top->source.name, moment, texts[0], top->now.session_count, active, now->in_transaction,
             now->committing);
    style(screen, "\033[1m");
    put_line(screen, line);
    top_duration_print(rates->p50_s, texts[0]);
    top_duration_print(rates->p99_s, texts[1]);
    snprintf(line, sizeof(line),
             "requests %10.1f/s   p50 %s   p99 %s   in flight %.0f   errors %.1f/s   slow %.0f   turned away %.0f",
             rates->requests, texts[0], texts[1], now->in_flight, rates->errors, now->slow, now->turned_away);
    put_line(screen, line);
    top_bytes_print(rates->log_bytes, texts[0]);
    top_duration_print(rates->sync_mean_s, texts[1]);
    top_duration_print(rates->sync_p99_s, texts[2]);
    snprintf(line, sizeof(line), "log      %10s/s   %.1f entries/s   %.1f syncs/s   sync %s, p99 %s   position %.0f",
             texts[0], rates->log_entries, rates->syncs, texts[1], texts[2], now->log_position);
    put_line(screen, line);
    const double sizes[] = {now->resident, now->cache, now->pinned, now->store_size, now->log_size};
    for (unsigned i = 0; i < 5; i++) {
        top_bytes_print(sizes[i], texts[i]);
    }
    snprintf(line, sizeof(line), "memory   %10s     cache %s   pinned %s   store %s   log %s   threads %.0f", texts[0],
             texts[1], texts[2], texts[3], texts[4], now->threads);
    put_line(screen, line);
}

struct column {
    const char *text;
    size_t width;
};

/* Behind two characters that stand already: columns, as many as there is room for, and a text in what is left. */
static void put_row(struct screen *screen, const struct column *columns, size_t count, const char *text) {
    size_t used = 2;
    for (size_t i = 0; i < count && used + columns[i].width + 1 < screen->width; i++) {
        put(screen, columns[i].text, columns[i].width);
        buffer_append_byte(&screen->frame, ' ');
        used += columns[i].width + 1;
    }
    put(screen, text, screen->width - used);
    end_line(screen);
}

static void draw_session(struct screen *screen, const struct top_session *session, bool selected) {
    char texts[4][24] = {"", "", "", ""};
    const bool active = strcmp(session->state, "active") == 0;
    snprintf(texts[0], sizeof(texts[0]), "%7" PRId64, session->process);
    snprintf(texts[1], sizeof(texts[1]), "%6" PRId64, session->tenant);
    top_duration_print(session->age_s, texts[2]);
    if (session->transaction_s >= 0) {
        top_duration_print(session->transaction_s, texts[3]);
    }
    const struct column columns[] = {{texts[0], 7},         {texts[1], 6},        {session->user, 12},
                                     {session->client, 15}, {session->state, 11}, {session->wait, 8},
                                     {texts[2], 10},        {texts[3], 10}};
    style(screen, selected ? "\033[7m" : active ? "\033[1m" : "");
    buffer_append_text(&screen->frame, selected ? "> " : "  ");
    put_row(screen, columns, sizeof(columns) / sizeof(columns[0]), session->query);
}

static void draw_statement(struct screen *screen, const struct top_statement *statement) {
    char texts[7][24];
    snprintf(texts[0], sizeof(texts[0]), "%6" PRId64, statement->tenant);
    snprintf(texts[1], sizeof(texts[1]), "%10.0f", statement->calls);
    snprintf(texts[2], sizeof(texts[2]), "%10.0f", statement->rows);
    top_duration_print(statement->total_ms / 1e3, texts[3]);
    top_duration_print(statement->mean_ms / 1e3, texts[4]);
    top_duration_print(statement->p95_ms / 1e3, texts[5]);
    top_bytes_print(statement->log_bytes, texts[6]);
    const struct column columns[] = {{texts[0], 6},  {statement->user, 12}, {texts[1], 10}, {texts[2], 10},
                                     {texts[3], 12}, {texts[4], 10},        {texts[5], 10}, {texts[6], 10}};
    buffer_append_text(&screen->frame, "  ");
    put_row(screen, columns, sizeof(columns) / sizeof(columns[0]), statement->text);
}

static void draw_statements(struct screen *screen) {
    const struct top_sample *now = &screen->top->now;
    size_t room = screen->height > HEAD_LINES + 1 ? screen->height - HEAD_LINES - 1 : 0;
    for (size_t i = 0; i < room; i++) {
        if (i < now->statement_count) {
            draw_statement(screen, &now->statements[i]);
        } else {
            end_line(screen);
        }
    }
}

static bool is_shown(const struct screen *screen, const struct top_session *session) {
    return !screen->hide_idle || strcmp(session->state, "idle") != 0;
}

static const struct top_session *selected_session(const struct screen *screen) {
    const struct top_sample *now = &screen->top->now;
    const struct top_session *first = NULL;
    for (size_t i = 0; i < now->session_count; i++) {
        if (is_shown(screen, &now->sessions[i])) {
            first = first == NULL ? &now->sessions[i] : first;
            if (now->sessions[i].process == screen->selected) {
                return &now->sessions[i];
            }
        }
    }
    return first;
}

static void draw_sessions(struct screen *screen) {
    const struct top_sample *now = &screen->top->now;
    const struct top_session *selected = selected_session(screen);
    size_t room = screen->height > HEAD_LINES + 1 ? screen->height - HEAD_LINES - 1 : 0;
    size_t place = 0, shown = 0, rank = 0;
    room = room < ROWS_SHOWN_MAX ? room : ROWS_SHOWN_MAX;
    for (size_t i = 0; i < now->session_count && &now->sessions[i] != selected; i++) {
        rank += is_shown(screen, &now->sessions[i]);
    }
    size_t skipped = rank >= room && room > 0 ? rank - room + 1 : 0; /* the selected one stays in sight */
    for (size_t i = 0; i < now->session_count && shown < room; i++) {
        if (is_shown(screen, &now->sessions[i]) && place++ >= skipped) {
            draw_session(screen, &now->sessions[i], &now->sessions[i] == selected);
            shown++;
        }
    }
    for (; shown < room; shown++) {
        end_line(screen);
    }
}

/* What the keys do, on the last line. */
static void draw_keys(struct screen *screen) {
    static const char *const sorts[] = {"age", "process", "tenant", "user", "state"};
    static const char *const orders[] = {"", "total time", "calls", "mean time", "log bytes"};
    const struct top *top = screen->top;
    char line[256];
    double seconds = (double)screen->interval_ms / 1e3;
    if (top->statements != TOP_NO_STATEMENTS) {
        snprintf(line, sizeof(line), "q quit  t sessions  s sort: %s  + - every %.1f s", orders[top->statements],
                 seconds);
    } else {
        snprintf(line, sizeof(line),
                 "q quit  t statements  s sort: %s%s  r reverse  i %s idle  c cancel  + - every %.1f s  arrows choose",
                 sorts[top->sort], top->reverse ? ", reversed" : "", screen->hide_idle ? "show" : "hide", seconds);
    }
    style(screen, "\033[2m");
    put(screen, line, screen->width - 1);
    style(screen, "\033[0m");
    buffer_append_text(&screen->frame, "\033[K\033[J");
}

static void draw(struct screen *screen) {
    struct winsize window = {0};
    bool statements = screen->top->statements != TOP_NO_STATEMENTS;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0;
    screen->width = known ? window.ws_col : 80;
    screen->height = known ? window.ws_row : 24;
    buffer_clear(&screen->frame);
    buffer_append_text(&screen->frame, "\033[H");
    draw_numbers(screen);
    style(screen, "\033[1m");
    put_line(screen, screen->message);
    style(screen, "\033[7m");
    put_line(screen,
             statements
                 ? "  TENANT USER              CALLS       ROWS TOTAL        MEAN       P95        LOG        STATEMENT"
                 : "  PROCESS TENANT USER         CLIENT          STATE       WAIT     AGE        OPEN FOR   QUERY");
    if (statements) {
        draw_statements(screen);
    } else {
        draw_sessions(screen);
    }
    draw_keys(screen);
    if (buffer_ok(&screen->frame)) {
        fwrite(screen->frame.bytes, 1, screen->frame.length, stdout);
        fflush(stdout);
    }
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

static void move_by(struct screen *screen, int step) {
    const struct top_sample *now = &screen->top->now;
    const struct top_session *from = selected_session(screen);
    if (from == NULL) {
        return;
    }
    for (ptrdiff_t i = from - now->sessions + step; i >= 0 && i < (ptrdiff_t)now->session_count; i += step) {
        if (is_shown(screen, &now->sessions[i])) {
            from = &now->sessions[i];
            break;
        }
    }
    screen->selected = from->process;
}

static void cancel_selected(struct screen *screen) {
    const struct top_session *session = selected_session(screen);
    struct kmb_error error = {0};
    bool done = false;
    if (session == NULL || session->process != screen->selected) {
        snprintf(screen->message, sizeof(screen->message), "The session is gone.");
    } else if (top_cancel(&screen->top->source, session, &done, &error) != KMB_OK) {
        snprintf(screen->message, sizeof(screen->message), "%.190s", error.message);
    } else {
        snprintf(screen->message, sizeof(screen->message),
                 done ? "Cancelled: process %" PRId64 "." : "Process %" PRId64 " is gone.", screen->selected);
    }
}

static void ask_cancel(struct screen *screen) {
    const struct top_session *session = selected_session(screen);
    screen->asking = session != NULL && strcmp(session->state, "active") == 0;
    if (screen->asking) {
        screen->selected = session->process;
        snprintf(screen->message, sizeof(screen->message), "Cancel the statement of process %" PRId64 "? y/n",
                 screen->selected);
    } else {
        snprintf(screen->message, sizeof(screen->message), "Nothing runs there.");
    }
}

/* true: look again now. */
static bool take_key(struct screen *screen, char key) {
    if (screen->asking) {
        screen->asking = false;
        screen->message[0] = 0;
        if (key == 'y' || key == 'Y') {
            cancel_selected(screen);
        }
        return true;
    }
    screen->message[0] = 0;
    if (key == 't') {
        screen->top->statements = screen->top->statements == TOP_NO_STATEMENTS ? TOP_BY_TOTAL : TOP_NO_STATEMENTS;
        return true;
    }
    if (screen->top->statements != TOP_NO_STATEMENTS && strchr("sricjk", key) != NULL && key != 0) {
        if (key == 's') {
            int next = (int)screen->top->statements + 1;
            screen->top->statements = next == TOP_STATEMENTS ? TOP_BY_TOTAL : (enum top_statements)next;
        }
        return key == 's';
    }
    switch (key) {
    case 'q':
        screen->quit = true;
        break;
    case 's':
        screen->top->sort = (enum top_sort)((screen->top->sort + 1) % TOP_SORTS);
        break;
    case 'r':
        screen->top->reverse = !screen->top->reverse;
        break;
    case 'i':
        screen->hide_idle = !screen->hide_idle;
        break;
    case 'c':
        ask_cancel(screen);
        break;
    case 'k':
        move_by(screen, -1);
        break;
    case 'j':
        move_by(screen, 1);
        break;
    case '+':
        screen->interval_ms = screen->interval_ms * 2 < INTERVAL_MAX_MS ? screen->interval_ms * 2 : INTERVAL_MAX_MS;
        break;
    case '-':
        screen->interval_ms = screen->interval_ms / 2 > INTERVAL_MIN_MS ? screen->interval_ms / 2 : INTERVAL_MIN_MS;
        break;
    case ' ':
        return true;
    default:
        break;
    }
    top_order(screen->top);
    return false;
}

/* Keys that are there; arrows are j and k. true: look again now. */
static bool take_keys(struct screen *screen) {
    char keys[64];
    bool look = false;
    ssize_t count = read(STDIN_FILENO, keys, sizeof(keys));
    if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) {
        screen->quit = true;
    }
    for (ssize_t i = 0; i < count; i++) {
        if (keys[i] == '\033' && i + 2 < count && (keys[i + 1] == '[' || keys[i + 1] == 'O')) {
            look = take_key(screen, keys[i + 2] == 'A' ? 'k' : keys[i + 2] == 'B' ? 'j' : 0) || look;
            i += 2;
        } else {
            look = take_key(screen, keys[i]) || look;
        }
    }
    return look;
}

/* Draws and takes keys until the next look is due. */
static void wait_for_next(struct screen *screen) {
    int64_t due = cli_now_ns() + screen->interval_ms * 1000000;
    while (!screen->quit && !ended) {
        struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
        draw(screen);
        int64_t left = due - cli_now_ns();
        if (left <= 0) {
            return;
        }
        int count = poll(&ready, 1, (int)(left / 1000000) + 1);
        resized = 0;
        if (count > 0 && take_keys(screen)) {
            return;
        }
    }
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static bool enter(void) {
    struct sigaction end = {.sa_handler = on_end};
    struct sigaction resize = {.sa_handler = on_resize};
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return false;
    }
    struct termios raw = before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGHUP, &end, NULL);
    sigaction(SIGWINCH, &resize, NULL);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) {
        return false;
    }
    fputs("\033[?1049h\033[?25l", stdout); /* the second screen, no cursor */
    return true;
}

static void leave(void) {
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

int top_screen_run(struct top *top, int64_t interval_ms) {
    struct screen screen = {.top = top, .interval_ms = interval_ms, .color = cli_color(top->options, stdout)};
    struct kmb_error error = {0};
    if (top_look(top, &error) != KMB_OK) {
        return cli_fail(&error, NULL, 0, "top");
    }
    if (!enter()) {
        return cli_error(1, "cannot use the terminal: %s", strerror(errno));
    }
    while (!screen.quit && !ended) {
        wait_for_next(&screen);
        error = (struct kmb_error){0};
        if (screen.quit || ended) {
            break;
        }
        if (top_look(top, &error) != KMB_OK) { /* it may come back: what was seen last stays */
            snprintf(screen.message, sizeof(screen.message), "%.190s", error.message);
            screen.asking = false;
            screen.lost = true;
        } else if (screen.lost) {
            screen.message[0] = 0;
            screen.lost = false;
        }
    }
    leave();
    buffer_free(&screen.frame);
    return 0;
}
