/*
 * The set of segments. Whoever holds the mutex neither reads nor writes blocks, nor syncs; opening an
 * environment for reading and closing one is the longest that happens under it, a tenth of a millisecond.
 */
#include "lib/store/log/log_set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/log/log_segment.h"

enum { OPEN_MIN = 4, SHARE_OF_FILES = 4 };

/* Where the process may open few files there are others that need them. */
static uint32_t find_open_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return OPEN_MIN;
    const rlim_t most = limit.rlim_cur / (SHARE_OF_FILES * MTR_LOG_SEGMENT_FILES);
    if (most < OPEN_MIN) return OPEN_MIN;
    return most < MTR_LOG_SEGMENTS_OPEN_MAX ? (uint32_t)most : MTR_LOG_SEGMENTS_OPEN_MAX;
}

int log_set_init(struct mtr_log_set *set, const char *directory)
{
    size_t size = strlen(directory);
    if (size == 0 || size >= sizeof(set->directory)) return MTR_EINVALID;
    *set = (struct mtr_log_set){.open_max = find_open_max()};
    memcpy(set->directory, directory, size + 1);
    if (pthread_mutex_init(&set->mutex, NULL)) return MTR_ENOMEM;
    pthread_cond_init(&set->changed, NULL); /* cannot fail with these attributes */
    return MTR_OK;
}

/* ---- open environments; under the mutex ---- */

static void leave_idle(struct mtr_log_set *set, struct mtr_log_entry *entry)
{
    struct mtr_log_entry **to = entry->before ? &entry->before->after : &set->idle_first,
                         **from = entry->after ? &entry->after->before : &set->idle_last;
    *to = entry->after;
    *from = entry->before;
    entry->before = entry->after = NULL;
}

static void join_idle(struct mtr_log_set *set, struct mtr_log_entry *entry)
{
    entry->before = set->idle_last;
    *(set->idle_last ? &set->idle_last->after : &set->idle_first) = entry;
    set->idle_last = entry;
}

static bool is_idle(const struct mtr_log_entry *entry)
{
    return entry->env && !entry->is_written && !entry->uses;
}

static void close_env(struct mtr_log_set *set, struct mtr_log_entry *entry)
{
    lmdb_close(entry->env);
    entry->env = NULL;
    entry->is_written = false;
    set->open_count--;
}

/* Until at most `open_max` are open, as far as nobody is inside. */
static bool close_idle(struct mtr_log_set *set, uint32_t open_max)
{
    const uint32_t before = set->open_count;
    while (set->idle_first && set->open_count > open_max) {
        struct mtr_log_entry *entry = set->idle_first;
        leave_idle(set, entry);
        close_env(set, entry);
    }
    return set->open_count < before;
}

bool log_set_close_idle(struct mtr_log_set *set)
{
    pthread_mutex_lock(&set->mutex);
    const bool any = close_idle(set, 0);
    pthread_mutex_unlock(&set->mutex);
    return any;
}

/* What is opened for writing is synced: others have the mutex meanwhile, and is_reopened keeps them out of
 * the entry. segment_bytes as segment_open has it: 0 is for reading. */
static int open_segment(struct mtr_log_set *set, struct mtr_log_entry *entry, uint64_t segment_bytes,
                        struct mtr_diagnostic *diagnostic)
{
    const uint32_t number = entry->record.number;
    MDB_env *env = NULL;
    if (segment_bytes) pthread_mutex_unlock(&set->mutex);
    const int rc = segment_open(set->directory, number, segment_bytes, &env, diagnostic);
    if (segment_bytes) pthread_mutex_lock(&set->mutex);
    entry->env = env;
    return rc;
}

/* segment_bytes as above. */
static int open_env(struct mtr_log_set *set, struct mtr_log_entry *entry, uint64_t segment_bytes,
                    struct mtr_diagnostic *diagnostic)
{
    close_idle(set, set->open_max - 1);
    int rc = open_segment(set, entry, segment_bytes, diagnostic);
    if (rc == MTR_EFILES && close_idle(set, 0)) {
        if (diagnostic) *diagnostic = (struct mtr_diagnostic){0};
        rc = open_segment(set, entry, segment_bytes, diagnostic);
    }
    if (rc) return rc;
    entry->is_written = segment_bytes > 0;
    set->open_count++;
    return MTR_OK;
}

int log_set_open_for_writing(struct mtr_log_set *set, struct mtr_log_entry *entry, uint64_t segment_bytes)
{
    int rc = MTR_OK;
    pthread_mutex_lock(&set->mutex);
    entry->is_reopened = !entry->is_written;
    while (entry->is_reopened && entry->uses > 1) pthread_cond_wait(&set->changed, &set->mutex);
    if (entry->is_reopened) {
        if (entry->env) close_env(set, entry);
        rc = open_env(set, entry, segment_bytes, NULL);
    }
    entry->is_reopened = false;
    pthread_cond_broadcast(&set->changed);
    pthread_mutex_unlock(&set->mutex);
    return rc;
}

/* ---- the list ---- */

static void free_entry(struct mtr_log_set *set, struct mtr_log_entry *entry)
{
    MTR_ASSERT(entry->uses == 0);
    if (is_idle(entry)) leave_idle(set, entry);
    if (entry->env) close_env(set, entry);
    free(entry);
}

void log_set_release(struct mtr_log_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) free_entry(set, set->entries[i]);
    free(set->entries);
    pthread_mutex_destroy(&set->mutex);
    pthread_cond_destroy(&set->changed);
    *set = (struct mtr_log_set){0};
}

/* Under the mutex: an entry that is not in the list yet, and room for it there. */
static int make_entry(struct mtr_log_set *set, const struct mtr_segment_record *record, MDB_env *env,
                      struct mtr_log_entry **out)
{
    if (set->count >= MTR_LOG_SEGMENTS_MAX) return MTR_ELIMIT;
    if (set->count == set->count_allocated) {
        uint32_t count = set->count_allocated ? set->count_allocated * 2 : 16;
        struct mtr_log_entry **entries = realloc(set->entries, count * sizeof(*entries));
        if (!entries) return MTR_ENOMEM;
        set->entries = entries;
        set->count_allocated = count;
    }
    struct mtr_log_entry *entry = malloc(sizeof(*entry));
    if (!entry) return MTR_ENOMEM;
    *entry = (struct mtr_log_entry){.record = *record, .env = env, .is_written = env != NULL};
    *out = entry;
    return MTR_OK;
}

int log_set_make_entry(struct mtr_log_set *set, const struct mtr_segment_record *record, MDB_env *env,
                       struct mtr_log_entry **out)
{
    pthread_mutex_lock(&set->mutex);
    int rc = make_entry(set, record, env, out);
    pthread_mutex_unlock(&set->mutex);
    return rc;
}

/* Under the mutex. */
static void put_entry(struct mtr_log_set *set, struct mtr_log_entry *entry)
{
    MTR_ASSERT(set->count < set->count_allocated);
    if (set->count) set->entries[set->count - 1]->record.rolled = true;
    set->entries[set->count++] = entry;
    set->changes++;
    set->open_count += entry->env != NULL;
    close_idle(set, set->open_max);
}

void log_set_put_entry(struct mtr_log_set *set, struct mtr_log_entry *entry)
{
    pthread_mutex_lock(&set->mutex);
    put_entry(set, entry);
    pthread_mutex_unlock(&set->mutex);
}

/* Under the mutex: index of the last segment that starts at or before seq, else 0. */
static uint32_t index_of_seq(const struct mtr_log_set *set, uint64_t seq)
{
    uint32_t low = 0, high = set->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (set->entries[middle]->record.start_seq <= seq)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Under the mutex. */
static int acquire(struct mtr_log_set *set, uint32_t index, struct mtr_log_found *out,
                   struct mtr_diagnostic *diagnostic)
{
    struct mtr_log_entry *entry = set->entries[index];
    if (is_idle(entry)) leave_idle(set, entry);
    if (!entry->env) {
        int rc = open_env(set, entry, 0, diagnostic);
        if (rc) return rc;
    }
    entry->uses++;
    *out = (struct mtr_log_found){
        .entry = entry, .record = entry->record, .last = index + 1 == set->count, .changes = set->changes};
    return MTR_OK;
}

/* Under the mutex: the place of a segment, or one behind the last. */
static uint32_t index_of_number(const struct mtr_log_set *set, uint32_t number)
{
    const uint32_t first = set->count ? set->entries[0]->record.number : 0;
    return number >= first && number - first < set->count ? number - first : set->count;
}

/* Under the mutex: had to wait for an entry, and all may be another now. */
static bool waits(struct mtr_log_set *set, uint32_t index)
{
    if (!set->entries[index]->is_reopened) return false;
    pthread_cond_wait(&set->changed, &set->mutex);
    return true;
}

int log_set_acquire_seq(struct mtr_log_set *set, uint64_t seq, struct mtr_log_found *out,
                        struct mtr_diagnostic *diagnostic)
{
    pthread_mutex_lock(&set->mutex);
    while (set->count && waits(set, index_of_seq(set, seq))) continue;
    int rc = set->count ? acquire(set, index_of_seq(set, seq), out, diagnostic) : MTR_ENOTFOUND;
    pthread_mutex_unlock(&set->mutex);
    return rc;
}

int log_set_acquire_number(struct mtr_log_set *set, uint32_t number, struct mtr_log_found *out,
                           struct mtr_diagnostic *diagnostic)
{
    pthread_mutex_lock(&set->mutex);
    while (index_of_number(set, number) < set->count && waits(set, index_of_number(set, number))) continue;
    const uint32_t index = index_of_number(set, number);
    int rc = index < set->count ? acquire(set, index, out, diagnostic) : MTR_ENOTFOUND;
    pthread_mutex_unlock(&set->mutex);
    return rc;
}

void log_set_release_entry(struct mtr_log_set *set, struct mtr_log_entry *entry)
{
    pthread_mutex_lock(&set->mutex);
    MTR_ASSERT(entry->uses > 0);
    entry->uses--;
    if (entry->record.sealed) entry->is_written = false;
    if (is_idle(entry)) join_idle(set, entry);
    if (entry->is_reopened) pthread_cond_broadcast(&set->changed);
    pthread_mutex_unlock(&set->mutex);
}

int log_set_manifest(struct mtr_log_set *set, struct mtr_manifest *out)
{
    pthread_mutex_lock(&set->mutex);
    struct mtr_segment_record *records = malloc(set->count * sizeof(*records) + 1);
    if (records) {
        for (uint32_t i = 0; i < set->count; i++) records[i] = set->entries[i]->record;
        *out = (struct mtr_manifest){.base = set->base, .records = records, .count = set->count};
    }
    pthread_mutex_unlock(&set->mutex);
    return records ? MTR_OK : MTR_ENOMEM;
}

void log_set_remove_first(struct mtr_log_set *set, uint32_t count)
{
    if (count == 0) return;
    for (uint32_t i = 0; i < count; i++) free_entry(set, set->entries[i]);
    set->count -= count;
    memmove(set->entries, set->entries + count, set->count * sizeof(struct mtr_log_entry *));
    set->changes++;
}

int log_set_refresh(struct mtr_log_set *set, const struct mtr_manifest *manifest)
{
    pthread_mutex_lock(&set->mutex);
    int rc = MTR_OK;
    uint32_t first = manifest->count ? manifest->records[0].number : UINT32_MAX;
    uint32_t gone = 0;
    while (gone < set->count && set->entries[gone]->record.number < first) gone++;
    log_set_remove_first(set, gone);
    set->base = manifest->base;
    for (uint32_t i = 0; i < manifest->count && !rc; i++) {
        struct mtr_log_entry *entry;
        if (i < set->count) {
            set->entries[i]->record = manifest->records[i];
            continue;
        }
        rc = make_entry(set, &manifest->records[i], NULL, &entry);
        if (!rc) put_entry(set, entry);
    }
    pthread_mutex_unlock(&set->mutex);
    return rc;
}
