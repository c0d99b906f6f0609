/*
 * Where damage was met first. One record for the process: the stores of a daemon are read by all of its
 * threads.
 */
#include "meterd/store/damage.h"

#include <pthread.h>
#include <stdio.h>

#include "lib/store/damage_note.h"

enum { KEY_BYTES_TOLD = 40 }; /* the longest of numbers and hashes; dimensions are cut */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct mtr_damage met;

void damage_sentence(char text[MTR_DAMAGE_TEXT_BYTES], const struct sealed_store *store, const char *table,
                     struct mtr_str key, const char *what)
{
    char hex[2 * KEY_BYTES_TOLD + 1];
    const size_t told = key.size < KEY_BYTES_TOLD ? key.size : KEY_BYTES_TOLD;
    for (size_t i = 0; i < told; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned)(unsigned char)key.data[i]);
    hex[2 * told] = '\0';
    snprintf(text, MTR_DAMAGE_TEXT_BYTES, "the %s are damaged: row %s%s of the table %s %s: %s", store->name,
             hex, told < key.size ? "…" : "", table, what, store->remedy);
}

void mtr_store_note_damage(const char *text)
{
    pthread_mutex_lock(&mutex);
    if (!met.count++) snprintf(met.text, sizeof(met.text), "%s", text);
    pthread_mutex_unlock(&mutex);
}

void damage_note(const struct sealed_store *store, const char *table, struct mtr_str key, const char *what)
{
    pthread_mutex_lock(&mutex);
    if (!met.count++) damage_sentence(met.text, store, table, key, what);
    pthread_mutex_unlock(&mutex);
}

void mtr_store_damage(struct mtr_damage *out)
{
    pthread_mutex_lock(&mutex);
    *out = met;
    pthread_mutex_unlock(&mutex);
}
