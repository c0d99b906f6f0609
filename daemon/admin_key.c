/*
 * Secrets of the data directory: the operator's first API key and the key of event identities.
 *
 * Files are made once, with mode 0600, and are durable before anything relies on them. The key of identities
 * is there as a whole or not at all: half of it would be damage. An API key's file is made anew as long as
 * the catalog does not know the key. Another secret goes into admin.key.new first, then its hash into the
 * catalog, then the file gets its name: who was killed between has left a file whose secret the catalog
 * knows, or does not, and the next one sees which.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/security/security_log.h"
#include "daemon/stores/data_hold.h"
#include "meterd/core/logline.h"
#include "meterd/net/crypto.h"
#include "meterd/store/durable.h"
#include "meterd/store/hold.h"

enum { PATH_BYTES = 4096 };

static void to_hex(const uint8_t *bytes, size_t size, char *text)
{
    for (size_t i = 0; i < size; i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

int secret_make(char secret[MTR_SECRET_TEXT_BYTES], char sha256[MTR_SHA256_TEXT_BYTES])
{
    uint8_t bytes[32], digest[MTR_SHA256_BYTES];
    int rc = mtr_random_bytes(bytes, sizeof(bytes));
    if (rc) return rc;
    memcpy(secret, "mtr_", 4);
    to_hex(bytes, sizeof(bytes), secret + 4);
    explicit_bzero(bytes, sizeof(bytes));
    rc = mtr_digest_of(MTR_SHA256, mtr_str_from(secret), digest);
    if (!rc) to_hex(digest, sizeof(digest), sha256);
    return rc;
}

static int write_new(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return mtr_error_from_errno(errno);
    int rc = MTR_OK;
    if (write(fd, data, size) != (ssize_t)size || fsync(fd)) rc = mtr_error_from_errno(errno ? errno : EIO);
    if (close(fd) && !rc) rc = mtr_error_from_errno(errno);
    if (rc) unlink(path);
    return rc ? rc : mtr_durable_sync_parent(path);
}

int secret_write(const char *path, const char *secret)
{
    char line[MTR_SECRET_TEXT_BYTES + 1];
    int size = snprintf(line, sizeof(line), "%s\n", secret);
    int rc = write_new(path, line, (size_t)size);
    explicit_bzero(line, sizeof(line));
    return rc;
}

/* Who may put files of his own in their place. Our own group, where each user has one, is nobody else. */
static bool others_write(const struct stat *status)
{
    return (status->st_mode & S_IWOTH) || ((status->st_mode & S_IWGRP) && status->st_gid != getegid());
}

int data_directory_ensure(const char *directory, struct mtr_diagnostic *diagnostic)
{
    struct stat status;
    int rc = mtr_durable_directory(directory);
    if (!rc) rc = mtr_durable_sync(directory); /* the last process may have been killed before it did so */
    if (!rc && stat(directory, &status)) rc = mtr_error_from_errno(errno);
    if (!rc && others_write(&status)) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, "data.directory",
                           "cannot keep data in %s: others may write there (mode %04o), so what is in it "
                           "could be anybody's: chmod 700 %s",
                           directory, (unsigned)status.st_mode & 07777, directory);
        return MTR_EDENIED;
    }
    if (!rc) return MTR_OK;
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, "data.directory",
                       "cannot keep data in %s: %s", directory, strerror(errno));
    return rc;
}

int event_key_ensure(const char *data_directory, uint8_t key[MTR_EVENT_KEY_BYTES],
                     struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES], log_path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/event.key", data_directory);
    snprintf(log_path, sizeof(log_path), "%s/log", data_directory);
    /* What is not the file itself, as a link or a pipe, is somebody's who should not decide of identities. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        ssize_t size = read(fd, key, MTR_EVENT_KEY_BYTES);
        close(fd);
        if (size == MTR_EVENT_KEY_BYTES) return MTR_OK;
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                           "%s is damaged: it must hold %d bytes; restore it from a backup", path,
                           MTR_EVENT_KEY_BYTES);
        return MTR_ECORRUPT;
    }
    /* A log without its key: identities of new events would not match the stored ones, so duplicates would
     * pass. */
    if (errno != ENOENT) {
        const int rc = mtr_error_from_errno(errno);
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL, "cannot read %s: %s", path,
                           errno == ELOOP ? "it is a link, which is not followed: put the file itself there"
                                          : strerror(errno));
        return rc;
    }
    if (access(log_path, F_OK) == 0) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_MISSING, 0, 0, NULL,
                           "%s is missing, but there is a log: restore it from a backup", path);
        return MTR_ECORRUPT;
    }
    int rc = mtr_random_bytes(key, MTR_EVENT_KEY_BYTES);
    if (!rc) rc = mtr_durable_replace(path, (struct mtr_str){(const char *)key, MTR_EVENT_KEY_BYTES});
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL, "cannot write %s: %s", path,
                           mtr_error_text(rc));
    return rc;
}

static int apply_admin_document(struct mtr_catalog_store *store, const char *sha256, int64_t now_us,
                                struct mtr_diagnostic *diagnostic)
{
    char text[256];
    enum mtr_catalog_kind kind = MTR_KIND_API_KEY;
    struct mtr_catalog_change change;
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 4);
    snprintf(text, sizeof(text),
             "{\"key\": \"admin\", \"sha256\": \"%s\", \"scopes\": [\"query\", \"billing\", \"admin\"]}",
             sha256);
    const struct mtr_catalog_edit edit = {.text = mtr_str_from(text),
                                          .kind = &kind,
                                          .key = MTR_STR("admin"),
                                          .who = MTR_STR("meterd"),
                                          .now_us = now_us};
    int rc = mtr_catalog_store_apply(store, &edit, &change, &findings);
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL,
                           "cannot store the operator's API key: %s",
                           findings.count ? findings.items[0].text : mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
    return rc;
}

/* Files of a data directory are its owner's, also where root has made them for him. */
static int give_to_owner(const char *path, const char *data_directory)
{
    struct stat owner;
    if (geteuid() != 0) return MTR_OK;
    if (stat(data_directory, &owner) || chown(path, owner.st_uid, owner.st_gid))
        return mtr_error_from_errno(errno);
    return MTR_OK;
}

/* Is it the secret of the key `admin`? */
static bool is_known(struct mtr_catalog_store *store, const char *path, int64_t now_us)
{
    char line[MTR_SECRET_TEXT_BYTES] = "";
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return false;
    const ssize_t size = read(fd, line, MTR_SECRET_TEXT_BYTES - 1);
    close(fd);
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(store);
    const struct mtr_api_key *key =
        size > 0 ? mtr_catalog_find_secret(catalog, (struct mtr_str){line, (size_t)size}, now_us) : NULL;
    const bool is_admins = key && mtr_str_equal(key->key, MTR_STR("admin"));
    mtr_catalog_release(catalog);
    explicit_bzero(line, sizeof(line));
    return is_admins;
}

/* What was begun and broke off. */
static int finish_renewal(struct mtr_catalog_store *store, const char *path, const char *fresh,
                          int64_t now_us)
{
    if (access(fresh, F_OK)) return MTR_OK;
    if (is_known(store, fresh, now_us)) return mtr_durable_rename(fresh, path);
    return unlink(fresh) ? mtr_error_from_errno(errno) : MTR_OK;
}

static int renew(struct mtr_catalog_store *store, const char *data_directory, int64_t now_us,
                 struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES], fresh[PATH_BYTES], secret[MTR_SECRET_TEXT_BYTES], sha256[MTR_SHA256_TEXT_BYTES];
    snprintf(path, sizeof(path), "%s/admin.key", data_directory);
    snprintf(fresh, sizeof(fresh), "%s/admin.key.new", data_directory);
    int rc = finish_renewal(store, path, fresh, now_us);
    if (!rc) rc = secret_make(secret, sha256);
    if (!rc) rc = secret_write(fresh, secret);
    explicit_bzero(secret, sizeof(secret));
    if (!rc) rc = give_to_owner(fresh, data_directory);
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL, "cannot write %s: %s", fresh,
                           mtr_error_text(rc));
        return rc;
    }
    rc = apply_admin_document(store, sha256, now_us, diagnostic);
    if (rc) {
        unlink(fresh);
        return rc;
    }
    rc = mtr_durable_rename(fresh, path);
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL,
                           "the new secret is in %s, which cannot be renamed: %s", fresh, mtr_error_text(rc));
    return rc;
}

static void tell_security(const char *data_directory, uint64_t bytes_max, int64_t now_us)
{
    struct api_security_event event = {
        .kind = API_SECURITY_ADMIN_KEY_MADE, .time_us = now_us, .key = "admin"};
    snprintf(event.detail, sizeof(event.detail), "anew, without a daemon, by uid %u", (unsigned)getuid());
    const int rc = security_log_append(data_directory, bytes_max, &event);
    if (rc)
        mtr_logline(MTR_LEVEL_WARNING, "security", "%s/security lacks a line that admin.key is new: %s",
                    data_directory, mtr_error_text(rc));
}

int admin_key_renew(const char *data_directory, uint64_t security_bytes_max, int64_t now_us,
                    struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES];
    struct mtr_catalog_store *store = NULL;
    int hold = -1;
    int rc = data_hold_begin(data_directory, &hold, diagnostic);
    if (rc) return rc;
    snprintf(path, sizeof(path), "%s/catalog/data.mdb", data_directory);
    if (access(path, F_OK)) {
        rc = MTR_ENOTFOUND;
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_MISSING, 0, 0, NULL,
                           "there is no catalog in %s: the first start makes it, and admin.key",
                           data_directory);
    }
    snprintf(path, sizeof(path), "%s/catalog", data_directory);
    if (!rc) rc = mtr_catalog_store_open(path, false, &store, diagnostic);
    if (!rc) rc = renew(store, data_directory, now_us, diagnostic);
    if (!rc) tell_security(data_directory, security_bytes_max, now_us);
    mtr_catalog_store_close(store);
    mtr_hold_end(hold);
    return rc;
}

/* It was so before meterd refused it, or its end has come. */
static void tell_nobody_administers(const struct mtr_catalog *catalog, int64_t now_us)
{
    if (!mtr_catalog_has_admin(catalog, now_us))
        mtr_logline(MTR_LEVEL_WARNING, "daemon",
                    "no API key may change the catalog: all of scope admin are disabled, retired or a "
                    "vendor's; stop meterd, and make admin.key anew: meterd key --renew-admin");
}

int admin_key_ensure(struct mtr_catalog_store *store, const char *data_directory, int64_t now_us,
                     bool *is_made, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES], fresh[PATH_BYTES], secret[MTR_SECRET_TEXT_BYTES], sha256[MTR_SHA256_TEXT_BYTES];
    snprintf(path, sizeof(path), "%s/admin.key", data_directory);
    snprintf(fresh, sizeof(fresh), "%s/admin.key.new", data_directory);
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(store);
    bool known = mtr_catalog_count(catalog, MTR_KIND_API_KEY) > 0;
    if (known) tell_nobody_administers(catalog, now_us);
    mtr_catalog_release(catalog);
    *is_made = false;
    int rc = finish_renewal(store, path, fresh, now_us);
    if (!rc && known) return MTR_OK;
    /* File first: a file without its document is replaced at the next start; a document without a file
     * would lock the operator out. */
    if (!rc) {
        unlink(path);
        rc = secret_make(secret, sha256);
    }
    if (!rc) rc = secret_write(path, secret);
    explicit_bzero(secret, sizeof(secret));
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL, "cannot write %s: %s", path,
                           mtr_error_text(rc));
        return rc;
    }
    rc = apply_admin_document(store, sha256, now_us, diagnostic);
    *is_made = !rc;
    return rc;
}
