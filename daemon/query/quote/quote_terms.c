/*
 * See quote_terms.h. The members of a request become a document of a subscription, which the catalog reads:
 * so a request and a stored subscription mean the same by the same words.
 */
#include "daemon/query/quote/quote_terms.h"

#include "meterd/core/time.h"

enum { MEMBERS_MAX = 8 };

/* The document that is being made. */
struct document {
    struct mtr_node members[MEMBERS_MAX];
    uint32_t count;
};

static void add_text(struct document *document, const char *key, struct mtr_str text)
{
    MTR_ASSERT(document->count < MEMBERS_MAX);
    if (!text.size) return;
    document->members[document->count++] =
        (struct mtr_node){.kind = MTR_NODE_STRING, .key = mtr_str_from(key), .text = text};
}

static void add_node(struct document *document, const char *key, const struct mtr_node *node)
{
    MTR_ASSERT(document->count < MEMBERS_MAX);
    if (!node) return;
    document->members[document->count] = *node;
    document->members[document->count++].key = mtr_str_from(key);
}

const struct mtr_node *quote_trial_tariff(const struct quote_terms *terms)
{
    const struct mtr_node *tariff =
        terms->trial && terms->trial->kind == MTR_NODE_MAP ? mtr_node_get(terms->trial, "tariff") : NULL;
    return tariff && tariff->kind != MTR_NODE_NULL ? tariff : NULL;
}

/* The trial with a word in the place of its tariff, which may be a document here. */
static int name_tariff(const struct quote_terms *terms, struct mtr_arena *arena, struct mtr_node *out)
{
    const struct mtr_node *tariff = quote_trial_tariff(terms);
    *out = *terms->trial;
    if (!tariff) return MTR_OK;
    struct mtr_node *children = mtr_arena_calloc(arena, out->child_count, sizeof(*children));
    if (!children) return MTR_ENOMEM;
    for (uint32_t i = 0; i < out->child_count; i++) {
        children[i] = terms->trial->children[i];
        if (&terms->trial->children[i] != tariff) continue;
        children[i].kind = MTR_NODE_STRING;
        children[i].text = MTR_STR("trial");
    }
    out->children = children;
    return MTR_OK;
}

static int read_document(const struct quote_terms *terms, const struct quote_terms_place *place,
                         struct mtr_arena *arena, struct mtr_subscription *out,
                         struct mtr_diagnostics *findings)
{
    struct document document = {.count = 0};
    struct mtr_node trial;
    int rc = terms->trial ? name_tariff(terms, arena, &trial) : MTR_OK;
    if (rc) return rc;
    add_text(&document, "service", MTR_STR("quote"));
    add_text(&document, "customer", MTR_STR("quote"));
    add_text(&document, "tariff", MTR_STR("quote"));
    add_text(&document, "zone", place->zone_name);
    add_text(&document, "start", terms->start);
    add_text(&document, "end", terms->end);
    add_node(&document, "billing", terms->billing);
    add_node(&document, "trial", terms->trial ? &trial : NULL);
    const struct mtr_node node = {
        .kind = MTR_NODE_MAP, .children = document.members, .child_count = document.count};
    rc = mtr_subscription_read_terms(&node, arena, out, findings);
    out->billing.zone = place->zone;
    return rc;
}

static bool is_anniversary(const struct mtr_node *billing)
{
    const struct mtr_node *anchor =
        billing && billing->kind == MTR_NODE_MAP ? mtr_node_get(billing, "anchor") : NULL;
    return anchor && mtr_str_equal(anchor->text, MTR_STR("anniversary"));
}

/* Where the billing period of the first use begins, as text. */
static int find_start(const struct quote_terms *terms, const struct quote_terms_place *place,
                      struct mtr_arena *arena, struct mtr_str *out, struct mtr_diagnostics *findings)
{
    const struct quote_terms billing = {.start = MTR_STR("1970-01-01"), .billing = terms->billing};
    struct mtr_subscription any;
    char text[MTR_TIME_TEXT_BYTES];
    if (is_anniversary(terms->billing) || !place->has_first)
        return quote_fail(findings, MTR_FINDING_FIELD_MISSING, NULL, "start",
                          "is missing: write when the subscription starts", (struct mtr_str){NULL, 0});
    int rc = read_document(&billing, place, arena, &any, findings);
    if (rc) return rc;
    mtr_time_format(mtr_period_at(&any.billing, place->first_us).start_us, text);
    return mtr_arena_copy(arena, mtr_str_from(text), out);
}

/* Is it the start that an end stands before? */
static bool is_of_start(const struct mtr_diagnostics *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].code == MTR_FINDING_CATALOG_TIME_ORDER) return true;
    return false;
}

int quote_terms_read(const struct quote_terms *terms, const struct quote_terms_place *place,
                     struct mtr_arena *arena, struct mtr_subscription *out, struct mtr_diagnostics *findings)
{
    struct quote_terms whole = *terms;
    int rc = terms->start.size ? MTR_OK : find_start(terms, place, arena, &whole.start, findings);
    if (rc) return rc;
    rc = read_document(&whole, place, arena, out, findings);
    if (rc == MTR_EINVALID && !terms->start.size && is_of_start(findings))
        return quote_fail(findings, MTR_FINDING_FIELD_MISSING, NULL, "start",
                          "is not given, so it is that of the billing period of the first use:", whole.start);
    return rc;
}
