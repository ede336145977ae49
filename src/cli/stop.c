/*
 * kimberlite stop: tells the server of a data directory to end, and waits until it has let go of it. Who that is, the
 * directory says itself: the holder of its lock writes its process number there (base/io.h). The lock is only looked
 * at, never taken, so that a server which starts at this moment is not turned away.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/project.h"

#define WAIT_MAX_NS  INT64_C(120000000000) /* beyond the longest drain that makes sense */
#define WAIT_STEP_NS 20000000

/* Whether somebody holds the lock of a file; who, as the note in it says. */
static bool is_held(int file, long *process, char command[128]) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char note[256] = "";
    if (fcntl(file, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) {
        return false;
    }
    ssize_t length = pread(file, note, sizeof(note) - 1, 0);
    note[length < 0 ? 0 : length] = 0;
    command[0] = 0;
    if (sscanf(note, "pid %ld, %127[^\n]", process, command) != 2) {
        *process = 0;
    }
    return true;
}

static int wait_for_end(int file, long process) {
    const struct timespec step = {.tv_nsec = WAIT_STEP_NS};
    int64_t begun = cli_now_ns();
    char command[128];
    long holder = process;
    while (is_held(file, &holder, command) && holder == process) {
        if (cli_now_ns() - begun > WAIT_MAX_NS) {
            return cli_error(1, "process %ld was told to stop, and still runs", process);
        }
        nanosleep(&step, NULL);
    }
    return 0;
}

static int stop_holder(const struct cli_options *options, const char *data, int file) {
    static const char *const names[] = {"data", "stopped", "process"};
    char number[24] = "0";
    char command[128];
    long process = 0;
    struct output output;
    bool held = is_held(file, &process, command);
    if (held && process <= 0) {
        return cli_error(1, "%s is in use, and its holder left no note of its process", data);
    }
    if (held && strcmp(command, "kimberlite start") != 0 && strcmp(command, "kimberlite dev") != 0 && !options->force) {
        return cli_error(1, "%s is held by %s, process %ld, which is no server; --force stops it all the same", data,
                         command, process);
    }
    if (held && kill((pid_t)process, SIGTERM) != 0) {
        return cli_error(errno == EPERM ? 5 : 1, "cannot stop process %ld: %s", process, strerror(errno));
    }
    int code = held ? wait_for_end(file, process) : 0;
    if (code != 0) {
        return code;
    }
    snprintf(number, sizeof(number), "%ld", process);
    cli_note(options, held ? "stopped process %s" : "no server has it", number);
    if (options->format_given) {
        const char *facts[] = {data, held ? "true" : "false", number};
        output_init(&output, options, CLI_TABLE);
        output_facts(&output, names, facts, "tnn");
    }
    return 0;
}

int cli_stop(const struct cli_options *options) {
    struct cli_options found = *options;
    struct cli_place place = {0};
    char path[CLI_PATH_MAX];
    if (options->argument_count > 0) {
        if (options->data != NULL) {
            return cli_error(2, "the database directory is given twice: \"%s\" and --data", options->arguments[0]);
        }
        found.data = options->arguments[0];
    }
    int code = cli_find(&found, &place);
    if (code != 0) {
        return code;
    }
    if (!project_join(path, place.data, "LOCK")) {
        return project_too_long(place.data);
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return cli_error(errno == ENOENT ? 6 : 1, "no database in %s: cannot read %s: %s", place.data, path,
                         strerror(errno));
    }
    code = stop_holder(options, place.data, file);
    close(file);
    return code;
}
