/*
 * Drafts that move what a subscription says: its start, end, trial, and what becomes another from a date on;
 * several of one subject, one behind the other in any order, so that use goes from one to another; beside them
 * versions, credits and retired meters. At any microsecond.
 */
#ifndef METERD_TESTS_SUPPORT_DRAFTED_TERMS_H
#define METERD_TESTS_SUPPORT_DRAFTED_TERMS_H

#include "tests/support/drafting.h"

/* Many begin in the second in which a period begins already: that of the start, or of a month in UTC. */
static inline int64_t time_of_change(int64_t start_us)
{
    const int64_t into_us = 1 + (int64_t)random_below(&source, MTR_US_PER_SECOND - 1);
    switch (below(4)) {
    case 0: return mtr_time_second(start_us) + into_us;
    case 1: return JANUARY_US + (below(2) ? 31 : 0) * DAY_US + into_us;
    default: return any_time();
    }
}

static inline int64_t time_of_next_change(int64_t from_us)
{
    return from_us + 1 + (int64_t)(below(2) ? random_below(&source, 8 * (uint64_t)DAY_US) : random_below(&source, MTR_US_PER_SECOND));
}

/* From a time on another tariff, customer or billing. */
static inline void add_changes(struct text *text, int64_t start_us)
{
    static const char *const whats[] = {"tariff: u, currency: EUR", "customer: c7", "tariff: t, currency: EUR, customer: c1",
                                        "billing: {every: week}", "billing: {every: month, anchor: anniversary}",
                                        "tariff: u, currency: EUR, customer: c0",
                                        "tariff: d, currency: USD", "tariff: d, currency: USD, customer: c1"};
    int64_t from_us = time_of_change(start_us);
    if (below(2) || from_us <= start_us) return;
    add(text, ", changes: [");
    for (uint32_t i = 0; i < 2; i++, from_us = time_of_next_change(from_us)) {
        char from[MTR_TIME_TEXT_BYTES];
        mtr_time_format(from_us, from);
        add(text, "%s{from: '%s', %s}", i ? ", " : "", from, whats[below(has_sharing ? 8 : 6)]);
    }
    add(text, "]");
}

/* Nothing is charged until it ends, or another tariff; or it frees units or money, for a time or until they are used up. */
static inline void add_trial(struct text *text)
{
    static const char *const whats[] = {"", ", quantity: {calls: '7'}", ", amount: '60'", ", amount: '40', then: stop", ", tariff: u"};
    const char *what = whats[below(has_sharing ? 4 : 5)]; /* u has no prices in dollars */
    if (below(3)) return;
    add(text, ", trial: {");
    if (strchr(what, 't') == NULL || strstr(what, "tariff") || strstr(what, "stop") || below(2)) add(text, "days: %u", 25 + below(40));
    else what += strlen(", ");
    add(text, "%s}", what);
}

/* The last letter of a value of what was added from there on. */
static inline void set_letter(struct text *text, size_t from, const char *value, char letter)
{
    char *found = strstr(text->data + from, value);
    assert_non_null(found);
    found[strlen(value) - 1] = letter;
}

/* One that ends in what is closed, in what runs, or not at all; and perhaps another's. */
static inline void add_changed_subscription(struct text *text, uint32_t number)
{
    const int64_t start_us = below(3) ? JANUARY_US - 40 * DAY_US : any_time() - 30 * DAY_US;
    const int64_t ends_us[] = {any_time(), any_time(), JANUARY_US + 31 * DAY_US + (int64_t)random_below(&source, 15 * (uint64_t)DAY_US), INT64_MAX};
    const size_t from = text->size;
    add_subscription(text, number, start_us, ends_us[below(4)], 0);
    if (below(4) == 0) set_letter(text, from, customer_of(number) ? "customer: c1" : "customer: c0", '8');
    if (below(4) == 0) set_letter(text, from, "tariff: t", 'u');
    text->size -= strlen("}\n");
    add_trial(text);
    add_changes(text, start_us);
    add(text, "}\n");
}

/* How many subscriptions a subject has so far, where it has more than one. */
enum { TERMS_MAX = 3 };
static uint32_t term_counts[4];

static inline int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The others than the first have a zone and a customer of their own. */
static inline void add_term(struct text *text, uint32_t number, uint32_t index, int64_t start_us, int64_t end_us)
{
    char start[MTR_TIME_TEXT_BYTES], end[MTR_TIME_TEXT_BYTES], key[16];
    snprintf(key, sizeof(key), index ? "s%u-%u" : "s%u", number, index);
    mtr_time_format(start_us, start);
    mtr_time_format(end_us, end);
    add(text, "  - {key: %s, subject: s%u, service: compute, customer: c%u, tariff: %s, zone: %s, start: '%s'", key, number,
        index && !has_sharing ? 3 + index : customer_of(number), below(2) ? "t" : "u", has_sharing ? zone_of(number) : zones[(number + index) % 4],
        start);
    if (end_us < INT64_MAX) add(text, ", end: '%s'", end);
    add_trial(text);
    add_changes(text, start_us);
    add(text, "}\n");
}

/* All subscriptions of a subject, and perhaps one more: each ends before the next begins, or there. */
static inline void add_terms(struct text *text, uint32_t number)
{
    int64_t times_us[2 * TERMS_MAX];
    uint32_t *count = &term_counts[number], first;
    if (!*count) *count = 1;
    if (*count < TERMS_MAX && below(2)) ++*count;
    first = below(*count);
    for (uint32_t i = 0; i < 2 * *count; i++) times_us[i] = any_time();
    qsort(times_us, 2 * (size_t)*count, sizeof(*times_us), compare_times);
    if (below(2)) times_us[0] = JANUARY_US - 40 * DAY_US;
    for (uint32_t i = 0; i < *count; i++) {
        int64_t *start_us = &times_us[2 * i], *end_us = start_us + 1;
        if (i && below(2)) *start_us = start_us[-1];
        if (*end_us <= *start_us) *end_us = *start_us + 1;
        if (i + 1 < *count && start_us[2] < *end_us) start_us[2] = *end_us;
    }
    if (below(2)) times_us[2 * *count - 1] = INT64_MAX;
    for (uint32_t i = 0; i < *count; i++) add_term(text, number, (first + i) % *count, times_us[2 * i], times_us[2 * i + 1]);
}

/* No event is behind it. */
static inline void add_retired_meter(struct text *text)
{
    static const char *const meters[] = {
        "gib, service: compute, event_type: call, value: n, aggregation: time_weighted, group_by: [region]",
        "seats, service: compute, event_type: call, value: n, aggregation: time_weighted, reports: change",
        "rank, service: compute, event_type: call, value: n, aggregation: percentile, window: 15m"};
    char from[MTR_TIME_TEXT_BYTES];
    mtr_time_format(JANUARY_US + 29 * DAY_US + (int64_t)random_below(&source, 3 * (uint64_t)DAY_US), from);
    add(text, "meters:\n  - {key: %s", meters[below(3)]);
    if (below(3)) add(text, ", retired: '%s'", from);
    add(text, "}\n");
}

/* Of a customer, or of one of the subscriptions: whose it is may become another, and how much. */
static inline void add_shared_credit(struct text *text)
{
    static const char *const whats[] = {"currency: EUR, amount", "currency: USD, amount", "currency: EUR, components: [calls, gib], amount",
                                        "meter: calls, quantity"};
    const uint32_t number = below(4), owner = below(has_one_customer ? 1 : 2);
    add(text, "credits:\n  - {key: shared%u, from: '%s', priority: %u", number, below(2) ? "2025-12-01" : "2026-01-15T10:20:30Z", below(100));
    if (number == 1 || below(4)) add(text, ", customer: c%u", owner); /* a subscription's are in its currency */
    else add(text, ", subscription: s%u", below(4));
    add(text, ", %s: '%u'}\n", whats[number], 1 + below(1500));
}

/* New, or with another amount or begin. */
static inline void add_credit(struct text *text)
{
    const uint32_t subscription = below(4);
    if (has_sharing && below(4)) {
        add_shared_credit(text);
        return;
    }
    add(text, "credits:\n  - {key: k%u, subscription: s%u, amount: '%u', currency: EUR, from: '%s'}\n", subscription, subscription, 1 + below(900),
        below(2) ? "2025-12-01" : "2026-01-15T10:20:30Z");
}

/* Of which events are held until then: at first it is new. */
static inline void add_held_subject(struct text *text)
{
    char start[MTR_TIME_TEXT_BYTES];
    mtr_time_format(below(2) ? JANUARY_US - 40 * DAY_US : any_time(), start);
    add(text, "  - {key: s4, service: compute, customer: c%u, tariff: %s, zone: %s, start: '%s'}\n", customer_of(below(4)), below(2) ? "t" : "u",
        zones[has_sharing ? 0 : 2], start);
}

static inline void write_draft(struct text *text)
{
    text->size = 0;
    if (below(has_sharing ? 2 : 3) == 0) add_credit(text);
    if (below(2)) add_retired_meter(text);
    if (below(3) == 0) add_tariffs(text);
    const uint32_t number = below(4);
    add(text, "subscriptions:\n");
    if (term_counts[number] > 1 || below(2)) add_terms(text, number);
    else add_changed_subscription(text, number);
    if (has_held && below(3) == 0) add_held_subject(text);
}

/* What a period draws is told from one to the next, one further with each rating. */
static inline void settle_draws(void)
{
    enum { LINKS_MAX = 40 };
    int links = 0;
    do settle();
    while (audit().pending && ++links < LINKS_MAX);
    assert_int_equal(audit().pending, 0);
}

/* The world that drafts are made for, and what is shared in it. */
static inline void open_terms(uint64_t seed)
{
    static struct text text;
    print_message("seed %llu\n", (unsigned long long)seed);
    open_world(seed);
    memset(term_counts, 0, sizeof(term_counts));
    for (int i = 0; has_sharing && i < 3; i++) {
        text.size = 0;
        add_shared_credit(&text);
        store(&text);
    }
    settle_draws();
}

#endif
