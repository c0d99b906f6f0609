/*
 * The set of segments. Whoever holds the mutex neither reads nor writes blocks; opening an environment the
 * first time is the longest that happens under it.
 */
#include "lib/store/log/log_set.h"

#include <stdlib.h>
#include <string.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/log/log_segment.h"

int log_set_init(struct mtr_log_set *set, const char *directory)
{
    size_t size = strlen(directory);
    if (size == 0 || size >= sizeof(set->directory)) return MTR_EINVALID;
    *set = (struct mtr_log_set){0};
    memcpy(set->directory, directory, size + 1);
    if (pthread_mutex_init(&set->mutex, NULL)) return MTR_ENOMEM;
    return MTR_OK;
}

static void free_entry(struct mtr_log_entry *entry)
{
    MTR_ASSERT(entry->uses == 0);
    if (entry->env) lmdb_close(entry->env);
    free(entry);
}

void log_set_release(struct mtr_log_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) free_entry(set->entries[i]);
    free(set->entries);
    pthread_mutex_destroy(&set->mutex);
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
    *entry = (struct mtr_log_entry){.record = *record, .env = env};
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
    if (!entry->env) {
        int rc = segment_open(set->directory, entry->record.number, 0, &entry->env, diagnostic);
        if (rc) return rc;
    }
    entry->uses++;
    *out = (struct mtr_log_found){
        .entry = entry, .record = entry->record, .last = index + 1 == set->count, .changes = set->changes};
    return MTR_OK;
}

int log_set_acquire_seq(struct mtr_log_set *set, uint64_t seq, struct mtr_log_found *out,
                        struct mtr_diagnostic *diagnostic)
{
    pthread_mutex_lock(&set->mutex);
    int rc = set->count ? acquire(set, index_of_seq(set, seq), out, diagnostic) : MTR_ENOTFOUND;
    pthread_mutex_unlock(&set->mutex);
    return rc;
}

int log_set_acquire_number(struct mtr_log_set *set, uint32_t number, struct mtr_log_found *out,
                           struct mtr_diagnostic *diagnostic)
{
    pthread_mutex_lock(&set->mutex);
    int rc = MTR_ENOTFOUND;
    uint32_t first = set->count ? set->entries[0]->record.number : 0;
    if (set->count && number >= first && number - first < set->count)
        rc = acquire(set, number - first, out, diagnostic);
    pthread_mutex_unlock(&set->mutex);
    return rc;
}

void log_set_release_entry(struct mtr_log_set *set, struct mtr_log_entry *entry)
{
    pthread_mutex_lock(&set->mutex);
    MTR_ASSERT(entry->uses > 0);
    entry->uses--;
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
    for (uint32_t i = 0; i < count; i++) free_entry(set->entries[i]);
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
