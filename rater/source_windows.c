/*
 * The newest window first: it is the one that lacks most often. See source_windows.h.
 */
#include "rater/source_windows.h"

#include "meterd/source/schedule.h"

enum { STOP = 1, SOURCES_DEEP_MAX = 16 };

struct asking {
    const struct rater_windows_question *question;
    struct rater_windows_missing *out;
    const struct mtr_source *source; /* at hand: the one that is asked for, or whose rows it is made of */
    struct mtr_reading_plan plan;    /* its windows, as the poller has them */
    int64_t start_us;                /* where the first of them begins */
    unsigned depth;
    bool is_list; /* it is asked for the sake of another source */
};

static bool is_whole(const struct asking *asking, const struct mtr_ledger_window *window)
{
    const bool is_complete = mtr_window_is_whole(window->state) && !mtr_window_says_nothing(window);
    return is_complete && window->seq_last < asking->question->next_seq;
}

static void miss(struct asking *asking, struct mtr_str each, const struct mtr_window *window)
{
    asking->out->is_missing = true;
    asking->out->each = each;
    asking->out->window = *window;
}

static struct mtr_strand strand_of(const struct asking *asking, struct mtr_str each)
{
    return (struct mtr_strand){asking->source->vendor, asking->source->key, each};
}

/* ---- one request of for_each ---- */

static int ask_feed(struct asking *asking, struct mtr_str each)
{
    static const struct mtr_window none = {0, 0};
    const struct mtr_strand strand = strand_of(asking, each);
    struct mtr_feed feed = {.read_us = 0};
    struct mtr_ledger_place applied;
    int rc = mtr_ledger_feed(asking->question->txn, &strand, &feed);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    rc = mtr_ledger_applied(asking->question->txn, &applied);
    if (rc) return rc;
    const bool is_behind = feed.read_us >= asking->question->to_us + asking->source->window.overlap_us;
    if (!is_behind || applied.seq >= asking->question->next_seq) miss(asking, each, &none);
    asking->out->looked_at++;
    return MTR_OK;
}

static int ask_window(struct asking *asking, struct mtr_str each, const struct mtr_window *window)
{
    const struct mtr_strand strand = strand_of(asking, each);
    struct mtr_ledger_window known;
    int rc = mtr_ledger_get_window(asking->question->txn, &strand, window->from_us, &known);
    asking->out->looked_at++;
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (rc || known.end_us != window->to_us || !is_whole(asking, &known)) miss(asking, each, window);
    return MTR_OK;
}

struct reread {
    struct asking *asking;
    struct mtr_str each;
};

static int on_reread(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    const struct reread *reread = context;
    reread->asking->out->looked_at++;
    return window->last_us >= reread->asking->question->to_us && mtr_str_equal(each, reread->each) ? STOP
                                                                                                   : MTR_OK;
}

/* A list as it is now never has a whole window. What went before a reading was in one of before. */
static int ask_current(struct asking *asking, struct mtr_str each)
{
    const struct mtr_strand strand = strand_of(asking, each);
    const struct mtr_window window = mtr_plan_window_at(&asking->plan, asking->question->to_us - 1);
    struct reread reread = {asking, each};
    int rc = mtr_ledger_walk_windows(asking->question->txn, &strand, window.from_us, on_reread, &reread);
    if (!rc) miss(asking, each, &window);
    return rc == STOP ? MTR_OK : rc;
}

static int ask_strand(struct asking *asking, struct mtr_str each)
{
    const struct rater_windows_question *question = asking->question;
    const struct mtr_source_window *rule = &asking->source->window;
    if (rule->length == MTR_LENGTH_CURSOR) return ask_feed(asking, each);
    if (asking->is_list && rule->length == MTR_LENGTH_PERIODS && !rule->has_last)
        return ask_current(asking, each);
    int64_t at_us = question->to_us;
    while (at_us > question->from_us && at_us > asking->start_us) {
        const struct mtr_window window = mtr_plan_window_at(&asking->plan, at_us - 1);
        MTR_ASSERT(window.from_us < at_us);
        int rc = ask_window(asking, each, &window);
        if (rc || asking->out->is_missing) return rc;
        at_us = window.from_us;
    }
    return MTR_OK;
}

/* ---- where its windows begin ---- */

static int find_plan(struct asking *asking)
{
    const struct mtr_source *source = asking->source;
    const struct mtr_strand strand = strand_of(asking, MTR_STR(""));
    struct mtr_ledger_source known;
    asking->start_us = INT64_MIN;
    if (source->window.length == MTR_LENGTH_CURSOR) return MTR_OK;
    int rc = mtr_ledger_get_source(asking->question->txn, &strand, &known);
    if (rc) return rc;
    asking->plan = mtr_reading_plan_of(source, strand.each, known.first_us);
    asking->start_us = mtr_plan_window_at(&asking->plan, asking->plan.start_us).from_us;
    return MTR_OK;
}

/* ---- one request for each value of a list ---- */

static void miss_some(struct asking *asking, const struct mtr_window *window, uint64_t lacking,
                      uint64_t wanted)
{
    miss(asking, MTR_STR(""), window);
    asking->out->lacking = lacking;
    asking->out->wanted = wanted;
}

static int ask_windows_at(struct asking *asking, struct source_items *items, const struct mtr_window *window)
{
    const struct mtr_strand strand = strand_of(asking, MTR_STR(""));
    struct mtr_ledger_total total;
    bool are_there = false;
    int rc = mtr_ledger_total(asking->question->txn, &strand, window->from_us, window->to_us, &total);
    asking->out->looked_at++;
    const bool are_whole = total.whole == total.windows && total.seq_last < asking->question->next_seq;
    if (!rc && are_whole)
        rc = source_items_are_there(items, asking->question->txn, window, &total, &are_there,
                                    &asking->out->looked_at);
    if (rc || are_there) return rc;
    const uint64_t needed = source_items_count(items, window->from_us);
    const uint64_t wanted = needed > total.windows ? needed : total.windows;
    miss_some(asking, window, wanted > total.whole ? wanted - total.whole : 1, wanted > 1 ? wanted : 1);
    return MTR_OK;
}

static int ask_feeds(struct asking *asking, struct source_items *items)
{
    static const struct mtr_window none = {0, 0};
    const int64_t read_us = asking->question->to_us + asking->source->window.overlap_us;
    struct mtr_ledger_place applied;
    bool are_read;
    int rc = source_items_are_read(items, asking->question->txn, read_us, &are_read, &asking->out->looked_at);
    if (!rc) rc = mtr_ledger_applied(asking->question->txn, &applied);
    if (!rc && (!are_read || applied.seq >= asking->question->next_seq)) miss(asking, MTR_STR(""), &none);
    return rc;
}

static int ask_items(struct asking *asking)
{
    const struct rater_windows_question *question = asking->question;
    const bool is_feed = asking->source->window.length == MTR_LENGTH_CURSOR;
    int64_t at_us = question->to_us, from_us = question->from_us;
    struct source_items *items;
    if (!is_feed) from_us = mtr_plan_window_at(&asking->plan, from_us).from_us;
    int rc = source_items_find(question->items, question->txn, asking->source, from_us, &items,
                               &asking->out->looked_at);
    if (rc || is_feed) return rc ? rc : ask_feeds(asking, items);
    while (!rc && !asking->out->is_missing && at_us > question->from_us && at_us > asking->start_us) {
        const struct mtr_window window = mtr_plan_window_at(&asking->plan, at_us - 1);
        MTR_ASSERT(window.from_us < at_us);
        rc = ask_windows_at(asking, items, &window);
        at_us = window.from_us;
    }
    return rc;
}

/* ---- all requests ---- */

static int ask_source(struct asking *asking);

/* Whose requests there are is in the rows of the other source: that one first. */
static int ask_rows(struct asking *asking)
{
    struct asking of = *asking;
    of.source = mtr_catalog_find_source(asking->question->catalog, asking->source->each.source);
    of.is_list = true;
    if (of.source && of.depth++ < SOURCES_DEEP_MAX) {
        int rc = ask_source(&of);
        if (rc || asking->out->is_missing) return rc;
    }
    return ask_items(asking);
}

static int ask_source(struct asking *asking)
{
    const struct mtr_source_each *each = &asking->source->each;
    int rc = find_plan(asking);
    if (rc) return rc;
    switch (each->kind) {
    case MTR_EACH_NONE: return ask_strand(asking, MTR_STR(""));
    case MTR_EACH_SUBSCRIPTION: return ask_strand(asking, asking->question->subject);
    case MTR_EACH_VALUE:
        for (uint32_t i = 0; !rc && !asking->out->is_missing && i < each->value_count; i++)
            rc = ask_strand(asking, each->values[i]);
        return rc;
    case MTR_EACH_ROW: break;
    }
    return ask_rows(asking);
}

int rater_windows_ask(const struct rater_windows_question *question, struct rater_windows_missing *out)
{
    struct asking asking = {.question = question, .out = out, .source = question->source};
    *out = (struct rater_windows_missing){.is_missing = false};
    MTR_ASSERT(question->from_us < question->to_us);
    return ask_source(&asking);
}
