/*
 * kimberlite doctor: looks at what a database stands on (disk, clock, limits, keys, versions) and says what to do. It
 * reads, and works beside a running server. Reading every byte of the log is the work of verify.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "cli/backup_set.h"
#include "cli/output.h"
#include "cli/project.h"
#include "log/keystore.h"
#include "server/server.h"

#define FINDINGS_MAX      32
#define DESCRIPTORS_SPARE 64 /* files, timers and pipes of a server, beside its connections */
#define DISK_ERROR        2  /* percent */
#define BACKUP_DAYS       7

enum mark { MARK_OK, MARK_WARNING, MARK_ERROR };
static const char *const mark_names[] = {"ok", "warning", "error"};

struct finding {
    const char *about;
    enum mark mark;
    char said[384];
    const char *advice; /* "": none */
};

struct doctor {
    const struct cli_options *options;
    struct cli_place place;
    struct settings settings;
    struct finding findings[FINDINGS_MAX];
    size_t count;
};

static void find(struct doctor *doctor, const char *about, enum mark mark, const char *advice, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void find(struct doctor *doctor, const char *about, enum mark mark, const char *advice, const char *format,
                 ...) {
    va_list arguments;
    if (doctor->count == FINDINGS_MAX) {
        return;
    }
    struct finding *finding = &doctor->findings[doctor->count++];
    *finding = (struct finding){.about = about, .mark = mark, .advice = mark == MARK_OK ? "" : advice};
    va_start(arguments, format);
    vsnprintf(finding->said, sizeof(finding->said), format, arguments);
    va_end(arguments);
}

/* --- the machine -------------------------------------------------------------------------------------------------- */

static void look_at_disk(struct doctor *doctor) {
    struct statvfs disk;
    if (statvfs(doctor->place.data, &disk) != 0 || disk.f_blocks == 0) {
        find(doctor, "disk", MARK_ERROR, "See that the directory is there and may be read.",
             "cannot look at %.200s: %s", doctor->place.data, strerror(errno));
        return;
    }
    double free_gib = (double)disk.f_bavail * (double)disk.f_frsize / (1 << 30);
    unsigned percent = (unsigned)(100 * (uint64_t)disk.f_bavail / (uint64_t)disk.f_blocks);
    uint64_t wanted = doctor->settings.http.disk_free_percent;
    find(doctor, "disk",
         percent < DISK_ERROR ? MARK_ERROR
         : percent < wanted   ? MARK_WARNING
                              : MARK_OK,
         "Make room or move the data: a full disk refuses writes (53100); reads go on.", "%u %% free, %.1f GiB",
         percent, free_gib);
    if (disk.f_files != 0 && disk.f_favail < 1000) {
        find(doctor, "inodes", MARK_ERROR, "Remove files, or make the file system anew with more inodes.",
             "%" PRIu64 " files more fit this file system", (uint64_t)disk.f_favail);
    }
}

static void look_at_clock(struct doctor *doctor) {
    struct timex state = {0};
    int answer = adjtimex(&state);
    bool synchronized = answer >= 0 && answer != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
    time_t now = time(NULL);
    if (now < 1700000000) {
        find(doctor, "clock", MARK_ERROR, "Set the clock: commit times come from it.", "the clock stands at %lld",
             (long long)now);
    } else {
        find(doctor, "clock", synchronized ? MARK_OK : MARK_WARNING,
             "Run chrony or systemd-timesyncd: a clock that jumps refuses writes until --accept-clock.",
             synchronized ? "synchronized" : "the kernel does not know it to be synchronized");
    }
}

static void look_at_limits(struct doctor *doctor) {
    struct rlimit limit;
    uint64_t wanted = doctor->settings.limits.connections + DESCRIPTORS_SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        bool enough = limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted;
        bool can = limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= wanted;
        find(doctor, "descriptors", enough || can ? MARK_OK : MARK_WARNING,
             "Raise LimitNOFILE of the service (ulimit -n), or lower limits.connections.",
             "%" PRIu64 " may be opened, limits.connections wants %" PRIu64, (uint64_t)limit.rlim_max, wanted);
    }
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    uint64_t memory = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    uint64_t asked = doctor->settings.storage.cache_bytes + doctor->settings.storage.statement_bytes;
    find(doctor, "memory", memory != 0 && asked > memory / 4 * 3 ? MARK_WARNING : MARK_OK,
         "Lower storage.cache or storage.statement_memory.",
         "%" PRIu64 " MiB, of which cache and one statement may take %" PRIu64, memory >> 20, asked >> 20);
}

/* --- the database ------------------------------------------------------------------------------------------------- */

static void look_at_directory(struct doctor *doctor) {
    struct stat data;
    if (stat(doctor->place.data, &data) != 0) {
        return; /* told of by the disk */
    }
    bool open = (data.st_mode & (S_IRWXO | S_IWGRP)) != 0;
    bool ours = data.st_uid == geteuid();
    find(doctor, "directory", open || !ours ? MARK_WARNING : MARK_OK,
         open ? "chmod go-rwx the directory." : "Run as the user that owns the data, or chown it.",
         "mode %03o, owned by %s", (unsigned)data.st_mode & 0777, ours ? "this user" : "another user");
}

static void look_at_keys(struct doctor *doctor, const struct kmb_info *info) {
    char path[CLI_PATH_MAX];
    struct stat file;
    if (!info->encrypted) {
        find(doctor, "root key", MARK_WARNING, "Import into a database made with encryption.",
             "none: everything stands in clear on the disk");
        return;
    }
    if (doctor->place.passphrase[0] != 0) {
        find(doctor, "root key", MARK_OK, "", "made of the passphrase");
        return;
    }
    cli_key_path(&doctor->place, path);
    if (stat(path, &file) != 0) {
        find(doctor, "root key", MARK_ERROR, "Bring the copy back: there is no other way to the data.",
             "cannot look at %.200s: %s", path, strerror(errno));
        return;
    }
    bool open = (file.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    find(doctor, "root key", open || info->key_on_same_filesystem ? MARK_WARNING : MARK_OK,
         open ? "chmod 600 the key file." : "Keep it on another disk (storage.key, --key); a stolen disk holds both.",
         "%.200s, mode %03o%s", path, (unsigned)file.st_mode & 0777,
         info->key_on_same_filesystem ? ", on the disk that holds the data" : "");
}

static void look_at_copies(struct doctor *doctor) {
    char path[2][CLI_PATH_MAX];
    bool there[2];
    for (int i = 0; i < 2; i++) {
        there[i] = project_join(path[i], doctor->place.data, i == 0 ? KEYSTORE_FILE : KEYSTORE_COPY) &&
                   access(path[i], R_OK) == 0;
    }
    find(doctor, "key store", there[0] && there[1] ? MARK_OK : MARK_ERROR,
         "Opening the database for writing makes the second copy anew; watch the disk.", "%s",
         there[0] && there[1]   ? "both copies are there"
         : there[0] || there[1] ? "one copy is gone"
                                : "both copies are gone");
}

static void look_at_log(struct doctor *doctor) {
    struct kmb_error error = {0};
    struct kmb_info info = {.size = sizeof(info)};
    kmb_db *db = NULL;
    struct kmb_options open = {
        .size = sizeof(open),
        .flags = KMB_OPEN_READ_ONLY,
        .key_file = doctor->place.key_file[0] == 0 ? NULL : doctor->place.key_file,
        .key_directory = doctor->place.key_directory[0] == 0 ? NULL : doctor->place.key_directory,
        .command = "kimberlite doctor",
        .passphrase = doctor->place.passphrase[0] == 0 ? NULL : doctor->place.passphrase,
    };
    if (kmb_open(doctor->place.data, &open, &db, &error) != KMB_OK || kmb_info(db, &info, &error) != KMB_OK) {
        find(doctor, "database", MARK_ERROR, "docs/operating/recovery.md says what each status asks for.",
             "%.250s (%s)", error.message, kmb_status_name(error.status));
        kmb_close(db, NULL);
        return;
    }
    find(doctor, "database", MARK_OK, "",
         "log %s, op %" PRIu64 ", %" PRIu64 " MiB of log, %" PRIu64 " MiB of store, %u tenants", info.uuid, info.op,
         info.log_bytes >> 20, info.store_bytes >> 20, info.tenants);
    if (info.clock_refused) {
        find(doctor, "log and clock", MARK_ERROR, "Mend the clock, or open with --accept-clock, which is recorded.",
             "the clock stands behind the log: writes are refused");
    }
    if (info.cut_bytes != 0) {
        find(doctor, "log's end", MARK_WARNING, "Nothing: the next writer cuts it; what was acknowledged is there.",
             "%" PRIu64 " bytes of a torn block", info.cut_bytes);
    }
    kmb_close(db, NULL);
    look_at_keys(doctor, &info);
    look_at_copies(doctor);
}

static void look_at_backups(struct doctor *doctor) {
    char directory[CLI_PATH_MAX];
    char path[CLI_PATH_MAX];
    char **names = NULL;
    size_t count = 0;
    struct stat manifest;
    if (doctor->place.project[0] == 0 || !project_join(directory, doctor->place.project, "backups") ||
        access(directory, F_OK) != 0) {
        find(doctor, "backup", MARK_WARNING,
             "kimberlite backup create DIR, on another disk; keep the root key apart from it.",
             "none in the project's backups/");
        return;
    }
    if (backup_names(directory, &names, &count) == 0 && count > 0 && project_join(path, directory, names[count - 1]) &&
        stat(path, &manifest) == 0) {
        long days = (long)((time(NULL) - manifest.st_mtime) / 86400);
        find(doctor, "backup", days > BACKUP_DAYS ? MARK_WARNING : MARK_OK, "kimberlite backup create",
             "%s, %ld days old", names[count - 1], days);
    } else {
        find(doctor, "backup", MARK_WARNING, "kimberlite backup create", "none in %.200s", directory);
    }
    backup_names_free(names, count);
}

static void look_at_settings(struct doctor *doctor) {
    struct kmb_error error = {0};
    bool good = server_check(&doctor->settings, &error) == KMB_OK;
    find(doctor, "settings", good ? MARK_OK : MARK_ERROR,
         error.hint[0] == 0 ? "kimberlite config show" : "Set auth.mode (any), or say --allow-unauthenticated.",
         "%.300s", good ? "each fits the others" : error.message);
}

/* Everything that can be looked at: where the settings can not be read, nothing says where the database is. */
static int look(struct doctor *doctor) {
    const struct cli_options *options = doctor->options;
    struct kmb_error error = {0};
    int code = project_check_directory(options);
    code = code == 0 ? project_find(options, &doctor->place) : code;
    if (code != 0) {
        return code;
    }
    char project[CLI_PATH_MAX];
    snprintf(project, sizeof(project), "%s", doctor->place.project);
    bool good = cli_read_settings(options, project[0] == 0 ? NULL : project, &doctor->settings, &error) == KMB_OK;
    code = good && project[0] != 0 ? project_use(options, project, &doctor->place) : 0;
    if (code != 0) {
        settings_free(&doctor->settings);
        return code;
    }
    if (good) {
        look_at_settings(doctor);
    } else {
        find(doctor, "settings", MARK_ERROR, "Correct it first: where the database is stands there too.", "%.300s",
             error.message);
    }
    find(doctor, "version", MARK_OK, "", "kimberlite %s", kmb_version());
    if (good) {
        look_at_disk(doctor);
        look_at_directory(doctor);
        look_at_log(doctor);
    }
    look_at_clock(doctor);
    if (good) {
        look_at_limits(doctor);
        look_at_backups(doctor);
        settings_free(&doctor->settings);
    }
    return 0;
}

int cli_doctor(const struct cli_options *options) {
    static const char *const names[] = {"check", "result", "found", "advice"};
    struct doctor *doctor = calloc(1, sizeof(*doctor));
    const char *cells[FINDINGS_MAX * 4];
    struct output output;
    size_t errors = 0;
    if (doctor == NULL) {
        return cli_error(1, "out of memory");
    }
    doctor->options = options;
    int code = look(doctor);
    if (code != 0) {
        free(doctor);
        return code;
    }
    for (size_t i = 0; i < doctor->count; i++) {
        const struct finding *finding = &doctor->findings[i];
        cells[i * 4] = finding->about;
        cells[i * 4 + 1] = mark_names[finding->mark];
        cells[i * 4 + 2] = finding->said;
        cells[i * 4 + 3] = finding->advice;
        errors += finding->mark == MARK_ERROR;
    }
    output_init(&output, options, CLI_TABLE);
    output_table(&output, names, cells, "tttt", doctor->count);
    free(doctor);
    return errors == 0 ? 0 : 1;
}
