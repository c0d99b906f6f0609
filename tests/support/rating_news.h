/*
 * What came of a rating, as text: the charges since the last look, and what an audit finds.
 */
#ifndef METERD_TESTS_SUPPORT_RATING_NEWS_H
#define METERD_TESTS_SUPPORT_RATING_NEWS_H

#include "tests/support/rating.h"
#include "tests/support/story.h"

enum { RATING_NEWS_MAX = 128 };

struct rating_charge {
    uint32_t subscription;
    int64_t period_start_us;
    char component[48];
    char text[256];                            /* "final 5 calls" */
    char quantity[MTR_DECIMAL_TEXT_BYTES + 4]; /* " (10)" */
    char cost[MTR_DECIMAL_TEXT_BYTES + 8];     /* " cost 3", or nothing */
    char body[2048];
    bool is_draw; /* its quantity is all there is to tell */
    bool is_stated;
};

struct rating_news {
    struct rating_charge items[RATING_NEWS_MAX];
    size_t count;
    uint64_t last_number; /* that was read */
    struct mtr_charges_txn *txn;
};

/* "STATUS AMOUNT [CURRENCY] COMPONENT[{DIMENSIONS}] [KIND]": euros, use and fees go without saying. */
static inline void rating_describe(const struct mtr_charge *charge, const struct mtr_charge_line *line,
                                   char text[256])
{
    char amount[MTR_DECIMAL_TEXT_BYTES], currency[8] = "", kind[32] = "", dimensions[80] = "";
    if (!mtr_str_equal(line->currency, MTR_STR("EUR")))
        snprintf(currency, sizeof(currency), "%.*s ", MTR_STR_ARGS(line->currency));
    if (!mtr_str_equal(line->kind, MTR_STR("usage")) && !mtr_str_equal(line->kind, MTR_STR("recurring")))
        snprintf(kind, sizeof(kind), " %.*s", MTR_STR_ARGS(line->kind));
    if (line->dimensions.size)
        snprintf(dimensions, sizeof(dimensions), "{%.*s}", MTR_STR_ARGS(line->dimensions));
    mtr_money_format(charge->amount, amount);
    snprintf(text, 256, "%s %s %s%.*s%s%s", mtr_charge_status_name(charge->status), amount, currency,
             MTR_STR_ARGS(line->component), dimensions, kind);
}

static inline int rating_on_news(void *context, const struct mtr_charge *charge)
{
    struct rating_news *news = context;
    struct mtr_charge_line line;
    char number[MTR_DECIMAL_TEXT_BYTES];
    if (news->count == RATING_NEWS_MAX) return MTR_EFULL;
    struct rating_charge *item = &news->items[news->count++];
    *item = (struct rating_charge){.subscription = charge->subscription,
                                   .period_start_us = charge->period_start_us};
    int rc = mtr_charges_get_line_by_key(news->txn, charge->subscription, charge->period_start_us,
                                         charge->line, &line);
    if (rc) return rc;
    rating_describe(charge, &line, item->text);
    item->is_draw = mtr_str_equal(line.kind, MTR_STR("draw"));
    snprintf(item->component, sizeof(item->component), "%.*s", MTR_STR_ARGS(line.component));
    mtr_quantity_format(charge->quantity, number);
    snprintf(item->quantity, sizeof(item->quantity), " (%s)", number);
    mtr_money_format(charge->cost, number);
    if (charge->has_cost) snprintf(item->cost, sizeof(item->cost), " cost %s", number);
    snprintf(item->body, sizeof(item->body), "%.*s", MTR_STR_ARGS(charge->body));
    news->last_number = charge->number;
    return 0;
}

/* Forgets what was read, and reads what came since. */
static inline void rating_read_news(struct rating_world *world, struct rating_news *news)
{
    news->count = 0;
    assert_int_equal(mtr_charges_begin(world->charges, false, &news->txn), 0);
    int rc = mtr_charges_walk(news->txn, news->last_number, rating_on_news, news);
    mtr_charges_abort(news->txn);
    if (rc) fail_msg("the charges cannot be read: %s", mtr_error_text(rc));
}

struct rating_found {
    char *text;
    size_t size;
};

static inline int rating_on_found(void *context, const struct mtr_audit_finding *finding)
{
    const struct rating_found *found = context;
    const size_t size = strlen(found->text);
    char time[MTR_TIME_TEXT_BYTES];
    snprintf(found->text + size, found->size - size, "%s%s %.*s %s: %.*s", size ? "; " : "",
             mtr_finding_kind(finding->code)->code + strlen("audit."), MTR_STR_ARGS(finding->subscription),
             story_format_time(finding->period_start_us, time), MTR_STR_ARGS(finding->text));
    return 0;
}

/* "clean", or "KIND SUBSCRIPTION PERIOD: TEXT; …; pending 2". */
static inline void rating_audit_text(const struct rating_world *world, char *text, size_t size,
                                     struct mtr_audit_counts *counts)
{
    struct rating_found found = {text, size};
    char pending[48] = "";
    text[0] = '\0';
    const struct mtr_audit_of of = {world->rollups, world->charges, world->catalog};
    int rc = mtr_rater_audit(&of, &world->options, rating_on_found, &found, counts);
    if (rc) fail_msg("audit: %s", mtr_error_text(rc));
    const bool is_clean = !counts->pending && !text[0];
    if (counts->pending)
        snprintf(pending, sizeof(pending), "%spending %llu", text[0] ? "; " : "",
                 (unsigned long long)counts->pending);
    strncat(text, is_clean ? "clean" : pending, size - strlen(text) - 1);
}

#endif
