/*
 * A subscription that is priced as it is: one of the catalog, or of the request's documents, with all that
 * its document says. Its phases, tariffs, zone, term, trial, opening and credits are those of a snapshot, so
 * nothing of them is made here; what is left out are the other subscriptions.
 */
#include "daemon/query/quote/quote_question.h"

#include <stdio.h>

#include "meterd/catalog/sketch.h"

enum { FINDINGS_MAX = 200 };

static const struct mtr_str none = {NULL, 0};

/* ---- what is asked for ---- */

/* What the document says, or others of the documents. */
static int check_members(const struct quote_question *question)
{
    const struct quote_request *request = question->request;
    const struct {
        const char *member;
        bool given;
    } members[] = {
        {"cost", request->has_cost},
        {"currency", request->party.currency.size > 0},
        {"customer", request->party.customer.size > 0},
        {"zone", request->zone.size > 0},
        {"start", request->terms.start.size > 0},
        {"end", request->terms.end.size > 0},
        {"billing", request->terms.billing},
        {"trial", request->terms.trial},
        {"credits", request->credits.count > 0},
        {"rates", request->rates && request->rates->kind != MTR_NODE_NULL},
        {"meters", request->meters && request->meters->kind != MTR_NODE_NULL},
    };
    if (!request->party.subscription.size)
        return quote_fail(question->findings, MTR_FINDING_FIELD_MISSING, NULL, "tariff",
                          "is missing: name one, or a subscription that is priced as it is", none);
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        if (members[i].given)
            return quote_fail(question->findings, MTR_FINDING_QUOTE_SUBSCRIPTION, NULL, members[i].member,
                              "stands beside a subscription that is priced as it is: its documents say that",
                              none);
    return MTR_OK;
}

/* Findings about the documents are told with the places that these have. */
static void tell(const struct quote_question *question, const struct mtr_diagnostics *own)
{
    for (size_t i = 0; i < own->count; i++) {
        struct mtr_diagnostic finding = own->items[i];
        const char *field = own->items[i].field;
        snprintf(finding.field, sizeof(finding.field), "documents%s%.*s", *field ? "." : "",
                 (int)sizeof(finding.field) - 16, field);
        mtr_diagnostics_add(question->findings, &finding);
    }
}

static int make_sketch(struct quote_question *question, const struct mtr_node *documents)
{
    const struct mtr_sketch sketch = {question->catalog, documents, question->request->party.subscription};
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = mtr_catalog_sketch(&sketch, &question->sketch, &findings);
    tell(question, &findings);
    mtr_diagnostics_release(&findings);
    if (!rc) question->catalog = question->sketch;
    return rc;
}

/* The documents, or the text of them. */
static int read_documents(struct quote_question *question)
{
    const struct mtr_node *given = question->request->documents;
    struct mtr_document *document = NULL;
    struct mtr_diagnostics findings;
    struct mtr_diagnostic broken;
    if (given->kind != MTR_NODE_STRING) return make_sketch(question, given);
    int rc = mtr_document_parse(given->text, &document, &broken);
    if (!rc) {
        rc = make_sketch(question, mtr_document_root(document));
        mtr_document_close(document);
        return rc;
    }
    mtr_diagnostics_init(&findings, 1);
    mtr_diagnostics_add(&findings, &broken);
    tell(question, &findings);
    mtr_diagnostics_release(&findings);
    return rc == MTR_ENOMEM ? rc : MTR_EINVALID;
}

int quote_find_whole(struct quote_question *question)
{
    const struct quote_request *request = question->request;
    const struct mtr_str key = request->party.subscription;
    char meant[MTR_MEANT_BYTES] = "";
    int rc = check_members(question);
    if (!rc && request->has_documents) rc = read_documents(question);
    if (rc) return rc;
    if (question->catalog) {
        question->whole = mtr_catalog_find_subscription(question->catalog, key);
        if (question->whole) return MTR_OK;
        mtr_catalog_meant(question->catalog, MTR_KIND_SUBSCRIPTION, key, NULL, meant);
    }
    return quote_fail_unknown(question->findings, NULL, "subscription", "there is no subscription", key,
                              meant);
}

/* ---- its phases ---- */

static int add_phase(struct quote_question *question, const struct mtr_subscription *of, int64_t from_us)
{
    const struct mtr_tariff_document *const tariffs[QUOTE_SIDES] = {
        [QUOTE_CHARGED] = of->tariff, [QUOTE_COST] = of->cost_tariff, [QUOTE_TRIAL] = of->trial_tariff};
    struct quote_phase *phase = &question->phases.items[question->phases.count++];
    *phase = (struct quote_phase){.from_us = from_us,
                                  .party = {.currency = of->currency,
                                            .subscription = of->key,
                                            .customer = of->customer}};
    int rc = MTR_OK;
    for (int side = 0; !rc && side < QUOTE_SIDES; side++)
        if (tariffs[side]) rc = quote_fit_tariff(question, tariffs[side], phase, &phase->of[side]);
    MTR_ASSERT(rc != MTR_ENOTFOUND); /* the catalog has seen to it */
    return rc;
}

int quote_find_whole_phases(struct quote_question *question)
{
    const struct mtr_subscription *whole = question->whole;
    const uint32_t count = question->is_series ? mtr_subscription_phase_count(whole) : 1;
    struct quote_phase *items = mtr_arena_calloc(question->arena, count, sizeof(*items));
    int rc = MTR_OK;
    if (!items) return MTR_ENOMEM;
    question->phases.items = items;
    question->phases.capacity = count;
    question->zone = whole->zone;
    if (!question->is_series)
        return add_phase(question, mtr_subscription_at(whole, question->at_us), INT64_MIN);
    for (uint32_t i = 0; !rc && i < count; i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(whole, i);
        rc = add_phase(question, phase, i ? phase->start_us : INT64_MIN);
    }
    return rc;
}

int quote_copy_whole(const struct quote_question *question, const struct mtr_subscription **out)
{
    const struct mtr_subscription *whole = question->whole;
    const uint32_t count = mtr_subscription_phase_count(whole);
    const struct quote_phases *given = &question->phases;
    struct mtr_subscription *phases = mtr_arena_calloc(question->arena, count, sizeof(*phases));
    if (!phases) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        phases[i] = *mtr_subscription_phase(whole, i);
        phases[i].same_subject = phases[i].peers = NULL;
        phases[i].same_subject_count = phases[i].peer_count = phases[i].peer_index = 0;
        phases[i].peers_hash = 0;
        if (question->is_series) quote_enter_phase(&given->items[i], &phases[i]);
    }
    if (!question->is_series)
        quote_enter_phase(&given->items[0],
                          &phases[mtr_subscription_at(whole, question->at_us)->phase_index]);
    *out = phases;
    return quote_join_phases(phases, count, question->arena);
}
