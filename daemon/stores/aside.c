/*
 * See aside.h. A name is taken by making it: nobody else can have made it before.
 */
#include "daemon/stores/aside.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "meterd/store/durable.h"

enum { NAMES_MAX = 100000 };

/* With the first name that can be made. */
static int take(const char *path, int (*make)(const char *path, const char *name), char out[PATH_MAX])
{
    const int64_t now_s = (int64_t)time(NULL);
    for (int i = 0; i < NAMES_MAX; i++) {
        const int size = snprintf(out, PATH_MAX, "%s.damaged-%" PRId64, path, now_s + i);
        if (size <= 0 || size >= PATH_MAX) return MTR_EINVALID;
        if (!make(path, out)) return mtr_durable_sync_parent(out);
        if (errno != EEXIST) return mtr_error_from_errno(errno);
    }
    return MTR_EEXISTS;
}

static int make_directory(const char *path, const char *name)
{
    (void)path;
    return mkdir(name, 0700);
}

int aside_make(const char *path, char out[PATH_MAX])
{
    return take(path, make_directory, out);
}

int aside_move(const char *path, char out[PATH_MAX])
{
    const int rc = aside_make(path, out);
    return rc ? rc : mtr_durable_rename(path, out); /* over that one, which is empty */
}

int aside_keep(const char *path, char out[PATH_MAX])
{
    return take(path, link, out);
}
