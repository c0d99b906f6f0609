/*
 * Open files of the process. Connections share the limit with segments and stores: so it is raised as far as
 * the system lets us, and strangers never get the last of it.
 *
 *   listen.connections_max                         one each
 *   MTR_LOG_SEGMENTS_OPEN_MAX, three each          segments of the log, closed again when others are used
 *   OTHER_FILES                                    stores, deliveries, readings of sources, admin listener
 *
 * Where it does not suffice all the same, who needs a file says so and tries again.
 */
#include <stdatomic.h>
#include <sys/resource.h>

#include "daemon/daemon.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/store/log.h"

enum { OTHER_FILES = 1024 };
enum { KEPT_FILES = MTR_LOG_SEGMENTS_OPEN_MAX * MTR_LOG_SEGMENT_FILES + OTHER_FILES };
#define TELL_EVERY_US (60 * MTR_US_PER_SECOND)

void file_limit_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= limit.rlim_max) return;
    const struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised))
        mtr_logline(MTR_LEVEL_WARNING, "daemon", "the limit of open files stays at %llu",
                    (unsigned long long)limit.rlim_cur);
}

uint32_t file_limit_wanted(uint32_t connections_max)
{
    return connections_max + KEPT_FILES;
}

uint32_t file_limit_connections(uint32_t connections_max)
{
    struct rlimit limit;
    const rlim_t wanted = file_limit_wanted(connections_max);
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted) return connections_max;
    const rlim_t kept = limit.rlim_cur / 2 < KEPT_FILES ? limit.rlim_cur / 2 : KEPT_FILES;
    const rlim_t left = limit.rlim_cur - kept;
    const uint32_t connections = left < connections_max ? (uint32_t)left : connections_max;
    if (connections < connections_max)
        mtr_logline(MTR_LEVEL_WARNING, "daemon",
                    "%llu files may be open: at most %u connections instead of %u; raise LimitNOFILE to %llu",
                    (unsigned long long)limit.rlim_cur, connections, connections_max,
                    (unsigned long long)wanted);
    return connections;
}

void file_limit_met(struct mtr_daemon *daemon, const char *stage)
{
    struct rlimit limit = {.rlim_cur = 0};
    const int64_t now_us = mtr_clock_monotonic_us();
    mtr_log_give_files(daemon->log);
    int64_t told_us = atomic_load(&daemon->files_told_us);
    if ((told_us && now_us - told_us < TELL_EVERY_US) ||
        !atomic_compare_exchange_strong(&daemon->files_told_us, &told_us, now_us))
        return;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    mtr_logline(MTR_LEVEL_ERROR, stage,
                "too many open files: raise LimitNOFILE (ulimit -n), now %llu, or fs.file-max; nothing is "
                "lost, and it is tried again",
                (unsigned long long)limit.rlim_cur);
}
