/*
 * The list as text: a head, a line for each file in the order of their paths, an end.
 *
 *   meterd backup 1 MADE LOG_SEQ CATALOG_VERSION CHARGE_NUMBER
 *   HASH SIZE PATH
 *   end HASH
 *
 * Directories of a backup are at most two deep (log/000001), and few: the list is held in memory as a whole.
 */
#include "meterd/store/backup_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "lib/store/lmdb_env.h"
#include "meterd/core/buffer.h"
#include "meterd/store/durable.h"

enum { HASH_DIGITS = 32, DEPTH_MAX = 3, READ_BYTES = 1 << 20, LIST_BYTES_MAX = 1 << 28 };
#define END "end "

struct listing {
    const char *root, *since; /* since: a backup before, or NULL */
    struct mtr_buffer had;    /* its list */
    struct mtr_buffer text;
    struct mtr_backup_sizes sizes;
    struct mtr_diagnostic *diagnostic;
};

static int fail(const struct listing *listing, int rc, const char *what, const char *path)
{
    const enum mtr_finding_code code =
        rc == MTR_ECORRUPT ? MTR_FINDING_STORE_DAMAGED : MTR_FINDING_STORE_COPY;
    mtr_diagnostic_set(listing->diagnostic, code, 0, 0, NULL, "%s/%s %s", listing->root, path, what);
    return rc;
}

static int join(const char *a, const char *b, char out[PATH_MAX])
{
    const int size = snprintf(out, PATH_MAX, "%s%s%s", a, *a && *b ? "/" : "", b);
    return size >= 0 && size < PATH_MAX ? MTR_OK : MTR_EINVALID;
}

static void hash_text(XXH128_hash_t hash, char out[HASH_DIGITS + 1])
{
    snprintf(out, HASH_DIGITS + 1, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
}

/* From the disk, as far as the kernel can be told so. */
static int hash_file(const char *path, char hash[HASH_DIGITS + 1])
{
    XXH3_state_t *state = XXH3_createState();
    char *bytes = malloc(READ_BYTES);
    ssize_t size = -1;
    int rc = state && bytes ? MTR_OK : MTR_ENOMEM;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (!rc && fd < 0) rc = mtr_error_from_errno(errno);
    if (!rc) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        XXH3_128bits_reset(state);
        while ((size = read(fd, bytes, READ_BYTES)) > 0) XXH3_128bits_update(state, bytes, (size_t)size);
        if (size < 0) rc = mtr_error_from_errno(errno);
        else hash_text(XXH3_128bits_digest(state), hash);
    }
    if (fd >= 0) close(fd);
    free(bytes);
    XXH3_freeState(state);
    return rc;
}

/* The hash of a file that is a link to one of the backup before, by its list. */
static bool find_hash(const struct listing *listing, const char *path, const struct stat *status,
                      char hash[HASH_DIGITS + 1])
{
    char before[PATH_MAX], line[PATH_MAX + 32];
    struct stat had;
    if (!listing->since || status->st_nlink < 2 || join(listing->since, path, before) ||
        stat(before, &had) || had.st_ino != status->st_ino || had.st_dev != status->st_dev)
        return false;
    snprintf(line, sizeof(line), " %" PRIu64 " %s\n", (uint64_t)status->st_size, path);
    const char *at = strstr(listing->had.data, line);
    if (!at || at - listing->had.data < HASH_DIGITS) return false;
    memcpy(hash, at - HASH_DIGITS, HASH_DIGITS);
    hash[HASH_DIGITS] = '\0';
    return true;
}

static int list_file(struct listing *listing, const char *path, const struct stat *status)
{
    char full[PATH_MAX], hash[HASH_DIGITS + 1];
    int rc = join(listing->root, path, full);
    if (!rc && !find_hash(listing, path, status, hash)) rc = hash_file(full, hash);
    if (rc) return fail(listing, rc, mtr_error_text(rc), path);
    listing->sizes.files++;
    listing->sizes.bytes += (uint64_t)status->st_size;
    return mtr_buffer_printf(&listing->text, "%s %" PRIu64 " %s\n", hash, (uint64_t)status->st_size, path);
}

static bool is_listed(const char *name, unsigned depth)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lock.mdb") == 0) return false;
    return depth || strcmp(name, MTR_BACKUP_LIST) != 0;
}

/* By bytes, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int list_directory(struct listing *listing, const char *path, unsigned depth);

static int list_entry(struct listing *listing, const char *path, const char *name, unsigned depth)
{
    char inner[PATH_MAX], full[PATH_MAX];
    struct stat status;
    int rc = join(path, name, inner);
    if (!rc) rc = join(listing->root, inner, full);
    if (!rc && lstat(full, &status)) rc = mtr_error_from_errno(errno);
    if (rc) return rc;
    if (S_ISREG(status.st_mode)) return list_file(listing, inner, &status);
    if (!S_ISDIR(status.st_mode) || depth == DEPTH_MAX)
        return fail(listing, MTR_ECORRUPT, "is nothing that a backup has", inner);
    return list_directory(listing, inner, depth + 1);
}

static int list_directory(struct listing *listing, const char *path, unsigned depth)
{
    char full[PATH_MAX];
    struct dirent **entries = NULL;
    int rc = join(listing->root, path, full);
    const int count = rc ? 0 : scandir(full, &entries, NULL, by_name);
    if (count < 0) rc = mtr_error_from_errno(errno);
    for (int i = 0; i < count; i++) {
        if (!rc && is_listed(entries[i]->d_name, depth))
            rc = list_entry(listing, path, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int list_all(struct listing *listing, const struct mtr_backup_facts *facts)
{
    char hash[HASH_DIGITS + 1];
    int rc = mtr_buffer_printf(&listing->text,
                               "meterd backup 1 %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                               facts->made_us, facts->folded_seq, facts->catalog_version,
                               facts->charge_number);
    if (!rc) rc = list_directory(listing, "", 0);
    if (rc) return rc;
    hash_text(XXH3_128bits(listing->text.data, listing->text.size), hash);
    return mtr_buffer_printf(&listing->text, END "%s\n", hash);
}

/* ---- the file ---- */

static int write_list(const struct listing *listing)
{
    char path[PATH_MAX];
    int rc = join(listing->root, MTR_BACKUP_LIST, path);
    int fd = -1;
    if (!rc) rc = mtr_durable_create(path, &fd);
    for (size_t at = 0; !rc && at < listing->text.size;) {
        const ssize_t size = write(fd, listing->text.data + at, listing->text.size - at);
        if (size < 0) rc = mtr_error_from_errno(errno);
        else at += (size_t)size;
    }
    if (!rc && fsync(fd)) rc = mtr_error_from_errno(errno);
    if (fd >= 0 && close(fd) && !rc) rc = mtr_error_from_errno(errno);
    return rc ? rc : mtr_durable_sync(listing->root);
}

/* As text that ends with NUL. */
static int read_text(const char *directory, struct mtr_buffer *out)
{
    char path[PATH_MAX], bytes[4096];
    ssize_t size = 0;
    int rc = join(directory, MTR_BACKUP_LIST, path);
    const int fd = rc ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (!rc && fd < 0) rc = mtr_error_from_errno(errno);
    while (!rc && (size = read(fd, bytes, sizeof(bytes))) > 0)
        rc = mtr_buffer_append(out, bytes, (size_t)size);
    if (!rc && size < 0) rc = mtr_error_from_errno(errno);
    if (fd >= 0) close(fd);
    return rc ? rc : mtr_buffer_append_char(out, '\0');
}

/* Its head, once its own hash is right. */
static int parse_list(const struct mtr_buffer *text, struct mtr_backup_facts *out)
{
    char hash[HASH_DIGITS + 1], end[sizeof(END) + HASH_DIGITS + 1];
    const size_t end_bytes = sizeof(end) - 1; /* without NUL, as the text's size is with it */
    *out = (struct mtr_backup_facts){0};
    if (text->size <= end_bytes || strlen(text->data) + 1 != text->size) return MTR_ECORRUPT;
    const size_t size = text->size - 1 - end_bytes;
    hash_text(XXH3_128bits(text->data, size), hash);
    snprintf(end, sizeof(end), END "%s\n", hash);
    if (strcmp(text->data + size, end) != 0) return MTR_ECORRUPT;
    const int found =
        sscanf(text->data, "meterd backup 1 %" SCNd64 " %" SCNu64 " %" SCNu64 " %" SCNu64 "\n",
               &out->made_us, &out->folded_seq, &out->catalog_version, &out->charge_number);
    return found == 4 ? MTR_OK : MTR_EVERSION;
}

static int read_list(const char *directory, struct mtr_buffer *text, struct mtr_backup_facts *out,
                     struct mtr_diagnostic *diagnostic)
{
    const struct listing listing = {.root = directory, .diagnostic = diagnostic};
    int rc = read_text(directory, text);
    if (rc == MTR_ENOTFOUND)
        return fail(&listing, rc, "is missing: this is no whole backup", MTR_BACKUP_LIST);
    if (!rc) rc = parse_list(text, out);
    if (rc == MTR_ECORRUPT) return fail(&listing, rc, "is damaged", MTR_BACKUP_LIST);
    return rc ? fail(&listing, rc, mtr_error_text(rc), MTR_BACKUP_LIST) : MTR_OK;
}

int mtr_backup_list_write(const char *directory, const char *since, const struct mtr_backup_facts *facts,
                          struct mtr_diagnostic *diagnostic)
{
    struct listing listing = {.root = directory, .since = since, .diagnostic = diagnostic};
    struct mtr_backup_facts had;
    mtr_buffer_init(&listing.text, LIST_BYTES_MAX);
    mtr_buffer_init(&listing.had, LIST_BYTES_MAX);
    int rc = since ? read_list(since, &listing.had, &had, diagnostic) : MTR_OK;
    if (!rc) rc = list_all(&listing, facts);
    if (!rc) {
        rc = write_list(&listing);
        if (rc) rc = fail(&listing, rc, mtr_error_text(rc), MTR_BACKUP_LIST);
    }
    mtr_buffer_release(&listing.had);
    mtr_buffer_release(&listing.text);
    return rc;
}

int mtr_backup_list_read(const char *directory, struct mtr_backup_facts *out,
                         struct mtr_diagnostic *diagnostic)
{
    struct mtr_buffer text;
    mtr_buffer_init(&text, LIST_BYTES_MAX);
    const int rc = read_list(directory, &text, out, diagnostic);
    mtr_buffer_release(&text);
    return rc;
}

/* The first line that is not the same names the file: its path in the list, or what stands there instead. */
static int compare(const struct listing *listing, const struct mtr_buffer *wanted)
{
    const char *was = wanted->data, *is = listing->text.data;
    size_t was_size, is_size;
    for (;; was += was_size, is += is_size) {
        was_size = strcspn(was, "\n") + 1;
        is_size = strcspn(is, "\n") + 1;
        if (was_size != is_size || strncmp(was, is, was_size) != 0) break;
        if (strncmp(was, END, sizeof(END) - 1) == 0) return MTR_OK;
    }
    char path[PATH_MAX] = "", other[PATH_MAX] = "";
    (void)sscanf(was, "%*s %*s %4095[^\n]", path);
    (void)sscanf(is, "%*s %*s %4095[^\n]", other);
    if (!*path || (*other && strcmp(other, path) < 0))
        return fail(listing, MTR_ECORRUPT, "is not in the backup's list", other);
    const bool is_other = strcmp(path, other) == 0;
    return fail(listing, MTR_ECORRUPT,
                is_other ? "is not what was backed up: its size or hash is another" : "is missing", path);
}

int mtr_backup_list_verify(const char *directory, struct mtr_backup_facts *out,
                           struct mtr_backup_sizes *sizes, struct mtr_diagnostic *diagnostic)
{
    struct listing listing = {.root = directory, .diagnostic = diagnostic};
    struct mtr_buffer wanted;
    mtr_buffer_init(&wanted, LIST_BYTES_MAX);
    mtr_buffer_init(&listing.text, LIST_BYTES_MAX);
    int rc = read_list(directory, &wanted, out, diagnostic);
    if (!rc) rc = list_all(&listing, out);
    if (!rc) rc = mtr_buffer_append_char(&listing.text, '\0');
    if (!rc) rc = compare(&listing, &wanted);
    *sizes = listing.sizes;
    mtr_buffer_release(&listing.text);
    mtr_buffer_release(&wanted);
    return rc;
}
