/*
 * See leftovers.h. The number in an audit's name is only there to tell names apart, and nobody asks whether
 * its process lives: in another container it is another one's, and numbers come again.
 */
#include "daemon/stores/leftovers.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/store/durable.h"
#include "meterd/store/hold.h"

static const char audit_prefix[] = "rollups.audit-";
enum { NAMES_MAX = 16 };

static bool join(char out[PATH_MAX], const char *directory, const char *name)
{
    const int size = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    return size > 0 && size < PATH_MAX;
}

static bool is_there(const char *path)
{
    struct stat status;
    return !lstat(path, &status);
}

/* False: somebody is at work there, or it cannot be removed. */
static bool remove_directory(const char *path)
{
    int hold;
    if (mtr_hold_begin(path, MTR_HOLD_ALONE, &hold)) return false;
    const int rc = mtr_hold_remove(hold, path);
    mtr_hold_end(hold);
    return !rc;
}

void leftovers_remove_store(const char *directory)
{
    (void)remove_directory(directory);
}

/* In one that was left there is what a killed audit had folded. */
static int take(const char *path, int *hold)
{
    bool was_empty;
    int rc = mtr_hold_make(path, hold);
    if (!rc) rc = mtr_hold_empty(*hold, &was_empty);
    if (!rc) return MTR_OK;
    mtr_hold_end(*hold);
    *hold = -1;
    return rc;
}

int leftovers_begin_audit(const char *data, char *path, size_t size, int *hold)
{
    int rc = MTR_EAGAIN;
    *hold = -1;
    /* Another one may be of the same number, in another container. */
    for (unsigned i = 0; rc == MTR_EAGAIN && i < NAMES_MAX; i++) {
        int length = snprintf(path, size, "%s/%s%d", data, audit_prefix, (int)getpid());
        if (i && length < (int)size) length += snprintf(path + length, size - (size_t)length, "-%u", i);
        rc = length < (int)size ? take(path, hold) : MTR_EINVALID;
    }
    if (rc) *path = '\0'; /* it is not ours */
    return rc;
}

void leftovers_end_audit(const char *path, int hold)
{
    if (hold < 0) return;
    const int rc = mtr_hold_remove(hold, path);
    (void)rc; /* what stays goes with the next audit */
    mtr_hold_end(hold);
}

void leftovers_say(const char *path)
{
    fprintf(stderr, "meterd: removed %s, which a process that was killed has left\n", path);
}

static void remove_name(const char *data, const char *name, bool is_directory,
                        void (*on_removed)(const char *path))
{
    char path[PATH_MAX];
    if (!join(path, data, name)) return;
    const bool is_removed = is_directory ? remove_directory(path) : !unlink(path);
    if (is_removed && on_removed) on_removed(path);
}

void leftovers_remove(const char *data, bool has_data, void (*on_removed)(const char *path))
{
    static const char *const directories[] = {"rollups.rebuild", "catalog.repairing"},
                             *const files[] = {"event.key.new", "life.new", "clock.new"};
    char path[PATH_MAX];
    DIR *directory = opendir(data);
    for (const struct dirent *entry; directory && (entry = readdir(directory));)
        if (strncmp(entry->d_name, audit_prefix, sizeof(audit_prefix) - 1) == 0)
            remove_name(data, entry->d_name, true, on_removed);
    if (directory) closedir(directory);
    if (!has_data) return;
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
        remove_name(data, directories[i], true, on_removed);
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
        remove_name(data, files[i], false, on_removed);
    if (join(path, data, "rollups") && is_there(path)) remove_name(data, "rollups.old", true, on_removed);
}

int leftovers_put_back(const char *data, bool *was_put_back)
{
    char live[PATH_MAX], old[PATH_MAX];
    *was_put_back = false;
    if (!join(live, data, "rollups") || !join(old, data, "rollups.old")) return MTR_EINVALID;
    if (is_there(live) || !is_there(old)) return MTR_OK;
    const int rc = mtr_durable_rename(old, live);
    *was_put_back = !rc;
    return rc;
}
