/*
 * See source_waiting.h.
 */
#include "daemon/cli/source/source_waiting.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cli/client.h"
#include "daemon/cli/rows.h"
#include "daemon/cli/source/interrupt.h"
#include "meterd/core/cond.h"
#include "meterd/core/diagnostic.h"

enum { LOOK_EVERY_MS = 250, PATH_BYTES = 8 << 10 };

struct giving {
    struct source_waiting *waiting;
    bool has_ended; /* under the mutex */
    pthread_mutex_t mutex;
    pthread_cond_t ended;
};

static void *give(void *context)
{
    struct giving *giving = context;
    giving->waiting->give(giving->waiting->context);
    pthread_mutex_lock(&giving->mutex);
    giving->has_ended = true;
    pthread_cond_signal(&giving->ended);
    pthread_mutex_unlock(&giving->mutex);
    return NULL;
}

static bool ends_soon(struct giving *giving)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const long nsec = until.tv_nsec + LOOK_EVERY_MS * 1000000L;
    until.tv_sec += nsec / 1000000000;
    until.tv_nsec = nsec % 1000000000;
    int rc = 0;
    pthread_mutex_lock(&giving->mutex);
    while (!giving->has_ended && !rc) rc = pthread_cond_timedwait(&giving->ended, &giving->mutex, &until);
    const bool has_ended = giving->has_ended;
    pthread_mutex_unlock(&giving->mutex);
    return has_ended;
}

/* Its member is true. Where nobody answers, the other thread says so. */
static bool ask(const struct source_waiting *waiting, const char *method, const char *query,
                const char *member)
{
    struct mtr_buffer path;
    struct mtr_client_answer answer;
    struct mtr_diagnostic diagnostic;
    struct mtr_document *document = NULL;
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_printf(&path, "/v1/sources/");
    if (!rc) rc = client_escape(&path, mtr_str_from(waiting->source));
    if (!rc) rc = mtr_buffer_printf(&path, "/reads%s", query);
    if (!rc) rc = mtr_buffer_append_char(&path, '\0');
    if (!rc) rc = client_call(waiting->client, method, path.data, NULL, (struct mtr_str){NULL, 0}, &answer);
    if (!rc && answer.status == 200) rc = mtr_document_parse_answer(answer.body, &document, &diagnostic);
    const bool is_true = document && rows_is_true(mtr_document_root(document), member);
    mtr_document_close(document);
    mtr_buffer_release(&path);
    return is_true;
}

static void watch(struct giving *giving)
{
    struct source_waiting *waiting = giving->waiting;
    const atomic_bool *stops = interrupt_watch();
    const char *begin = isatty(STDERR_FILENO) == 1 ? "\r\x1b[K" : ""; /* of a line that shows progress */
    bool has_told = false;
    while (!ends_soon(giving)) {
        if (atomic_load(stops) && !waiting->is_unwanted) {
            waiting->is_unwanted = true;
            interrupt_forget();
            fprintf(stderr, "%s%s: %s is called off, unless it is being read already\n", begin, waiting->who,
                    waiting->what);
        }
        if (waiting->is_unwanted && !waiting->is_called_off) {
            waiting->is_called_off = ask(waiting, "DELETE", "?file=true", "file");
        } else if (!has_told && ask(waiting, "GET", "", "file_waits")) {
            has_told = true;
            fprintf(stderr, "%s%s: waits until the reading of %s that is under way has ended\n", begin,
                    waiting->who, waiting->source);
        }
    }
    waiting->is_unwanted = waiting->is_unwanted || atomic_load(stops);
}

void source_wait(struct source_waiting *waiting)
{
    struct giving giving = {.waiting = waiting};
    pthread_t thread;
    pthread_mutex_init(&giving.mutex, NULL);
    mtr_cond_init(&giving.ended);
    if (!pthread_create(&thread, NULL, give, &giving)) {
        watch(&giving);
        pthread_join(thread, NULL);
    } else {
        (void)give(&giving);
    }
    pthread_cond_destroy(&giving.ended);
    pthread_mutex_destroy(&giving.mutex);
}
