/*
 * A copy of a trail that somebody writes: the head before the lines, so that these are never behind it. A
 * file that goes meanwhile, for lack of room, is left out: a line of a later file says so.
 */
#include "lib/store/trail/trail_files.h"

#include <errno.h>
#include <sys/stat.h>

#include "meterd/store/backup.h"

static int copy_file(const char *from, const char *to, uint32_t number, struct mtr_diagnostic *diagnostic)
{
    char source[PATH_MAX], target[PATH_MAX];
    struct stat status;
    int rc = trail_path(from, number, source);
    if (!rc) rc = trail_path(to, number, target);
    if (rc) return mtr_backup_fail(rc, "cannot copy", from, diagnostic);
    rc = mtr_backup_file(source, target, diagnostic);
    return rc == MTR_ENOTFOUND && stat(source, &status) && errno == ENOENT ? MTR_OK : rc;
}

int mtr_trail_copy(const char *from, const char *to, struct mtr_diagnostic *diagnostic)
{
    struct trail_files files;
    struct mtr_trail_head head;
    int rc = trail_read_head(from, &head);
    const bool has_head = !rc;
    if (rc == MTR_ENOTFOUND || rc == MTR_ECORRUPT) rc = MTR_OK;
    if (!rc) rc = trail_list(from, &files);
    if (!rc && mkdir(to, 0700)) rc = mtr_error_from_errno(errno);
    if (rc) return mtr_backup_fail(rc, "cannot copy", from, diagnostic);
    for (uint32_t i = 0; !rc && i < files.count; i++)
        rc = copy_file(from, to, files.numbers[i], diagnostic);
    if (rc || !has_head) return rc;
    rc = trail_write_head(to, &head);
    return rc ? mtr_backup_fail(rc, "cannot copy the head of", from, diagnostic) : MTR_OK;
}
