/*
 * See certifying.h. `mutex` holds what was ordered and what is being made; all else is the thread's.
 */
#include "daemon/certifying.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/certificate.h"
#include "meterd/catalog/store.h"
#include "meterd/core/document.h"
#include "meterd/core/limits.h"
#include "meterd/core/logline.h"
#include "meterd/net/crypto.h"
#include "meterd/store/durable.h"

enum { PATH_BYTES = 4600, PATIENCE_S = 60, LOOK_EVERY_MS = 60000 };
#define WEEK_US (INT64_C(7) * MTR_US_PER_DAY)

struct certifying {
    struct mtr_daemon *daemon;
    uint8_t event_key[MTR_EVENT_KEY_BYTES];
    char directory[PATH_BYTES / 2];
    struct mtr_stage_thread *stage;
    atomic_bool stops;
    pthread_mutex_t mutex;
    char ordered[MTR_KEY_BYTES_MAX + 1], making[MTR_KEY_BYTES_MAX + 1]; /* empty: none */
    struct certificate certificate;                                     /* the thread's; large */
};

/* ---- files ---- */

static bool write_path(const struct certifying *certifying, struct mtr_str key, char path[PATH_BYTES])
{
    const bool is_name = key.size && key.data[0] != '.' && !memchr(key.data, '/', key.size);
    const int size = snprintf(path, PATH_BYTES, "%s/%.*s.json", certifying->directory, MTR_STR_ARGS(key));
    return is_name && size < PATH_BYTES;
}

static int keep(const struct certifying *certifying, struct mtr_str key, struct mtr_str text)
{
    char path[PATH_BYTES];
    if (!write_path(certifying, key, path)) return MTR_EINVALID;
    const int rc = mtr_durable_directory(certifying->directory);
    return rc ? rc : mtr_durable_replace(path, text);
}

static int load_file(const char *path, struct mtr_buffer *out)
{
    char piece[4096];
    size_t size;
    int rc = MTR_OK;
    FILE *file = fopen(path, "re");
    if (!file) return mtr_error_from_errno(errno);
    while (!rc && (size = fread(piece, 1, sizeof(piece), file)) > 0)
        rc = mtr_buffer_append(out, piece, size);
    if (!rc && ferror(file)) rc = MTR_EIO;
    fclose(file);
    return rc;
}

/* ---- the document ---- */

static int on_document(void *context, const struct mtr_catalog_document *document)
{
    char *hex = context;
    uint8_t digest[MTR_SHA256_BYTES];
    int rc = mtr_digest_of(MTR_SHA256, document->json, digest);
    for (int i = 0; !rc && i < MTR_SHA256_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return rc;
}

static int hash_document(const struct certifying *certifying, struct mtr_str key,
                         char hex[2 * MTR_SHA256_BYTES + 1])
{
    hex[0] = '\0';
    return mtr_catalog_store_get(certifying->daemon->catalog_store, MTR_KIND_SOURCE, key, 0, on_document,
                                 hex);
}

/* ---- making ---- */

/* A file is as old as its certificate, by the clock that is asked whether a week is over: a network's file
 * system has another one. */
static int date_file(const struct certifying *certifying, struct mtr_str key, int64_t made_us)
{
    char path[PATH_BYTES];
    const struct timespec made = {.tv_sec = made_us / MTR_US_PER_SECOND}, both[2] = {made, made};
    if (!write_path(certifying, key, path)) return MTR_EINVALID;
    return utimensat(AT_FDCWD, path, both, 0) ? mtr_error_from_errno(errno) : MTR_OK;
}

static int write_certificate(struct certifying *certifying, struct mtr_str key)
{
    char document[2 * MTR_SHA256_BYTES + 1];
    struct mtr_json_writer json;
    struct mtr_buffer text;
    int rc = hash_document(certifying, key, document);
    if (rc) return rc;
    mtr_buffer_init(&text, API_CERTIFICATE_BYTES_MAX);
    mtr_json_begin(&json, &text);
    certificate_write(&certifying->certificate, document, &json);
    rc = mtr_json_finish(&json);
    if (!rc) rc = keep(certifying, key, mtr_buffer_str(&text));
    mtr_buffer_release(&text);
    return rc ? rc : date_file(certifying, key, certifying->certificate.made_us);
}

static void tell(const struct certifying *certifying, const struct mtr_source *source, int rc,
                 const char *fault)
{
    const enum certificate_result result = certificate_result_of(&certifying->certificate);
    if (rc)
        mtr_logline(MTR_LEVEL_WARNING, "certifier", "source=%.*s no certificate: %s",
                    MTR_STR_ARGS(source->key), fault[0] ? fault : mtr_error_text(rc));
    else
        mtr_logline(result == CERTIFICATE_FAILED ? MTR_LEVEL_WARNING : MTR_LEVEL_INFO, "certifier",
                    "source=%.*s certificate: %s, after %u requests", MTR_STR_ARGS(source->key),
                    certificate_result_name(result), (unsigned)certifying->certificate.requests);
}

static void make_of(struct certifying *certifying, const struct mtr_catalog *catalog,
                    const struct mtr_source *source)
{
    static const struct trying_hooks no_hooks;
    struct mtr_diagnostic diagnostic = {0};
    struct certificate_options options = {.trying = {.config = atomic_load(&certifying->daemon->config),
                                                     .source = source,
                                                     .catalog = catalog,
                                                     .hooks = &no_hooks,
                                                     .patience_us = PATIENCE_S * MTR_US_PER_SECOND,
                                                     .stops = &certifying->stops},
                                          .ledger = certifying->daemon->ledger,
                                          .log = certifying->daemon->log,
                                          .event_key = certifying->event_key};
    int rc = mtr_trial_each(source, catalog, 0, &options.each, &options.subscription);
    if (rc) snprintf(diagnostic.text, sizeof(diagnostic.text), "for_each has nothing to ask for");
    if (!rc) rc = certificate_make(&options, &certifying->certificate, &diagnostic);
    if (atomic_load(&certifying->stops)) return; /* what it saw last is not the vendor's doing */
    if (!rc) rc = write_certificate(certifying, source->key);
    tell(certifying, source, rc, diagnostic.text);
}

static void make(struct certifying *certifying, const char *key)
{
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(certifying->daemon->catalog_store);
    const struct mtr_source *source = mtr_catalog_find_source(catalog, mtr_str_from(key));
    if (source && !source->disabled) make_of(certifying, catalog, source);
    mtr_catalog_release(catalog);
}

/* ---- what is to be made ---- */

static bool is_week_old(const struct certifying *certifying, const struct mtr_source *source, int64_t now_us)
{
    char path[PATH_BYTES];
    struct stat status;
    if (source->disabled || source->by_hand || mtr_trial_burns_tokens(source)) return false;
    if (!write_path(certifying, source->key, path) || stat(path, &status)) return false;
    return (int64_t)status.st_mtime * MTR_US_PER_SECOND + WEEK_US <= now_us;
}

/* Those that were made once. */
static void find_old(struct certifying *certifying, int64_t now_us, char key[MTR_KEY_BYTES_MAX + 1])
{
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(certifying->daemon->catalog_store);
    key[0] = '\0';
    for (uint32_t i = 1; !key[0] && i <= mtr_catalog_count(catalog, MTR_KIND_SOURCE); i++) {
        const struct mtr_source *source = mtr_catalog_source(catalog, i);
        if (source && is_week_old(certifying, source, now_us))
            snprintf(key, MTR_KEY_BYTES_MAX + 1, "%.*s", MTR_STR_ARGS(source->key));
    }
    mtr_catalog_release(catalog);
}

static int step(void *context, bool *idle)
{
    struct certifying *certifying = context;
    const int64_t now_us = clock_now_us(certifying->daemon);
    char old[MTR_KEY_BYTES_MAX + 1];
    *idle = true;
    if (atomic_load(&certifying->stops)) return MTR_OK;
    find_old(certifying, now_us, old);
    pthread_mutex_lock(&certifying->mutex);
    memcpy(certifying->making, certifying->ordered[0] ? certifying->ordered : old, sizeof(old));
    certifying->ordered[0] = '\0';
    pthread_mutex_unlock(&certifying->mutex);
    if (!certifying->making[0]) return MTR_OK;
    make(certifying, certifying->making);
    pthread_mutex_lock(&certifying->mutex);
    certifying->making[0] = '\0';
    *idle = !certifying->ordered[0];
    pthread_mutex_unlock(&certifying->mutex);
    return MTR_OK;
}

/* ---- opening ---- */

static void on_end(void *context, int error)
{
    (void)context;
    MTR_ASSERT(!error); /* a step has no error that is not told */
}

int certifying_open(struct mtr_daemon *daemon, const char *directory,
                    const uint8_t event_key[MTR_EVENT_KEY_BYTES], struct certifying **out)
{
    static const struct mtr_stage_hooks hooks = {
        .name = "certifier", .step = step, .on_end = on_end, .idle_ms = LOOK_EVERY_MS};
    struct certifying *certifying = calloc(1, sizeof(*certifying));
    if (!certifying) return MTR_ENOMEM;
    certifying->daemon = daemon;
    memcpy(certifying->event_key, event_key, MTR_EVENT_KEY_BYTES);
    pthread_mutex_init(&certifying->mutex, NULL);
    const int size =
        snprintf(certifying->directory, sizeof(certifying->directory), "%s/certificates", directory);
    int rc = size < (int)sizeof(certifying->directory) ? MTR_OK : MTR_ELIMIT;
    if (!rc) rc = stage_start(&hooks, certifying, &certifying->stage);
    if (rc)
        certifying_close(certifying);
    else
        *out = certifying;
    return rc;
}

void certifying_close(struct certifying *certifying)
{
    if (!certifying) return;
    atomic_store(&certifying->stops, true);
    if (certifying->stage) stage_stop(certifying->stage, false);
    stage_join(certifying->stage);
    pthread_mutex_destroy(&certifying->mutex);
    free(certifying);
}

/* ---- what is asked of it ---- */

int certifying_order(struct certifying *certifying, const struct mtr_source *source, const char **fault)
{
    char path[PATH_BYTES];
    *fault = source->unreadable.size ? "its document cannot be read any more: `meterd source show` says why"
                                     : "it is disabled";
    if (source->disabled) return MTR_EINVALID;
    *fault = "nobody is asked for it: files are its answers (`by_hand`)";
    if (source->by_hand) return MTR_EINVALID;
    *fault = "its refresh tokens are for one use each, and the poller has the newest";
    if (mtr_trial_burns_tokens(source)) return MTR_EINVALID;
    *fault = "its key is no name of a file";
    if (!write_path(certifying, source->key, path)) return MTR_EINVALID;
    pthread_mutex_lock(&certifying->mutex);
    const bool is_busy = certifying->ordered[0] || certifying->making[0];
    if (!is_busy)
        snprintf(certifying->ordered, sizeof(certifying->ordered), "%.*s", MTR_STR_ARGS(source->key));
    pthread_mutex_unlock(&certifying->mutex);
    *fault = "another certificate is being made: one at a time";
    if (is_busy) return MTR_EAGAIN;
    stage_poke(certifying->stage);
    return MTR_OK;
}

int certifying_load(struct certifying *certifying, const struct mtr_source *source, struct mtr_buffer *out,
                    bool *is_making, bool *is_current)
{
    char path[PATH_BYTES], document[2 * MTR_SHA256_BYTES + 1];
    const size_t before = out->size;
    pthread_mutex_lock(&certifying->mutex);
    *is_making = mtr_str_equal(mtr_str_from(certifying->making), source->key) ||
                 mtr_str_equal(mtr_str_from(certifying->ordered), source->key);
    pthread_mutex_unlock(&certifying->mutex);
    *is_current = false;
    if (!write_path(certifying, source->key, path)) return MTR_ENOTFOUND;
    int rc = load_file(path, out);
    if (!rc) rc = hash_document(certifying, source->key, document);
    if (!rc)
        *is_current = memmem(out->data + before, out->size - before, document, 2 * MTR_SHA256_BYTES) != NULL;
    return rc;
}

static const char *result_in(struct mtr_str json)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic broken;
    const char *result = NULL;
    if (mtr_document_parse_answer(json, &document, &broken)) return NULL;
    const struct mtr_str text = mtr_node_text(mtr_document_root(document), "result");
    for (unsigned i = 0; i <= CERTIFICATE_FAILED; i++) {
        const char *name = certificate_result_name((enum certificate_result)i);
        if (mtr_str_equal(text, mtr_str_from(name))) result = name;
    }
    mtr_document_close(document);
    return result;
}

const char *certifying_result(struct certifying *certifying, const struct mtr_source *source,
                              bool *is_current)
{
    struct mtr_buffer text;
    bool is_making;
    mtr_buffer_init(&text, API_CERTIFICATE_BYTES_MAX);
    int rc = certifying_load(certifying, source, &text, &is_making, is_current);
    const char *result = rc ? NULL : result_in(mtr_buffer_str(&text));
    mtr_buffer_release(&text);
    return result;
}
