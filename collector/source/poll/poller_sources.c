/*
 * The sources, strands, gates and sessions that a catalog asks for. What stays keeps its state: alarms, what
 * failed, which windows are settled.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "collector/source/poll/poller_alarms.h"
#include "collector/source/items/poller_items.h"
#include "meterd/catalog/subscription.h"
#include "meterd/core/time.h"

enum { HOST_BYTES = 300 };

static uint32_t slot_of(struct mtr_str a, struct mtr_str b)
{
    const uint64_t hash = XXH3_64bits_withSeed(a.data, a.size, XXH3_64bits(b.data, b.size));
    return (uint32_t)(hash % POLLER_TABLE_SLOTS);
}

/* ---- gates ---- */

static int find_gate(struct mtr_poller *poller, struct mtr_str kind, struct mtr_str name,
                     struct poller_gate **out)
{
    const uint32_t slot = slot_of(kind, name);
    char text[400];
    const int size = snprintf(text, sizeof(text), "%.*s:%.*s", MTR_STR_ARGS(kind), MTR_STR_ARGS(name));
    (void)size;
    for (struct poller_gate *gate = poller->gates[slot]; gate; gate = gate->next)
        if (!strcmp(gate->name, text)) return *out = gate, MTR_OK;
    struct poller_gate *gate = calloc(1, sizeof(*gate));
    if (!gate) return MTR_ENOMEM;
    gate->name = mtr_str_copy(mtr_str_from(text));
    if (!gate->name) {
        free(gate);
        return MTR_ENOMEM;
    }
    const uint64_t seed = XXH3_64bits(text, strlen(text));
    gate_init(&gate->gate, seed);
    breaker_init(&gate->breaker, seed);
    gate->next = poller->gates[slot];
    poller->gates[slot] = gate;
    *out = gate;
    return MTR_OK;
}

/* What is left alone when it fails is what answers at a port: another one of the host may be well, and is
 * another source's. */
static int find_gates(struct mtr_poller *poller, struct poller_source *state)
{
    const struct mtr_source *source = state->source;
    const struct mtr_str key = source->limits.key.size ? source->limits.key : source->base.host;
    char place[HOST_BYTES];
    const int size = snprintf(place, sizeof(place), "%s:%u:%.*s", source->base.is_https ? "https" : "http",
                              source->base.port, MTR_STR_ARGS(source->base.host));
    const struct mtr_str name = {place, size < HOST_BYTES ? (size_t)size : HOST_BYTES - 1};
    int rc = find_gate(poller, MTR_STR("key"), key, &state->gate);
    return rc ? rc : find_gate(poller, MTR_STR("host"), name, &state->host);
}

/* What all say holds together, and is said anew by each. */
static int agree(struct mtr_poller *poller, struct poller_source *state)
{
    if (state->gate->generation != poller->generation) gate_loosen(&state->gate->gate);
    state->gate->generation = poller->generation;
    return gate_agree(&state->gate->gate, &state->source->limits);
}

/* ---- strands ---- */

static int take_strand(struct mtr_poller *poller, struct poller_source *state, struct mtr_str each,
                       const struct mtr_subscription *subscription)
{
    struct poller_strand *strand;
    if (each.size > MTR_LEDGER_EACH_BYTES_MAX) return MTR_OK; /* no subject is so long */
    return poller_take_strand(poller, state, each, subscription, &strand);
}

static bool is_of_service(const struct mtr_subscription *subscription, const struct mtr_source *source)
{
    return mtr_str_equal(subscription->service->key, source->each.service) &&
           mtr_str_equal(subscription->service->vendor->key, source->vendor);
}

/* Those of for_each: subscription wait for their subscriptions (take_subscriptions). */
static int take_strands(struct mtr_poller *poller, struct poller_source *state)
{
    const struct mtr_source *source = state->source;
    const struct mtr_source_each *each = &source->each;
    uint32_t slot;
    int rc = MTR_OK;
    if (source->disabled) return MTR_OK;
    switch (each->kind) {
    case MTR_EACH_NONE: return take_strand(poller, state, MTR_STR(""), NULL);
    case MTR_EACH_VALUE:
        for (uint32_t i = 0; !rc && i < each->value_count; i++)
            rc = take_strand(poller, state, each->values[i], NULL);
        return rc;
    case MTR_EACH_SUBSCRIPTION:
        slot = slot_of(source->vendor, each->service);
        state->next_of_service = poller->by_service[slot];
        poller->by_service[slot] = state;
        return MTR_OK;
    case MTR_EACH_ROW: return poller_take_items(poller, state);
    }
    return rc;
}

/* Once over all subscriptions, whatever the number of sources. */
static int take_subscriptions(struct mtr_poller *poller)
{
    const uint32_t count = mtr_catalog_count(poller->catalog, MTR_KIND_SUBSCRIPTION);
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= count; i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(poller->catalog, i);
        if (!subscription) continue;
        const struct mtr_service *service = subscription->service;
        struct poller_source *state = poller->by_service[slot_of(service->vendor->key, service->key)];
        for (; !rc && state; state = state->next_of_service)
            if (is_of_service(subscription, state->source))
                rc = take_strand(poller, state, subscription->subject, subscription);
    }
    return rc;
}

static void sweep_strands(struct mtr_poller *poller, struct poller_source *state, bool all)
{
    struct poller_strand *next;
    for (struct poller_strand *strand = state->strands; strand; strand = next) {
        next = strand->next;
        if (!all && strand->generation == poller->generation) continue;
        poller_let_go(poller, strand);
    }
}

/* ---- sources ---- */

void poller_set_paused(struct mtr_poller *poller, struct poller_source *source, bool is_paused)
{
    poller->totals.paused += is_paused;
    poller->totals.paused -= source->is_paused;
    source->is_paused = is_paused;
}

static int read_ledger(struct mtr_poller *poller, struct poller_source *state, struct mtr_ledger_txn *txn)
{
    const struct mtr_strand strand = {mtr_str_from(state->vendor), mtr_str_from(state->key), MTR_STR("")};
    struct mtr_ledger_source source;
    int rc = mtr_ledger_get_source(txn, &strand, &source);
    if (source.last_reading > state->last_reading) state->last_reading = source.last_reading;
    if (state->first_us != source.first_us) state->plan_generation = poller->generation;
    state->first_us = source.first_us;
    if (!poller->control.is_open) poller_set_paused(poller, state, source.paused_us > 0); /* else it comes */
    return rc;
}

static void free_source(struct poller_source *state)
{
    if (state->auth) auth_close(state->auth);
    strand_index_release(&state->index);
    free(state->vendor);
    free(state->key);
    free(state->asked_problem);
    free(state->tried);
    free(state);
}

struct poller_source *poller_find_source(const struct mtr_poller *poller, struct mtr_str vendor,
                                         struct mtr_str key)
{
    struct poller_source *state = poller->sources[slot_of(vendor, key)];
    while (state && !(mtr_str_equal(mtr_str_from(state->key), key) &&
                      mtr_str_equal(mtr_str_from(state->vendor), vendor)))
        state = state->next;
    return state;
}

static int add_source(struct mtr_poller *poller, const struct mtr_source *source, struct poller_source **out)
{
    const uint32_t slot = slot_of(source->vendor, source->key);
    *out = poller_find_source(poller, source->vendor, source->key);
    if (*out) return MTR_OK;
    struct poller_source *state = calloc(1, sizeof(*state));
    if (!state) return MTR_ENOMEM;
    state->vendor = mtr_str_copy(source->vendor);
    state->key = mtr_str_copy(source->key);
    int rc = state->vendor && state->key ? MTR_OK : MTR_ENOMEM;
    if (rc) {
        free_source(state);
        return rc;
    }
    state->next = poller->sources[slot];
    poller->sources[slot] = state;
    *out = state;
    return MTR_OK;
}

/* What is under way asks as the document said when it began. One that waits for long would go on so for
 * hours; where another vendor is to be asked none goes on, nor does a report that the one of before makes. */
static void stop_outdated(struct poller_source *state, const struct mtr_source *source)
{
    const struct mtr_source *before = state->source;
    const bool is_elsewhere = before && !mtr_str_equal(before->base.url, source->base.url);
    const bool is_changed = before && before->edition != source->edition;
    for (struct poller_strand *strand = state->strands; strand; strand = strand->next) {
        const bool is_asking =
            strand->poll && !strand->given && poll_state(strand->poll) != POLL_DONE;
        if (is_asking && (is_elsewhere || (is_changed && strand->is_parked))) poll_stop(strand->poll);
        strand->drops_job = strand->drops_job || is_elsewhere;
    }
}

static void tell_unreadable(const struct mtr_poller *poller, const struct mtr_source *source)
{
    char line[POLL_TEXT_BYTES];
    if (!source->unreadable.size) return;
    snprintf(line, sizeof(line),
             "its document cannot be read any more: nothing of it is asked, and no billing period waits for "
             "it, until one is applied that can (%.*s)",
             MTR_STR_ARGS(source->unreadable));
    poller->hooks.tell(poller->hooks.context, true, source->key, line);
}

/* A document that is another one than before, or new. */
static int take_document(struct mtr_poller *poller, struct poller_source *state,
                         const struct mtr_source *source)
{
    struct auth_session *auth = NULL;
    int rc = auth_open(poller->keeper, source, &auth);
    if (rc) return rc;
    tell_unreadable(poller, source);
    stop_outdated(state, source);
    if (state->auth) auth_close(state->auth); /* the new one first: an equal session goes on */
    state->auth = auth;
    state->source = source;
    state->plan_hash = poller_hash_plan(source);
    state->plan_generation = poller->generation;
    return find_gates(poller, state);
}

static int take_source(struct mtr_poller *poller, const struct mtr_source *source, struct mtr_ledger_txn *txn)
{
    struct poller_source *state = NULL;
    int rc = add_source(poller, source, &state);
    if (rc) return rc;
    MTR_ASSERT(state != NULL);
    state->generation = poller->generation;
    poller->totals.unreadable += source->unreadable.size > 0;
    rc = read_ledger(poller, state, txn);
    if (!rc && state->source != source) rc = take_document(poller, state, source);
    return rc ? rc : agree(poller, state);
}

static int take_sources(struct mtr_poller *poller)
{
    const uint32_t count = mtr_catalog_count(poller->catalog, MTR_KIND_SOURCE);
    struct mtr_ledger_txn *txn;
    int rc = mtr_ledger_begin(poller->options.ledger, false, &txn);
    if (rc) return rc;
    for (uint32_t i = 1; !rc && i <= count; i++) {
        const struct mtr_source *source = mtr_catalog_source(poller->catalog, i);
        if (source) rc = take_source(poller, source, txn);
    }
    mtr_ledger_abort(txn);
    return rc;
}

static int take_all_strands(struct mtr_poller *poller)
{
    int rc = MTR_OK;
    memset(poller->by_service, 0, sizeof(poller->by_service));
    for (uint32_t slot = 0; !rc && slot < POLLER_TABLE_SLOTS; slot++)
        for (struct poller_source *state = poller->sources[slot]; !rc && state; state = state->next)
            if (state->generation == poller->generation) rc = take_strands(poller, state);
    return rc ? rc : take_subscriptions(poller);
}

static void sweep(struct mtr_poller *poller, bool all)
{
    for (uint32_t slot = 0; slot < POLLER_TABLE_SLOTS; slot++) {
        struct poller_source **link = &poller->sources[slot];
        while (*link) {
            struct poller_source *state = *link;
            const bool is_gone = all || state->generation != poller->generation;
            sweep_strands(poller, state, is_gone);
            if (!is_gone || state->strands) { /* those under way go with their readings */
                link = &state->next;
                continue;
            }
            *link = state->next;
            poller_set_paused(poller, state, false);
            poller_forget_dry_rows(poller, state);
            free_source(state);
        }
    }
}

static int take_in(struct mtr_poller *poller)
{
    poller->generation++;
    poller->totals.unreadable = 0;
    int rc = take_sources(poller);
    if (!rc) rc = take_all_strands(poller);
    if (rc) return rc;
    sweep(poller, false);
    mtr_catalog_release(poller->catalog_before); /* at the end: an equal document stands where it stood */
    poller->catalog_before = NULL;
    poller->is_taking = false;
    return MTR_OK;
}

int poller_take_catalog(struct mtr_poller *poller, struct mtr_catalog *catalog, int64_t now_us)
{
    poller->now_us = now_us;
    int rc = poller->is_taking ? take_in(poller) : MTR_OK;
    if (rc) return rc;
    if (poller->catalog && mtr_catalog_version(poller->catalog) == mtr_catalog_version(catalog))
        return MTR_OK;
    poller->catalog_before = poller->catalog;
    poller->catalog = mtr_catalog_acquire(catalog);
    poller->is_taking = true;
    return take_in(poller);
}

int poller_look_at_all(struct mtr_poller *poller, int64_t now_us)
{
    int rc = MTR_OK;
    for (uint32_t slot = 0; slot < POLLER_TABLE_SLOTS; slot++)
        for (struct poller_source *source = poller->sources[slot]; source; source = source->next)
            for (struct poller_strand *strand = source->strands; !rc && strand; strand = strand->next) {
                strand->closed_until_us = 0;
                rc = strand->poll ? MTR_OK : due_heap_set(&poller->heap, &strand->due, now_us);
            }
    return rc;
}

void poller_release_sources(struct mtr_poller *poller)
{
    sweep(poller, true);
    for (uint32_t slot = 0; slot < POLLER_TABLE_SLOTS; slot++) {
        MTR_ASSERT(!poller->sources[slot]);
        while (poller->gates[slot]) {
            struct poller_gate *gate = poller->gates[slot];
            poller->gates[slot] = gate->next;
            gate_release(&gate->gate);
            free(gate->name);
            free(gate);
        }
    }
    mtr_catalog_release(poller->catalog);
    mtr_catalog_release(poller->catalog_before);
    poller->catalog = poller->catalog_before = NULL;
}
