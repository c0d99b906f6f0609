/*
 * See backing_up.h. One thread, which mostly sleeps: when the newest backup is old enough it starts a process
 * and waits for it.
 *
 *   <backup.directory>/2026-11-30T18-00-00Z           whole
 *   <backup.directory>/2026-11-30T21-00-00Z.partial   under way, or left by one that was killed: removed
 *
 * Only what has such a name is looked at or removed, and not while somebody makes it, or reads it. Ages are
 * by the wall clock, here and in the names: it is other machines that keep them. One of the future is of a
 * clock that was wrong.
 */
#include "daemon/stores/backing_up.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "daemon/stores/backup.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/store/durable.h"

enum {
    PATH_BYTES = 4096,
    NAME_BYTES = 21, /* with NUL */
    LOOK_EVERY_MS = 1000,
    POLL_EVERY_MS = 50,
    NAMES_MAX = 10000
};
static const char partial[] = ".partial";

struct backing_up {
    struct mtr_daemon *daemon;
    char data[PATH_BYTES], directory[PATH_BYTES], program[PATH_BYTES];
    struct mtr_stage_thread *stage;
    atomic_bool stops;
    atomic_int_least64_t newest_us; /* by the wall clock; or when the daemon started */
    int64_t failed_us;              /* monotonic; 0: the last one was made */
    bool has_looked;                /* for what there is */
};

/* "2026-11-30T18-00-00Z", and what may stand behind it. */
static bool is_name(const char *name, const char *end)
{
    static const char form[] = "dddd-dd-ddTdd-dd-ddZ";
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        const bool is_digit = name[i] >= '0' && name[i] <= '9';
        if (form[i] == 'd' ? !is_digit : name[i] != form[i]) return false;
    }
    return strcmp(name + sizeof(form) - 1, end) == 0;
}

static void make_name(int64_t now_us, char name[NAME_BYTES])
{
    char text[MTR_TIME_TEXT_BYTES];
    mtr_time_format(mtr_time_second(now_us), text);
    snprintf(name, NAME_BYTES, "%.*s", NAME_BYTES - 1, text);
    for (char *at = name; *at; at++)
        if (*at == ':') *at = '-';
}

static bool join(const struct backing_up *backing_up, const char *name, const char *end, char out[PATH_BYTES])
{
    const int size = snprintf(out, PATH_BYTES, "%s/%s%s", backing_up->directory, name, end);
    return size > 0 && size < PATH_BYTES;
}

/* ---- what there is ---- */

struct names {
    char (*items)[NAME_BYTES]; /* of whole backups, ascending */
    size_t count, past;        /* so many are not of the future */
};

/* The i-th oldest. Those of the future were made when the clock was ahead, and before it was set right: they
 * are older than all others. */
static const char *name_at(const struct names *names, size_t i)
{
    return names->items[(names->past + i) % names->count];
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void remove_left(const char *path)
{
    if (!backup_remove(path))
        mtr_logline(MTR_LEVEL_INFO, "backup", "removed %s, which a backup that was killed has left", path);
}

/* None where the directory cannot be read. And removes what is not whole and was left. */
static void list(const struct backing_up *backing_up, struct names *out)
{
    char now[NAME_BYTES];
    *out = (struct names){.count = 0};
    DIR *directory = opendir(backing_up->directory);
    if (!directory) return;
    out->items = calloc(NAMES_MAX, NAME_BYTES);
    for (const struct dirent *entry; out->items && (entry = readdir(directory));) {
        char path[PATH_BYTES];
        if (is_name(entry->d_name, partial) && join(backing_up, entry->d_name, "", path)) remove_left(path);
        if (!is_name(entry->d_name, "") || out->count == NAMES_MAX) continue;
        snprintf(out->items[out->count++], NAME_BYTES, "%.*s", NAME_BYTES - 1, entry->d_name);
    }
    closedir(directory);
    if (out->count) qsort(out->items, out->count, NAME_BYTES, by_name);
    make_name(mtr_clock_wall_us(), now);
    for (out->past = 0; out->past < out->count && strcmp(out->items[out->past], now) <= 0;) out->past++;
}

/* The newest one that has a list; false: there is none. */
static bool find_newest(const struct backing_up *backing_up, const struct names *names, char path[PATH_BYTES],
                        int64_t *made_us)
{
    for (size_t i = names->count; i; i--) {
        struct mtr_backup_facts facts;
        struct mtr_diagnostic diagnostic;
        if (!join(backing_up, name_at(names, i - 1), "", path)) continue;
        if (mtr_backup_list_read(path, &facts, &diagnostic)) continue;
        *made_us = facts.made_us;
        return true;
    }
    return false;
}

static void remove_oldest(const struct backing_up *backing_up, const struct names *names)
{
    const uint64_t keep = backing_up->daemon->config->backup.keep;
    for (size_t i = 0; i + keep < names->count; i++) {
        char path[PATH_BYTES];
        if (!join(backing_up, name_at(names, i), "", path)) continue;
        const int rc = backup_remove(path);
        if (rc)
            mtr_logline(MTR_LEVEL_WARNING, "backup", "%s stays for now, though %" PRIu64 " are kept: %s",
                        path, keep, rc == MTR_EAGAIN ? "somebody reads it" : mtr_error_text(rc));
        else mtr_logline(MTR_LEVEL_INFO, "backup", "removed %s: %" PRIu64 " are kept", path, keep);
    }
}

/* ---- a process ---- */

/* Between fork and exec, beside other threads: nothing that takes a lock. It ends with the daemon. */
static _Noreturn void run_child(const char *program, char *const arguments[], pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) execv(program, arguments);
    _exit(127);
}

/* The exit code; -1: it was ended, or could not be started. */
static int wait_for(struct backing_up *backing_up, pid_t child)
{
    const struct timespec pause = {.tv_nsec = POLL_EVERY_MS * 1000000L};
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (atomic_load(&backing_up->stops)) kill(child, SIGKILL);
        nanosleep(&pause, NULL);
    }
    return ended == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(struct backing_up *backing_up, const char *target, const char *since)
{
    char set[PATH_BYTES + 32];
    char name[] = "meterd", c[] = "-c", none[] = "/dev/null", option[] = "--set", backup[] = "backup",
         verify[] = "--verify", json[] = "--json", from[] = "--since";
    char target_text[PATH_BYTES], since_text[PATH_BYTES];
    snprintf(set, sizeof(set), "data.directory=%s", backing_up->data);
    snprintf(target_text, sizeof(target_text), "%s", target);
    snprintf(since_text, sizeof(since_text), "%s", since ? since : "");
    char *const arguments[] = {name,        c,      none, option,       set,
                               backup,      target_text, verify, json, since ? from : NULL,
                               since_text, NULL};
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) return -1;
    if (child == 0) run_child(backing_up->program, arguments, parent);
    return wait_for(backing_up, child);
}

/* ---- the thread ---- */

static void note(struct backing_up *backing_up, const char *path, int code)
{
    enum { MADE, FAILED };
    if (atomic_load(&backing_up->stops)) return;
    mtr_metric_add_choice(&metric_backups, code ? FAILED : MADE, 1);
    backing_up->failed_us = code ? mtr_clock_monotonic_us() : 0;
    if (code)
        mtr_logline(MTR_LEVEL_ERROR, "backup",
                    "%s was not made (exit code %d): it is tried again in %d minutes", path, code,
                    MTR_BACKUP_AGAIN_MINUTES);
    else mtr_logline(MTR_LEVEL_INFO, "backup", "made and verified %s", path);
}

static void make(struct backing_up *backing_up, struct names *names, const char *newest)
{
    char name[NAME_BYTES], path[PATH_BYTES];
    make_name(mtr_clock_wall_us(), name);
    if (!join(backing_up, name, "", path)) return;
    int code = run(backing_up, path, newest);
    if (code && newest && !atomic_load(&backing_up->stops)) {
        mtr_logline(MTR_LEVEL_WARNING, "backup",
                    "%s was not made with links to %s, which may be damaged: all is copied", path, newest);
        code = run(backing_up, path, NULL);
    }
    note(backing_up, path, code);
    free(names->items);
    list(backing_up, names);
    if (!backing_up->failed_us) remove_oldest(backing_up, names);
}

static bool is_due(const struct backing_up *backing_up, bool has_any, int64_t made_us)
{
    const int64_t age_us = mtr_clock_wall_us() - made_us;
    const int64_t again_us = MTR_BACKUP_AGAIN_MINUTES * 60 * MTR_US_PER_SECOND;
    if (backing_up->failed_us) return mtr_clock_monotonic_us() - backing_up->failed_us >= again_us;
    return !has_any || age_us >= backing_up->daemon->config->backup.every || age_us < 0;
}

static int step(void *context, bool *idle)
{
    struct backing_up *backing_up = context;
    struct names names;
    char newest[PATH_BYTES];
    int64_t made_us = 0;
    *idle = true;
    if (backing_up->has_looked && !is_due(backing_up, true, atomic_load(&backing_up->newest_us)))
        return MTR_OK;
    backing_up->has_looked = true;
    if (mtr_durable_directory(backing_up->directory))
        mtr_logline(MTR_LEVEL_ERROR, "backup", "cannot make %s: %s", backing_up->directory, strerror(errno));
    list(backing_up, &names);
    bool has_any = find_newest(backing_up, &names, newest, &made_us);
    if (is_due(backing_up, has_any, made_us)) {
        make(backing_up, &names, has_any ? newest : NULL);
        has_any = find_newest(backing_up, &names, newest, &made_us);
    }
    if (has_any) atomic_store(&backing_up->newest_us, made_us);
    free(names.items);
    return MTR_OK; /* the daemon goes on without: metrics and the log say so */
}

static void on_end(void *context, int error)
{
    (void)context;
    (void)error;
}

int backing_up_open(struct mtr_daemon *daemon, struct backing_up **out)
{
    static const struct mtr_stage_hooks hooks = {
        .name = "backup", .step = step, .on_end = on_end, .idle_ms = LOOK_EVERY_MS};
    const struct mtr_config *config = daemon->config;
    *out = NULL;
    if (!config->backup.directory.size) return MTR_OK;
    struct backing_up *backing_up = calloc(1, sizeof(*backing_up));
    if (!backing_up) return MTR_ENOMEM;
    backing_up->daemon = daemon;
    atomic_store(&backing_up->newest_us, mtr_clock_wall_us());
    snprintf(backing_up->data, sizeof(backing_up->data), "%.*s", MTR_STR_ARGS(config->data.directory));
    const int size = snprintf(backing_up->directory, sizeof(backing_up->directory), "%.*s",
                              MTR_STR_ARGS(config->backup.directory));
    const ssize_t found = readlink("/proc/self/exe", backing_up->program, sizeof(backing_up->program) - 1);
    int rc = size < PATH_BYTES && found > 0 ? MTR_OK : MTR_EINVALID;
    if (!rc) rc = stage_start(&hooks, backing_up, &backing_up->stage);
    if (rc) backing_up_close(backing_up);
    else *out = backing_up;
    return rc;
}

void backing_up_close(struct backing_up *backing_up)
{
    if (!backing_up) return;
    atomic_store(&backing_up->stops, true);
    if (backing_up->stage) stage_stop(backing_up->stage, false);
    stage_join(backing_up->stage);
    free(backing_up);
}

int64_t backing_up_age_us(const struct backing_up *backing_up)
{
    if (!backing_up) return 0;
    const int64_t age_us = mtr_clock_wall_us() - atomic_load(&backing_up->newest_us);
    return age_us > 0 ? age_us : 0;
}
