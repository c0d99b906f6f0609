/*
 * Whom a request is priced for, and under which tariffs.
 *
 * A tariff is as it is for its party: with the overrides of the subscription and its customer, with prices in
 * the currency that is charged, or in its own where these are exchanged. A stored subscription that changes
 * its customer has a phase for each stretch of one, as its charges have.
 */
#include "daemon/query/quote/quote_question.h"

#include "meterd/core/currency.h"

/* ---- for whom who asks may ---- */

static int deny(const struct quote_question *question, const struct mtr_node *node, const char *field,
                const char *what)
{
    (void)quote_fail(question->findings, MTR_FINDING_REQUEST_FORBIDDEN, node, field, what,
                     (struct mtr_str){NULL, 0});
    return MTR_EDENIED;
}

int quote_check_members(const struct quote_question *question)
{
    const struct quote_request *request = question->request;
    if (!question->lists_only) return MTR_OK;
    if (!request->tariff)
        return deny(question, NULL, "tariff",
                    "is missing, and a subscription that is priced as it is needs the scope billing");
    if (request->party.subscription.size)
        return deny(question, NULL, "subscription",
                    "may have prices of its own, which need the scope billing");
    if (request->party.customer.size)
        return deny(question, NULL, "customer", "may have prices of his own, which need the scope billing");
    return MTR_OK;
}

static int check_stored(const struct quote_question *question, const struct mtr_node *node, const char *field,
                        const struct mtr_tariff_document *tariff, bool is_cost)
{
    if (!question->lists_only || (!is_cost && !mtr_catalog_is_cost(question->catalog, tariff))) return MTR_OK;
    return deny(question, node, field,
                "is a stored tariff that says what use costs, which needs the scope billing");
}

/* ---- who ---- */

static int add_phase(struct quote_question *question, int64_t from_us, struct mtr_str customer)
{
    struct quote_phases *phases = &question->phases;
    struct quote_phase phase = {.from_us = from_us, .party = question->request->party};
    phase.party.customer = customer;
    if (phases->count && mtr_str_equal(phases->items[phases->count - 1].party.customer, customer))
        return MTR_OK;
    int rc = mtr_arena_make_room(question->arena, (void **)&phases->items, phases->count, &phases->capacity,
                                 sizeof(phase));
    if (!rc) phases->items[phases->count++] = phase;
    return rc;
}

/* The stored subscription that it is for; NULL in *out: it names none, or there is no catalog. */
static int find_stored(const struct quote_question *question, const struct mtr_subscription **out)
{
    const struct mtr_str key = question->request->party.subscription;
    char meant[MTR_MEANT_BYTES];
    *out = NULL;
    if (!question->catalog || !key.size) return MTR_OK;
    *out = mtr_catalog_find_subscription(question->catalog, key);
    if (*out) return MTR_OK;
    return quote_fail_unknown(question->findings, NULL, "subscription", "there is no subscription", key,
                              mtr_catalog_meant(question->catalog, MTR_KIND_SUBSCRIPTION, key, NULL, meant));
}

/* What is known of a stored subscription: its currency, and its customer, each in its time. */
static int find_parties(struct quote_question *question)
{
    struct mtr_tariff_party *party = &question->request->party;
    const struct mtr_subscription *stored = NULL;
    int rc = find_stored(question, &stored);
    if (rc) return rc;
    const struct mtr_subscription *now = stored ? mtr_subscription_at(stored, question->at_us) : NULL;
    if (now && !party->currency.size) party->currency = now->currency;
    if (!now || party->customer.size) return add_phase(question, INT64_MIN, party->customer);
    if (!question->is_series) return add_phase(question, INT64_MIN, now->customer);
    for (uint32_t i = 0; !rc && i < mtr_subscription_phase_count(stored); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(stored, i);
        rc = add_phase(question, i ? phase->start_us : INT64_MIN, phase->customer);
    }
    return rc;
}

/* ---- under which tariffs ---- */

static const char *const side_names[QUOTE_SIDES] = {"tariff", "cost", "trial"};

/* The tariff named or supplied. */
static int find_tariff(const struct quote_question *question, const struct mtr_node *node,
                       enum quote_side side, const struct mtr_tariff_document **out)
{
    if (node->kind == MTR_NODE_MAP) {
        struct mtr_tariff_document *document = mtr_arena_calloc(question->arena, 1, sizeof(*document));
        if (!document) return MTR_ENOMEM;
        *out = document;
        return mtr_tariff_read(node, question->arena, document, question->findings);
    }
    int rc = quote_find_tariff(question->catalog, node, side_names[side], out, question->findings);
    return rc ? rc : check_stored(question, node, side_names[side], *out, side == QUOTE_COST);
}

int quote_fit_tariff(const struct quote_question *question, const struct mtr_tariff_document *tariff,
                     const struct quote_phase *phase, const struct mtr_tariff_document **out)
{
    struct mtr_tariff_document *own = mtr_arena_calloc(question->arena, 1, sizeof(*own));
    struct mtr_tariff_party party = phase->party;
    if (!own) return MTR_ENOMEM;
    if (tariff->exchange.given && mtr_currency_find(party.currency) && !mtr_tariff_in(tariff, party.currency))
        party.currency = (struct mtr_str){NULL, 0};
    *out = own;
    return mtr_tariff_for(tariff, &party, question->arena, own);
}

static bool is_overridden(const struct mtr_tariff_document *tariff, struct mtr_str customer)
{
    for (uint32_t v = 0; v < tariff->version_count; v++)
        for (uint32_t o = 0; o < tariff->versions[v].override_count; o++)
            if (mtr_str_equal(tariff->versions[v].overrides[o].customer, customer)) return true;
    return false;
}

/* Of one side, as it is for each phase. `node` NULL: it is not asked for. */
static int read_side(struct quote_question *question, enum quote_side side, const struct mtr_node *node)
{
    const struct mtr_tariff_document *tariff = NULL;
    int rc = node ? find_tariff(question, node, side, &tariff) : MTR_OK;
    if (!rc && tariff && is_overridden(tariff, question->request->party.customer))
        question->has_override = true;
    for (uint32_t i = 0; !rc && tariff && i < question->phases.count; i++) {
        struct quote_phase *phase = &question->phases.items[i];
        rc = quote_fit_tariff(question, tariff, phase, &phase->of[side]);
        if (rc == MTR_ENOTFOUND)
            return quote_fail(question->findings, MTR_FINDING_QUOTE_CURRENCY, node,
                              side == QUOTE_CHARGED ? "currency" : side_names[side],
                              side == QUOTE_CHARGED ? "the tariff has neither prices nor an exchange for"
                                                    : "its tariff has neither prices nor an exchange for",
                              phase->party.currency);
    }
    return rc;
}

/* A customer who has neither a subscription nor an override is misspelt, where there is a catalog to know. */
static int check_customer(const struct quote_question *question)
{
    const struct mtr_str customer = question->request->party.customer;
    char meant[MTR_MEANT_BYTES];
    if (!customer.size || !question->catalog || question->has_override ||
        mtr_catalog_has_customer(question->catalog, customer, NULL, meant))
        return MTR_OK;
    return quote_fail_unknown(question->findings, NULL, "customer",
                              "no subscription and no override has the customer", customer, meant);
}

int quote_find_phases(struct quote_question *question)
{
    const struct quote_request *request = question->request;
    int rc = find_parties(question);
    if (!rc) rc = read_side(question, QUOTE_CHARGED, request->tariff);
    /* The cost is told in the currency that is charged, and a trial is. */
    for (uint32_t i = 0; !rc && i < question->phases.count; i++) {
        struct quote_phase *phase = &question->phases.items[i];
        if (!phase->party.currency.size) phase->party.currency = phase->of[QUOTE_CHARGED]->currency;
    }
    if (!rc && request->has_cost) rc = read_side(question, QUOTE_COST, request->cost);
    if (!rc) rc = read_side(question, QUOTE_TRIAL, quote_trial_tariff(&request->terms));
    return rc ? rc : check_customer(question);
}
