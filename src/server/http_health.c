/*
 * Whether the server is alive, and whether it is to be sent work. Alive is whoever answers. Ready is more: its log
 * lives, its clock is believed, there is room on the disk and a file can be made there, and it is not on its way out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/assert.h"
#include "engine/shard.h"
#include "server/http_internal.h"
#include "types/json_tree.h"

enum health { HEALTH_OK, HEALTH_DEGRADED, HEALTH_BAD };

static const char *const words[] = {"ok", "degraded", "unhealthy"};

struct check {
    enum health health;
    char message[400]; /* "": nothing to say */
};

static void say(struct check *check, enum health health, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(struct check *check, enum health health, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(check->message, sizeof(check->message), format, arguments);
    va_end(arguments);
    check->health = health;
}

static void check_disk(struct server *server, struct check *check) {
    unsigned long long wanted = server->settings->http.disk_free_percent;
    struct statvfs disk;
    if (statvfs(shard_path(server->shard), &disk) != 0) {
        say(check, HEALTH_BAD, "cannot ask for the disk's room: %s", strerror(errno));
        return;
    }
    if (disk.f_blocks > 0 && wanted > 0 && (unsigned long long)disk.f_bavail * 100 < wanted * disk.f_blocks) {
        say(check, HEALTH_BAD, "%llu percent free, less than %llu",
            (unsigned long long)disk.f_bavail * 100 / disk.f_blocks, wanted);
    }
}

/* A file can be made beside the data. */
static void check_data_dir(struct server *server, struct check *check) {
    char path[4200];
    int length = snprintf(path, sizeof(path), "%s/.health_check", shard_path(server->shard));
    ASSERT(length > 0 && (size_t)length < sizeof(path));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, "ok\n", 3) != 3) {
        say(check, HEALTH_BAD, "cannot write to the data directory: %s", strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
        (void)unlink(path); /* another probe may have done so */
    }
}

static void check_memory(struct server *server, struct check *check) {
    pthread_mutex_lock(&server->lock);
    unsigned long long count = server->connection_count - server->refused_count;
    pthread_mutex_unlock(&server->lock);
    unsigned long long most = server->settings->limits.connections;
    if (count * 10 > most * 9) {
        say(check, HEALTH_DEGRADED, "%llu connections of at most %llu", count, most);
    }
}

static void check_log(struct server *server, struct check *check) {
    struct kmb_error error = {0};
    if (shard_health(server->shard, &error) != KMB_OK) {
        say(check, HEALTH_BAD, "%s", error.message);
    }
}

static void check_clock(struct server *server, struct check *check) {
    if (shard_recovery_of(server->shard)->clock_refused) {
        say(check, HEALTH_BAD, "the clock is not believed: writes are refused");
    }
}

static void check_server(struct server *server, struct check *check) {
    if (atomic_load(&server->draining)) {
        say(check, HEALTH_BAD, "the server is stopping");
    }
}

static const struct {
    const char *name;
    void (*run)(struct server *server, struct check *check);
} checks[] = {
    {"disk", check_disk}, {"memory", check_memory}, {"data_dir", check_data_dir},
    {"log", check_log},   {"clock", check_clock},   {"server", check_server},
};

static void write_head(struct server *server, const char *status, struct buffer *out) {
    int64_t up_us = shard_now_us(server->shard) - server->face.started_us;
    buffer_printf(out, "{\"status\":\"%s\",\"version\":\"%s\",\"uptime_seconds\":%lld", status, kmb_version(),
                  (long long)(up_us / 1000000));
}

void http_write_health(struct server *server, struct buffer *out) {
    write_head(server, words[HEALTH_OK], out);
    buffer_append_text(out, "}\n");
}

bool http_write_ready(struct server *server, struct buffer *out) {
    struct buffer details = {0};
    enum health worst = HEALTH_OK;
    for (size_t i = 0; i < ARRAY_LENGTH(checks); i++) {
        struct check check = {.health = HEALTH_OK};
        int64_t begun = server_now_ns(server);
        checks[i].run(server, &check);
        worst = check.health > worst ? check.health : worst;
        buffer_printf(&details, "%s\"%s\":{\"status\":\"%s\",", i == 0 ? "" : ",", checks[i].name, words[check.health]);
        if (check.message[0] != 0) {
            buffer_append_text(&details, "\"message\":");
            json_print_string(slice_text(check.message), &details);
            buffer_append_byte(&details, ',');
        }
        buffer_printf(&details, "\"duration_ms\":%.3f}", (double)(server_now_ns(server) - begun) / 1e6);
    }
    write_head(server, words[worst], out);
    buffer_append_text(out, ",\"checks\":{");
    buffer_append_slice(out, buffer_slice(&details));
    buffer_append_text(out, "}}\n");
    buffer_free(&details);
    return worst != HEALTH_BAD;
}
