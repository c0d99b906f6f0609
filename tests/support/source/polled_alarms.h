/*
 * The law of alarms of the polled pipeline, as its vendor is the one who knows what was false:
 *
 *   raised     a reading with a false answer that must be told of, and that came to its end, has raised one of the alarms of it, or that one stands
 *   explained  each alarm is of a false answer since it was over last, or of what the vendor published
 *
 * A reading that a crash cuts off may have told, or not.
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_POLLED_ALARMS_H
#define METERD_TESTS_SUPPORT_SOURCE_POLLED_ALARMS_H

#include "support/source/polled_vendor.h"

enum { SOURCES = 7, FALSE_MAX = 256 };
static const char *const SOURCE_KEYS[SOURCES] = {"a", "b", "j", "p", "f", "c", "accounts"};
#define BIT(name) (1u << MTR_ALARM_##name)

/* Where each can be, what one such answer must raise one of, and what besides comes of several. */
static const struct fault_kind {
    const char *name;
    unsigned places, must, may;
} FAULT_KINDS[FAULTS] = {
#define AT(place) (1u << AT_##place)
#define ROWS_AT (AT(PAGES) | AT(EACH) | AT(MANIFEST) | AT(COUNTER))
    [NONE] = {"none", 0, 0, 0},
    [ERROR_500] = {"500", ~0u, 0, BIT(FAILING)},
    [SLOW_429] = {"429", ~0u, 0, BIT(FAILING)},
    [TORN] = {"torn", ~(AT(REMOVE) | AT(SUBMIT)), BIT(FAILING) | BIT(INCOMPLETE), 0},
    [NOT_THERE] = {"404", ~AT(REMOVE), BIT(FAILING) | BIT(INCOMPLETE), 0},
    [SKEWED] = {"skewed", ~AT(REMOVE), BIT(SKEW), 0},
    [EMPTY] = {"empty", ROWS_AT | AT(POLL), BIT(SUSPECT) | BIT(INCOMPLETE), 0},
    [MISCOUNTED] = {"miscounted", AT(PAGES) | AT(EACH) | AT(ACCOUNTS) | AT(MANIFEST), BIT(INCOMPLETE), 0},
    [LOOPING] = {"looping", AT(PAGES) | AT(FEED), BIT(LOOP), 0},
    [FAILED] = {"failed", AT(POLL), BIT(FAILING), 0},
    [OLD_LINK] = {"old link", AT(FILE), 0, BIT(FAILING)},
    [HOLE] = {"hole", AT(COUNTER), BIT(GAP) | BIT(SUSPECT), 0},
    [CHANGED] = {"changed", AT(FEED), BIT(REFUSED) | BIT(INCOMPLETE), 0}, /* of a row of the same reading, too */
#undef ROWS_AT
#undef AT
};

struct false_answer {
    enum fault fault;
    unsigned must, told; /* alarms, as bits; told since */
    bool is_followed;    /* by another answer to the same source */
    bool is_read;        /* its reading is over, and the source was not looked at since: for a hole in a counter that is when it is told */
};

struct watched {
    struct false_answer answers[FALSE_MAX]; /* of readings under way */
    uint32_t count;
    unsigned may;       /* alarms that those explain */
    unsigned explained; /* alarms that stand, and whose reason was seen */
    unsigned kept;      /* behind a crash, as long as the ledger has a window that says so */
};

struct watch {
    struct watched of[SOURCES];
    uint32_t held[FAULTS], left_out; /* how many were decided, by their kind; readings that were cut off */
};

static inline int source_index(struct mtr_str key)
{
    for (int i = 0; i < SOURCES; i++)
        if (mtr_str_equal(key, mtr_str_from(SOURCE_KEYS[i]))) return i;
    fail_msg("%.*s", MTR_STR_ARGS(key));
    return 0;
}

static inline int source_at(enum place place)
{
    static const int of[PLACES] = {[AT_ACCOUNTS] = 6, [AT_PAGES] = 0, [AT_EACH] = 1,     [AT_SUBMIT] = 2, [AT_POLL] = 2,    [AT_REMOVE] = 2,
                                   [AT_REPORTS] = 2,  [AT_MANIFEST] = 3, [AT_FILE] = 3, [AT_FEED] = 4,   [AT_COUNTER] = 5};
    return of[place];
}

static inline void fail_answer(int source, const struct false_answer *answer)
{
    fail_msg("no alarm says that an answer to %s was false: %s; told %#x", SOURCE_KEYS[source], FAULT_KINDS[answer->fault].name, answer->told);
}

/* The next reading has begun. */
static inline void watch_asked(struct watch *watch, enum place place)
{
    struct watched *watched = &watch->of[source_at(place)];
    for (uint32_t i = 0; i < watched->count; i++) {
        struct false_answer *answer = &watched->answers[i];
        if (answer->is_read && !(answer->told & answer->must)) fail_answer(source_at(place), answer);
        answer->is_followed = true;
    }
}

/* An answer goes out. must: of its kind's, what is sure. */
static inline void watch_answer(struct watch *watch, enum place place, enum fault fault, unsigned must)
{
    struct watched *watched = &watch->of[source_at(place)];
    assert_true(watched->count < FALSE_MAX);
    watched->may |= FAULT_KINDS[fault].must | FAULT_KINDS[fault].may;
    watched->answers[watched->count++] = (struct false_answer){.fault = fault, .must = must};
}

/* Of a line that is told: "suspect: …" or "suspect is over". */
static inline unsigned alarm_bit(const char *text)
{
    for (int i = 1; i < MTR_ALARM_COUNT; i++) {
        const char *name = mtr_alarm_name((enum mtr_alarm)i);
        const size_t size = strlen(name);
        if (!strncmp(text, name, size) && (text[size] == ':' || text[size] == ' ')) return 1u << i;
    }
    fail_msg("%s", text);
    return 0;
}

static inline unsigned standing(const struct poller_world *w, const char *key)
{
    struct mtr_source_status status;
    unsigned bits = 0;
    assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), mtr_str_from(key), &status));
    for (uint32_t i = 0; i < status.alarm_count; i++) bits |= 1u << status.alarms[i].alarm;
    return bits;
}

/* of_truth: whether what was published explains a doubt. */
static inline void watch_line(struct watch *watch, const struct poller_world *w, bool is_alarm, struct mtr_str source, const char *text, bool of_truth)
{
    const int index = source_index(source);
    struct watched *watched = &watch->of[index];
    if (!is_alarm && !strstr(text, " is over")) return;
    const unsigned bit = alarm_bit(text);
    if (!is_alarm) { /* it stood until now: also for what was false before the answer that has ended it */
        for (uint32_t i = 0; i < watched->count; i++)
            if (watched->answers[i].is_followed) watched->answers[i].told |= bit;
        watched->explained &= ~bit | standing(w, SOURCE_KEYS[index]); /* another account may have it still */
        if (bit == BIT(REFUSED)) watched->kept &= ~bit;
        return;
    }
    unsigned reasons = watched->may | watched->explained | watched->kept;
    if (of_truth) reasons |= BIT(SUSPECT);
    if (reasons & ~BIT(GAP)) reasons |= BIT(GAP); /* a window that nothing whole was read of in time */
    if (!(reasons & bit)) fail_msg("nothing explains %.*s %s", MTR_STR_ARGS(source), text);
    watched->explained |= bit;
    for (uint32_t i = 0; i < watched->count; i++) watched->answers[i].told |= bit;
}

/* Of that answer, or of another one, which has ended the same reading before it could matter. */
static inline bool is_told(const struct watched *watched, uint32_t at, unsigned stands)
{
    const struct false_answer *answer = &watched->answers[at];
    unsigned musts = answer->must;
    for (uint32_t i = 0; i < watched->count; i++)
        if (i != at) musts |= FAULT_KINDS[watched->answers[i].fault].must;
    return (answer->told | stands) & musts;
}

/* Nothing is left to do at this time: readings that wait for nothing have come to their end. */
static inline void watch_ended(struct watch *watch, const struct poller_world *w)
{
    for (int s = 0; s < SOURCES; s++) {
        struct watched *watched = &watch->of[s];
        struct mtr_source_status status;
        if (!mtr_poller_status(w->poller, MTR_STR("acme"), mtr_str_from(SOURCE_KEYS[s]), &status) || status.reading) continue;
        const unsigned stands = watched->count ? standing(w, SOURCE_KEYS[s]) : 0;
        uint32_t late = 0;
        unsigned may = 0;
        for (uint32_t i = 0; i < watched->count; i++) {
            struct false_answer *answer = &watched->answers[i];
            answer->is_read = answer->fault == HOLE && answer->must && !is_told(watched, i, stands);
            if (answer->is_read) {
                may |= answer->must;
                watched->answers[late++] = *answer;
                continue;
            }
            if (answer->must && !is_told(watched, i, stands)) fail_answer(s, answer);
            watch->held[answer->fault] += answer->must != 0;
        }
        watched->count = late;
        watched->may = may;
    }
}

/* What the ledger has comes back, as one of two alarms, with the rows in quarantine, and windows that are late for it. */
static inline void watch_crash(struct watch *watch)
{
    for (int s = 0; s < SOURCES; s++) {
        struct watched *watched = &watch->of[s];
        for (uint32_t i = 0; i < watched->count; i++) watch->left_out += watched->answers[i].must != 0;
        const unsigned reasons = watched->explained | watched->may | watched->kept;
        watched->explained = reasons ? BIT(GAP) : 0;
        watched->kept = BIT(SUSPECT) | BIT(INCOMPLETE) | (reasons & BIT(REFUSED));
        watched->count = 0;
        watched->may = 0;
    }
}

#endif
