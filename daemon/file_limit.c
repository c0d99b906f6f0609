/*
 * Open files of the process. Connections share the limit with the log's segments, and a segment that cannot
 * be opened ends the daemon: so the limit is raised as far as the system lets us, and strangers never get the
 * last of it.
 */
#include <sys/resource.h>

#include "daemon/daemon.h"
#include "meterd/core/logline.h"

enum { KEPT_FILES = 2048 }; /* for segments (two files each), stores, deliveries and the admin listener */

uint32_t file_limit_connections(uint32_t connections_max)
{
    struct rlimit limit;
    const rlim_t wanted = (rlim_t)connections_max + KEPT_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted) return connections_max;
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit)) limit.rlim_cur = before;
    if (limit.rlim_cur >= wanted) return connections_max;
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
