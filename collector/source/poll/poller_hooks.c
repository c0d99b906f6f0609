/*
 * What a reading asks of the world, handed on to the poller's own hooks.
 */
#include <string.h>

#include "collector/source/auth/files.h"
#include "collector/source/call_text.h"
#include "collector/source/poll/poller_state.h"
#include "meterd/core/limits.h"

/* A poll's strand is its handle's way back: found by the list of those that run, which is short. */
static struct poller_strand *strand_of(struct mtr_poller *poller, const struct mtr_poll *poll)
{
    struct poller_strand *strand = poller->running;
    while (strand && strand->poll != poll)
        strand = strand->running_next;
    return strand;
}

static int send(void *context, struct mtr_poll *poll, const struct source_call *call)
{
    struct mtr_poller *poller = context;
    const struct mtr_source *source = poll_task(poll)->source;
    const struct call_rules rules = {.answer_bytes_max = source->answer.bytes_max,
                                     .allow_loopback = poller->options.allow_loopback,
                                     .allow_private = poller->options.allow_private};
    struct call_text text;
    int rc = call_text_make(&text, call, &rules);
    if (!rc) rc = poller->hooks.send(poller->hooks.context, poll, &text.call);
    call_text_release(&text);
    return rc;
}

static void resume(void *context, struct mtr_poll *poll)
{
    struct mtr_poller *poller = context;
    poller->hooks.resume(poller->hooks.context, poll);
}

static void cancel(void *context, struct mtr_poll *poll)
{
    struct mtr_poller *poller = context;
    poller->hooks.cancel(poller->hooks.context, poll);
}

/* In the order of the log. */
void poller_gather_folds(struct mtr_poller *poller, uint64_t seq)
{
    uint32_t count = 0;
    while (count < poller->deferred_count && poller->deferred[count] < seq) {
        poller->fold_seqs[poller->fold_seq_count++] = poller->deferred[count];
        count++;
    }
    poller->deferred_count -= count;
    memmove(poller->deferred, poller->deferred + count, poller->deferred_count * sizeof(poller->deferred[0]));
    poller->fold_seqs[poller->fold_seq_count++] = seq;
}

/* Where it fails, all is folded anew from where the ledger stands: what was deferred, too. */
int poller_start_folds(struct mtr_poller *poller)
{
    poller->fold_seq_count = 0;
    for (uint32_t i = 0; i < poller->folding_count; i++)
        poller_gather_folds(poller, poll_folds_seq(poller->folding[i]));
    int rc = poller->hooks.work(poller->hooks.context, poller->folding[0]);
    poller->is_folding = !rc;
    if (rc) poller->is_caught_up = false; /* the receipts are in the log */
    return rc;
}

/* The ledger is folded by one at a time: the others wait their turn. */
static int work(void *context, struct mtr_poll *poll)
{
    struct mtr_poller *poller = context;
    if (!poll_folds(poll)) return poller->hooks.work(poller->hooks.context, poll);
    if (!poller->is_caught_up && poller->is_stopping) return MTR_ECLOSED;
    if (poller->is_folding || !poller->is_caught_up) {
        MTR_ASSERT(poller->fold_count < sizeof(poller->fold_queue) / sizeof(poller->fold_queue[0]));
        poller->fold_queue[poller->fold_count++] = poll;
        return MTR_OK;
    }
    poller->folding[0] = poll;
    poller->folding_count = 1;
    return poller_start_folds(poller);
}

static bool defer(void *context, uint64_t seq)
{
    struct mtr_poller *poller = context;
    if (!poller->is_caught_up || poller->deferred_count == POLLER_DEFERRED_MAX) return false;
    MTR_ASSERT(!poller->deferred_count || seq > poller->deferred[poller->deferred_count - 1]);
    poller->deferred[poller->deferred_count++] = seq;
    return true;
}

/* Whose windows the reading's one is of. */
struct asking {
    const struct poller_source *source;
    struct mtr_window window; /* both 0: a feed's */
};

static bool is_asked(void *context, struct mtr_str each)
{
    const struct asking *asking = context;
    const struct mtr_window *window = &asking->window;
    const struct poller_strand *other = strand_index_find(&asking->source->index, each);
    return other && (!window->to_us || mtr_plan_asked_from(&other->plan, window->from_us) < window->to_us);
}

static void tell_asked(void *context, struct mtr_poll *poll, struct reading *reading)
{
    const struct poller_strand *strand = strand_of(context, poll);
    MTR_ASSERT(strand);
    struct asking asking = {strand->source, poll_task(poll)->window};
    reading_tell_asked(reading, is_asked, &asking);
}

static int submit(void *context, struct mtr_poll *poll, struct mtr_request *request)
{
    struct mtr_poller *poller = context;
    MTR_ASSERT(strand_of(poller, poll));
    int rc = poller->hooks.submit(poller->hooks.context, request);
    poller->submitted += !rc;
    return rc;
}

static void nonce(void *context, uint8_t out[AUTH_NONCE_BYTES])
{
    struct mtr_poller *poller = context;
    poller->hooks.nonce(poller->hooks.context, out);
}

static void run_apart(void *context, struct mtr_blocking_job *job)
{
    struct mtr_poller *poller = context;
    poller->keeps += auth_file_must_end(job);
    poller->hooks.apart(poller->hooks.context, job);
}

void mtr_poller_on_apart(struct mtr_poller *poller, struct mtr_blocking_job *job, int64_t now_us)
{
    poller->keeps -= auth_file_must_end(job);
    auth_file_ended(job, now_us);
}

struct auth_hooks poller_auth_hooks(struct mtr_poller *poller)
{
    struct auth_hooks hooks = auth_files_hooks(poller->files);
    hooks.run = poller->hooks.apart ? run_apart : NULL;
    hooks.run_context = poller;
    return hooks;
}

void poller_make_hooks(struct mtr_poller *poller)
{
    poller->poll_hooks = (struct poll_hooks){poller, send,  resume, cancel,    work,
                                             submit, nonce, defer,  tell_asked};
}
