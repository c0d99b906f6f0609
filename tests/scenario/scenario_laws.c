/*
 * What must hold when everything has drained: the laws of the pipeline, each against the client's and the receiver's own record.
 */
#include "scenario/scenario.h"

#include <inttypes.h>

#include "tests/support/all_cells.h"

/* ---- 1: the log holds what was answered, once, and nothing else ---- */

static bool is_content_equal(const struct mtr_event *a, const struct mtr_event *b)
{
    if (!mtr_str_equal(a->type, b->type) || !mtr_str_equal(a->subject, b->subject) || a->time_given != b->time_given) return false;
    if (a->time_given && a->time_us != b->time_us) return false;
    if (a->property_count != b->property_count) return false;
    for (uint32_t i = 0; i < a->property_count; i++)
        if (!properties_equal(&a->properties[i], &b->properties[i])) return false;
    return true;
}

static bool is_identity_equal(const struct mtr_event *a, const struct mtr_event *b)
{
    return mtr_str_equal(a->vendor, b->vendor) && mtr_str_equal(a->source, b->source) && mtr_str_equal(a->id, b->id);
}

static const struct sent_event *find_sent(struct scenario *scenario, const struct mtr_event *sent_events, const struct mtr_event *event)
{
    for (uint32_t i = 0; i < scenario->client.event_count; i++) {
        if (!is_identity_equal(&sent_events[i], event) || !is_content_equal(&sent_events[i], event)) continue;
        const struct sent_event *sent = scenario->client.events[i];
        if (sent->time_given || (event->time_us >= sent->first_sent_us && event->time_us <= sent->last_sent_us)) return sent;
    }
    return NULL;
}

static void check_log_against_sent(struct scenario *scenario, const struct naive *naive, const struct mtr_event *sent_events)
{
    const int64_t window_us = scenario->stores.intake_options.dedup_window_us;
    for (uint64_t i = 0; i < naive->event_count; i++) {
        const struct mtr_event *event = &naive->events[i];
        CHECK(scenario, find_sent(scenario, sent_events, event), "sequence %" PRIu64 " was never sent so", i + 1);
        bool counts = event->disposition == MTR_DISPOSITION_NORMAL || event->disposition == MTR_DISPOSITION_VOID;
        for (uint64_t k = 0; k < i; k++) {
            const struct mtr_event *other = &naive->events[k];
            bool other_counts = other->disposition == MTR_DISPOSITION_NORMAL || other->disposition == MTR_DISPOSITION_VOID;
            if (!is_identity_equal(event, other) || counts != other_counts) continue;
            CHECK(scenario, !counts, "sequences %" PRIu64 " and %" PRIu64 " are one event", k + 1, i + 1);
            bool same = event->disposition == other->disposition && is_content_equal(event, other);
            CHECK(scenario, !same || naive->received_us[i] - naive->received_us[k] >= window_us,
                  "sequences %" PRIu64 " and %" PRIu64 " are one quarantined event", k + 1, i + 1);
        }
    }
}

static void check_answer(struct scenario *scenario, const struct naive *naive, const struct answer *answer)
{
    static const int dispositions[MTR_RESULT_COUNT] = {
        [MTR_RESULT_ACCEPTED] = MTR_DISPOSITION_NORMAL, [MTR_RESULT_HELD] = MTR_DISPOSITION_NORMAL,
        [MTR_RESULT_LATE] = MTR_DISPOSITION_NORMAL,     [MTR_RESULT_VOIDED] = MTR_DISPOSITION_VOID,
        [MTR_RESULT_EXPIRED] = MTR_DISPOSITION_EXPIRED, [MTR_RESULT_FUTURE] = MTR_DISPOSITION_FUTURE};
    struct mtr_event sent = scenario_sent_as_event(scenario, answer->event);
    const char *code = mtr_result_name(answer->code);
    bool is_refused = answer->code == MTR_RESULT_INVALID || answer->code == MTR_RESULT_NOT_ACTIVE || answer->code == MTR_RESULT_NOT_AUTHORIZED;
    CHECK(scenario, answer->code != MTR_RESULT_UNPROCESSED, "unprocessed");
    CHECK(scenario, is_refused == !answer->seq && answer->seq <= naive->event_count, "%s with sequence %" PRIu64, code, answer->seq);
    if (is_refused) return;
    const struct mtr_event *stored = &naive->events[answer->seq - 1];
    CHECK(scenario, is_identity_equal(stored, &sent), "%s %" PRIu64 " is of another event", code, answer->seq);
    if (answer->code == MTR_RESULT_CONFLICT) {
        bool is_kept = false;
        CHECK(scenario, !is_content_equal(stored, &sent), "sequence %" PRIu64 " is no conflict", answer->seq);
        for (uint64_t i = 0; i < naive->event_count; i++)
            is_kept |= naive->events[i].disposition == MTR_DISPOSITION_CONFLICT && naive->events[i].target_seq == answer->seq &&
                       is_identity_equal(&naive->events[i], &sent) && is_content_equal(&naive->events[i], &sent);
        CHECK(scenario, is_kept, "the conflict with %" PRIu64 " was not kept", answer->seq);
        return;
    }
    CHECK(scenario, is_content_equal(stored, &sent), "%s %" PRIu64 " was altered", code, answer->seq);
    if (answer->code == MTR_RESULT_DUPLICATE)
        CHECK(scenario, stored->disposition == MTR_DISPOSITION_NORMAL || stored->disposition == MTR_DISPOSITION_VOID, "duplicate of what");
    else
        CHECK(scenario, (int)stored->disposition == dispositions[answer->code], "%s %" PRIu64, code, answer->seq);
}

static void check_targets(struct scenario *scenario, const struct naive *naive)
{
    for (uint64_t i = 0; i < naive->event_count; i++) {
        const struct mtr_event *event = &naive->events[i];
        if (event->disposition != MTR_DISPOSITION_VOID) continue;
        const struct mtr_property *id = mtr_event_property(event, MTR_STR("id"));
        CHECK(scenario, event->target_seq && event->target_seq <= i && id, "void %" PRIu64, i + 1);
        const struct mtr_event *target = &naive->events[event->target_seq - 1];
        CHECK(scenario, mtr_str_equal(target->id, id->text) && mtr_str_equal(target->source, event->source) &&
                            mtr_str_equal(target->vendor, event->vendor) && target->disposition == MTR_DISPOSITION_NORMAL,
              "void %" PRIu64 " takes back another event", i + 1);
    }
}

static void check_log(struct scenario *scenario, const struct naive *naive)
{
    const struct client *client = &scenario->client;
    struct mtr_event *sent_events = scenario_alloc(scenario, client->event_count, sizeof(*sent_events));
    struct mtr_diagnostic diagnostic = {0};
    uint64_t last_seq, counted = 0;
    for (uint32_t i = 0; i < client->event_count; i++) sent_events[i] = scenario_sent_as_event(scenario, client->events[i]);
    check_log_against_sent(scenario, naive, sent_events);
    check_targets(scenario, naive);
    for (uint32_t i = 0; i < client->answer_count; i++) check_answer(scenario, naive, &client->answers[i]);
    for (int code = 0; code < MTR_RESULT_COUNT; code++) counted += client->counts[code];
    CHECK(scenario, counted == client->submitted && counted == client->answer_count, "%" PRIu64 " events, %" PRIu64 " results",
          client->submitted, counted);
    /* Every stored event was answered with its sequence, if only as a repeat. Conflicts name the original; what was from the future, or expired,
     * when its answer got lost may be accepted when it is sent again: later, or under a clock that is back. */
    for (uint64_t seq = 1; seq <= naive->event_count; seq++) {
        enum mtr_disposition disposition = naive->events[seq - 1].disposition;
        bool is_told = disposition == MTR_DISPOSITION_CONFLICT || disposition == MTR_DISPOSITION_FUTURE || disposition == MTR_DISPOSITION_EXPIRED;
        for (uint32_t i = 0; i < client->answer_count && !is_told; i++) is_told = client->answers[i].seq == seq;
        CHECK(scenario, is_told, "nobody was told of sequence %" PRIu64, seq);
    }
    CHECK(scenario, !mtr_log_verify(scenario->stores.reader, &last_seq, &diagnostic), "%s", diagnostic.text);
    scenario_seen[SEEN_SEGMENTS] += mtr_log_segments(scenario->stores.log, NULL, 0);
    CHECK(scenario, last_seq == naive->event_count, "verified up to %" PRIu64, last_seq);
}

/* ---- 2: rollups are the sum of the events ---- */

struct cell_check {
    struct scenario *scenario;
    const struct naive *naive;
    uint32_t at;
};

static bool is_same_cell(const struct naive_use *a, const struct naive_use *b)
{
    return a->subscription == b->subscription && a->meter == b->meter && a->start_us == b->start_us && mtr_str_equal(a->dimensions, b->dimensions);
}

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct cell_check *check = context;
    struct scenario *scenario = check->scenario;
    const struct naive_use *first = &check->naive->uses[check->at], *uses[4096];
    struct mtr_quantity value;
    uint32_t count = 0;
    uint64_t live = 0, seq_first = UINT64_MAX, seq_last = 0;
    CHECK(scenario, check->at < check->naive->use_count, "a cell of no event: %u %u %" PRId64, key->subscription, key->meter, key->start_us);
    for (; check->at < check->naive->use_count && is_same_cell(first, &check->naive->uses[check->at]) && count < 4096; check->at++) {
        const struct naive_use *use = &check->naive->uses[check->at];
        uint64_t last = use->void_seq ? use->void_seq : use->seq;
        uses[count++] = use;
        live += !use->void_seq;
        if (use->seq < seq_first) seq_first = use->seq;
        if (last > seq_last) seq_last = last;
    }
    bool same = key->subscription == first->subscription->number && key->meter == first->meter->number && key->start_us == first->start_us &&
                mtr_str_equal(key->dimensions, first->dimensions);
    CHECK(scenario, same, "cell %u %u %" PRId64 ", expected %u %u %" PRId64, key->subscription, key->meter, key->start_us,
          first->subscription->number, first->meter->number, first->start_us);
    scenario_naive_value(scenario, uses, count, &value);
    CHECK(scenario, cell->value.e12 == value.e12 && cell->count == live, "cell %u %u %" PRId64 ": value or count", key->subscription,
          key->meter, key->start_us);
    CHECK(scenario, cell->seq_first == seq_first && cell->seq_last == seq_last,
          "cell %u %u %" PRId64 ": range %" PRIu64 "-%" PRIu64 ", expected %" PRIu64 "-%" PRIu64, key->subscription, key->meter,
          key->start_us, cell->seq_first, cell->seq_last, seq_first, seq_last);
    return MTR_OK;
}

static int count_held(void *context, const struct mtr_held_event *held)
{
    (void)held;
    (*(uint32_t *)context)++;
    return MTR_OK;
}

static int count_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    (void)event;
    (*(uint32_t *)context)++;
    return MTR_OK;
}

/* Returns the watermark. */
static int64_t check_rollups(struct scenario *scenario, const struct naive *naive)
{
    struct mtr_rollups_txn *txn;
    struct cell_check check = {scenario, naive, 0};
    uint64_t next_seq, change;
    int64_t watermark_us;
    uint32_t held = 0, quarantined = 0;
    struct mtr_beyond_sum beyond;
    CHECK_OK(scenario, mtr_rollups_begin(scenario->stores.rollups, false, &txn));
    CHECK_OK(scenario, mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change));
    CHECK(scenario, next_seq == naive->event_count + 1 && watermark_us == scenario->now_us, "the fold is behind");
    CHECK_OK(scenario, walk_all_cells(txn, on_cell, &check));
    CHECK(scenario, check.at == naive->use_count, "cells are missing: %u of %u uses seen", check.at, naive->use_count);
    CHECK_OK(scenario, mtr_rollups_walk_held(txn, &(struct mtr_held_event){.reason = MTR_HELD_SUBSCRIPTION}, count_held, &held));
    CHECK_OK(scenario, mtr_rollups_walk_held(txn, &(struct mtr_held_event){.reason = MTR_HELD_METER}, count_held, &held));
    CHECK(scenario, held == naive->held_count, "%u held, expected %u", held, naive->held_count);
    CHECK_OK(scenario, mtr_rollups_sum_beyond(txn, &beyond));
    CHECK(scenario, beyond.events == naive->beyond_count, "%" PRIu64 " beyond quotas, expected %u", beyond.events, naive->beyond_count);
    CHECK_OK(scenario, mtr_rollups_walk_quarantined(txn, 0, count_quarantined, &quarantined));
    CHECK(scenario, quarantined == naive->quarantined_count, "%u quarantined, expected %u", quarantined, naive->quarantined_count);
    mtr_rollups_abort(txn);
    return watermark_us;
}

/* ---- 3 and 5: what the receiver got is the price of the usage, each charge once ---- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(((const struct bill_line *)a)->key, ((const struct bill_line *)b)->key);
}

static void print_bill(const struct bill *bill, const struct receiver *receiver)
{
    char amount[MTR_DECIMAL_TEXT_BYTES];
    for (uint32_t i = 0; i < bill->count; i++) {
        mtr_money_format(bill->lines[i].amount, amount);
        printf("bill: %s: %s\n", bill->lines[i].key, amount);
    }
    for (uint32_t i = 0; i < receiver->line_count; i++) {
        mtr_money_format(receiver->lines[i].amount, amount);
        printf("received: %s: %s\n", receiver->lines[i].key, amount);
    }
}

static void check_bill(struct scenario *scenario, struct bill *bill, struct receiver *receiver)
{
    char got[MTR_DECIMAL_TEXT_BYTES], expected[MTR_DECIMAL_TEXT_BYTES];
    if (bill->count) qsort(bill->lines, bill->count, sizeof(*bill->lines), compare_lines);
    if (scenario->is_loud) print_bill(bill, receiver);
    for (uint32_t i = 1; i < bill->count; i++) CHECK(scenario, strcmp(bill->lines[i - 1].key, bill->lines[i].key), "%s", bill->lines[i].key);
    uint32_t matched = 0;
    for (uint32_t i = 0; i < receiver->line_count; i++) {
        const struct received_line *line = &receiver->lines[i];
        const struct bill_line key = {.key = line->key};
        const struct bill_line *wanted = bill->count ? bsearch(&key, bill->lines, bill->count, sizeof(key), compare_lines) : NULL;
        struct mtr_money amount = wanted ? wanted->amount : (struct mtr_money){0};
        mtr_money_format(line->amount, got);
        mtr_money_format(amount, expected);
        CHECK(scenario, line->amount.e18 == amount.e18, "%s: emitted %s, the price is %s", line->key, got, expected);
        struct mtr_money cost = wanted ? wanted->cost : (struct mtr_money){0};
        mtr_money_format(line->cost, got);
        mtr_money_format(cost, expected);
        CHECK(scenario, line->cost.e18 == cost.e18, "%s: emitted a cost of %s, the cost is %s", line->key, got, expected);
        matched += wanted != NULL;
    }
    if (matched == bill->count) return;
    for (uint32_t i = 0; i < bill->count; i++) {
        bool is_there = bill->lines[i].amount.e18 == 0 && bill->lines[i].cost.e18 == 0;
        for (uint32_t k = 0; k < receiver->line_count && !is_there; k++) is_there = !strcmp(receiver->lines[k].key, bill->lines[i].key);
        mtr_money_format(bill->lines[i].amount, expected);
        CHECK(scenario, is_there, "%s: nothing emitted, the price is %s", bill->lines[i].key, expected);
    }
}

struct emitted {
    struct scenario *scenario;
    uint64_t numbers[DESTINATIONS_MAX];
    struct mtr_money total;
};

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int on_charge(void *context, const struct mtr_charge *charge)
{
    struct emitted *emitted = context;
    struct scenario *scenario = emitted->scenario;
    CHECK_OK(scenario, mtr_money_add(emitted->total, charge->amount, &emitted->total));
    scenario_seen[SEEN_DRAFT + charge->status]++;
    for (uint32_t d = 0; d < DESTINATIONS_MAX; d++) {
        const struct receiver *receiver = &scenario->receivers[d];
        if (d && charge->status == MTR_CHARGE_DRAFT) continue; /* only the first takes drafts */
        uint64_t at = emitted->numbers[d]++;
        CHECK(scenario, at < receiver->number_count && receiver->numbers[at] == charge->number,
              "charge %" PRIu64 " is not once at destination %u", charge->number, d);
    }
    return MTR_OK;
}

static int on_message(void *context, const struct mtr_message *message)
{
    CHECK((struct scenario *)context, message->state == MTR_MESSAGE_ACKED, "a message is %s", mtr_message_state_name(message->state));
    return MTR_OK;
}

static void check_deliveries(struct scenario *scenario)
{
    struct mtr_charges_txn *txn;
    struct emitted emitted = {.scenario = scenario};
    for (uint32_t d = 0; d < DESTINATIONS_MAX; d++) {
        struct receiver *receiver = &scenario->receivers[d];
        if (receiver->number_count) qsort(receiver->numbers, receiver->number_count, sizeof(*receiver->numbers), compare_numbers);
    }
    CHECK_OK(scenario, mtr_charges_begin(scenario->stores.charges, false, &txn));
    CHECK_OK(scenario, mtr_charges_walk(txn, 0, on_charge, &emitted));
    CHECK_OK(scenario, mtr_charges_walk_messages(txn, 0, 0, on_message, scenario));
    mtr_charges_abort(txn);
    for (uint32_t d = 0; d < DESTINATIONS_MAX; d++)
        CHECK(scenario, scenario->receivers[d].number_count == emitted.numbers[d], "destination %u got more than was emitted", d);
    CHECK(scenario, scenario->receivers[0].total.e18 == emitted.total.e18, "sums differ");
}

struct findings {
    struct scenario *scenario;
    uint32_t stray;
};

static int on_finding(void *context, const struct mtr_audit_finding *finding)
{
    struct findings *findings = context;
    bool is_stray = finding->code == MTR_FINDING_AUDIT_OUTSIDE_TERM || finding->code == MTR_FINDING_AUDIT_NO_TARIFF;
    CHECK(findings->scenario, is_stray, "audit: %s, %.*s %" PRId64 " %.*s: %.*s", mtr_finding_kind(finding->code)->code,
          MTR_STR_ARGS(finding->subscription), finding->period_start_us, MTR_STR_ARGS(finding->component), MTR_STR_ARGS(finding->text));
    findings->stray++;
    return MTR_OK;
}

static void check_audit(struct scenario *scenario, uint32_t stray_count)
{
    const struct stores *stores = &scenario->stores;
    struct mtr_audit_counts counts;
    struct findings findings = {scenario, 0};
    const struct mtr_audit_of of = {stores->rollups, stores->charges, stores->catalog};
    CHECK_OK(scenario, mtr_rater_audit(&of, &stores->rater_options, on_finding, &findings, &counts));
    CHECK(scenario, counts.pending == 0, "%" PRIu64 " periods wait", counts.pending);
    CHECK(scenario, findings.stray == stray_count, "the audit finds %u strays, expected %u", findings.stray, stray_count);
}

/* ---- 4: the same log folded anew gives the same bytes, and no new charges ---- */

static struct mtr_hash128 hash_rollups(struct scenario *scenario, struct mtr_rollups *rollups)
{
    struct mtr_rollups_txn *txn;
    struct mtr_hash128 hash;
    CHECK_OK(scenario, mtr_rollups_begin(rollups, false, &txn));
    CHECK_OK(scenario, mtr_rollups_hash(txn, &hash));
    mtr_rollups_abort(txn);
    return hash;
}

static struct mtr_rollups *rebuild(struct scenario *scenario)
{
    const struct stores *stores = &scenario->stores;
    const struct mtr_aggregator_options options = {.step_events_max = 100};
    struct mtr_aggregator_result result = {0};
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_aggregator *aggregator;
    struct mtr_rollups *rollups;
    char path[PATH_BYTES];
    scenario_stores_path(scenario, "rebuilt", path);
    CHECK(scenario, !mtr_rollups_open(path, false, &rollups, &diagnostic), "%s", diagnostic.text);
    CHECK_OK(scenario, mtr_aggregator_open(rollups, stores->reader, &options, &aggregator));
    while (!result.idle)
        CHECK(scenario, !mtr_aggregator_step(aggregator, stores->catalog, scenario->now_us, &result, &diagnostic), "%s", diagnostic.text);
    mtr_aggregator_close(aggregator);
    return rollups;
}

static void check_rebuild(struct scenario *scenario)
{
    struct stores *stores = &scenario->stores;
    struct mtr_rollups *rebuilt = rebuild(scenario);
    struct mtr_hash128 live = hash_rollups(scenario, stores->rollups), again = hash_rollups(scenario, rebuilt);
    CHECK(scenario, live.high == again.high && live.low == again.low, "the rollups folded anew differ");
    struct mtr_rater_result result = {0};
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_rater *rater;
    CHECK_OK(scenario, mtr_rater_forget_feed(stores->charges));
    CHECK_OK(scenario, mtr_rater_open(rebuilt, stores->charges, &stores->rater_options, &rater));
    for (int64_t now_us = scenario->now_us; !result.idle || result.next_due_us != INT64_MAX;) {
        if (result.idle) now_us = result.next_due_us;
        CHECK(scenario, !mtr_rater_step(rater, stores->catalog, now_us, &result, &diagnostic), "%s", diagnostic.text);
        CHECK(scenario, result.charges == 0, "rated anew, %" PRIu64 " charges more", result.charges);
    }
    mtr_rater_close(rater);
    mtr_rollups_close(rebuilt);
}

void scenario_laws(struct scenario *scenario)
{
    struct naive naive;
    struct bill bill;
    scenario_naive_read(scenario, &naive);
    check_log(scenario, &naive);
    int64_t watermark_us = check_rollups(scenario, &naive);
    scenario_bill_make(scenario, &naive, watermark_us, &bill);
    check_audit(scenario, bill.stray_count);
    check_bill(scenario, &bill, &scenario->receivers[0]);
    scenario_check_named(scenario);
    scenario_quote_laws(scenario);
    scenario_check_cuts(scenario);
    check_deliveries(scenario);
    check_rebuild(scenario);
}
