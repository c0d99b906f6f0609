/*
 * The list of environments that this process writes to, in the order in which they were opened.
 */
#include "lib/store/written.h"

#include <pthread.h>
#include <stdlib.h>

#include "meterd/store/readers.h"

struct written {
    MDB_env *env;
    const struct sealed_store *store;
    uint64_t number; /* rising */
    bool is_taken;
    struct written *next;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given = PTHREAD_COND_INITIALIZER;
static struct written *first;
static uint64_t last_number;

static struct written **link_of(MDB_env *env)
{
    struct written **link = &first;
    while (*link && (*link)->env != env)
        link = &(*link)->next;
    return link;
}

int written_add(MDB_env *env, const struct sealed_store *store)
{
    struct written *written = malloc(sizeof(*written));
    if (!written) return MTR_ENOMEM;
    pthread_mutex_lock(&mutex);
    *written = (struct written){.env = env, .store = store, .number = ++last_number};
    struct written **link = &first;
    while (*link)
        link = &(*link)->next;
    *link = written;
    pthread_mutex_unlock(&mutex);
    return MTR_OK;
}

void written_drop(MDB_env *env)
{
    pthread_mutex_lock(&mutex);
    while (*link_of(env) && (*link_of(env))->is_taken)
        pthread_cond_wait(&given, &mutex);
    struct written **link = link_of(env), *written = *link;
    if (written) *link = written->next;
    pthread_mutex_unlock(&mutex);
    free(written);
}

MDB_env *written_take(uint64_t *number, const struct sealed_store **store)
{
    MDB_env *env = NULL;
    pthread_mutex_lock(&mutex);
    for (struct written *written = first; written && !env; written = written->next) {
        if (written->number <= *number || !written->store || written->is_taken) continue;
        written->is_taken = true;
        env = written->env;
        *store = written->store;
        *number = written->number;
    }
    pthread_mutex_unlock(&mutex);
    return env;
}

void written_give(MDB_env *env)
{
    pthread_mutex_lock(&mutex);
    struct written *written = *link_of(env);
    MTR_ASSERT(written && written->is_taken);
    written->is_taken = false;
    pthread_cond_broadcast(&given);
    pthread_mutex_unlock(&mutex);
}

unsigned mtr_store_end_dead_readers(void)
{
    unsigned count = 0;
    pthread_mutex_lock(&mutex);
    for (const struct written *written = first; written; written = written->next) {
        int dead = 0;
        if (!mdb_reader_check(written->env, &dead)) count += (unsigned)dead;
    }
    pthread_mutex_unlock(&mutex);
    return count;
}
