/*
 * inotify(7) on the directory. An editor writes a file in several steps, so what has changed is looked at when it has
 * been still for a moment. What an applied file came to say later is told, and not applied: migrations that have run
 * stay as they were.
 */
#include "cli/watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cli/migration.h"

#define STILL_MS 300

struct watch {
    pthread_t thread;
    const struct cli_options *options;
    const char *directory;
    kmb_db *db;
    int changes; /* inotify */
    int end;     /* eventfd: readable when it is over */
};

/* Waits for a change, and until nothing more comes. false: it is over. */
static bool wait_for_change(const struct watch *watch) {
    struct pollfd ready[2] = {{.fd = watch->end, .events = POLLIN}, {.fd = watch->changes, .events = POLLIN}};
    bool changed = false;
    for (;;) {
        char events[4096];
        int count = poll(ready, 2, changed ? STILL_MS : -1);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 || ready[0].revents != 0) {
            return false;
        }
        if (count == 0) {
            return true;
        }
        if (read(watch->changes, events, sizeof(events)) <= 0) {
            return false;
        }
        changed = true;
    }
}

static void *run(void *context) {
    const struct watch *watch = context;
    while (wait_for_change(watch)) {
        (void)migration_apply(watch->options, watch->directory, watch->db); /* which tells what is wrong */
    }
    return NULL;
}

int watch_start(const struct cli_options *options, const char *directory, kmb_db *db, struct watch **watch) {
    struct watch *made = calloc(1, sizeof(*made));
    *watch = NULL;
    if (made == NULL) {
        return cli_error(1, "out of memory");
    }
    *made = (struct watch){.options = options, .directory = directory, .db = db};
    made->changes = inotify_init1(IN_CLOEXEC);
    made->end = eventfd(0, EFD_CLOEXEC);
    int failed = made->changes < 0 || made->end < 0 ||
                         inotify_add_watch(made->changes, directory, IN_CLOSE_WRITE | IN_MOVED_TO) < 0
                     ? errno
                     : pthread_create(&made->thread, NULL, run, made);
    if (failed == 0) {
        *watch = made;
        return 0;
    }
    close(made->changes);
    close(made->end);
    free(made);
    return cli_error(1, "cannot watch %s: %s", directory, strerror(failed));
}

void watch_stop(struct watch *watch) {
    const uint64_t one = 1;
    if (watch == NULL) {
        return;
    }
    if (write(watch->end, &one, sizeof(one)) == sizeof(one)) {
        pthread_join(watch->thread, NULL);
    }
    close(watch->changes);
    close(watch->end);
    free(watch);
}
