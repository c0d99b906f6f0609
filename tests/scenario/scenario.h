/*
 * One run of the whole pipeline in one thread on a simulated clock: what its parts share. test_scenario.c
 * tells what it is for.
 *
 *   scenario_catalog   documents, and how they change while usage flows
 *   scenario_trials    how subscriptions begin, and what of it is told later
 *   scenario_life      services, meters, tariffs and keys that are deleted, and come again
 *   scenario_client    vendors: events, requests, retries; remembers what was sent and what was answered
 *   scenario_stores    stores and stages: open, crash, recover
 *   scenario_clock     the machine's clocks, and what is trusted of them
 *   scenario_receiver  the billing backend, and the operator who looks after messages
 *   scenario_naive     usage recomputed from the log with plain arrays
 *   scenario_measure   that usage as the price function wants it, measured the long way
 *   scenario_bill      what the bill should be, priced from that usage
 *   scenario_quote     what a quote of the usage says, against what was emitted of it
 *   scenario_request   the same asked in a price request, with nothing but what it says
 *   scenario_laws      what must hold at the end
 *
 * Memory of a run is in its arena. Everything random comes from its seed; nothing reads a clock.
 */
#ifndef METERD_TESTS_SCENARIO_SCENARIO_H
#define METERD_TESTS_SCENARIO_SCENARIO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/aggregator/aggregator.h"
#include "meterd/catalog/store.h"
#include "meterd/collector/intake.h"
#include "meterd/core/time.h"
#include "meterd/rater/audit.h"
#include "meterd/emitter/outbox.h"
#include "meterd/tariff/price.h"
#include "meterd/rater/rater.h"
#include "meterd/store/log.h"
#include "support/clock/machine.h"
#include "support/random_events.h"

enum {
    VENDORS_MAX = 3,
    SERVICES_MAX = 5,
    METERS_MAX = 24,
    TARIFFS_MAX = 6,
    SUBSCRIPTIONS_MAX = 12,
    DESTINATIONS_MAX = 2,
    KEYS_MAX = 3,
    KEY_MAX = 16
};

/* ---- catalog ---- */

/* Of a document that may be deleted, and come again. */
struct planned_life {
    uint32_t number; /* in the catalog; 0: not known, or it is not there */
    bool was_there;
};

struct planned_service {
    bool applied;
};

struct planned_key { /* of the API */
    bool applied;
};

struct planned_meter {
    struct planned_life life;
    uint32_t service;
    char key[KEY_MAX];
    char type[KEY_MAX];
    enum mtr_aggregation aggregation;
    bool by_region, by_sku;
    bool wants_values; /* missing: invalid */
    const char *filter; /* as written; NULL: none */
    const char *more; /* what belongs to its aggregation, as written */
    const char *cell; /* how finely it keeps use, as written */
    const char *retired; /* from when on it counts nothing, as written */
    uint32_t values_max; /* of its dimensions; 0: not said */
    bool applied;
};

/* What becomes another from a day on; the rest stays. */
struct planned_change {
    int64_t day;
    const char *clock;  /* as start_clock */
    int64_t second_us;  /* where it was drawn: the second that it lies in; 0: not */
    uint32_t tariff;    /* TARIFFS_MAX: the same */
    bool customer;      /* another one */
    const char *anchor; /* NULL: the same billing */
};
enum { CHANGES_MAX = 3 };

struct planned_subscription {
    uint32_t service;
    char key[KEY_MAX];
    char subject[KEY_MAX];
    uint32_t tariff;
    const char *zone;
    const char *every;
    const char *anchor;
    int64_t start_day; /* days since 1970 */
    const char *start_clock; /* the rest of an instant; empty: midnight in the zone */
    int64_t trial_day; /* 0: none */
    const char *trial_clock;
    bool trial_in_days; /* written as so many days from the start */
    uint32_t trial_tariff; /* TARIFFS_MAX: none */
    bool trial_stops;
    bool trial_frees;      /* units or money of the subscription's own tariff */
    bool trial_is_endless; /* what it frees */
    const char *freed;     /* that, as written; NULL: not drawn yet */
    uint32_t cost_tariff;  /* TARIFFS_MAX: none */
    int64_t end_day;   /* 0: none */
    struct planned_change changes[CHANGES_MAX];
    uint32_t change_count;
    bool shares_subject; /* with one before or behind it: its term stays */
    const char *opening; /* what it begins with, as written; NULL: not drawn yet */
    bool applied;
};

struct planned_tariff {
    struct planned_life life;
    bool applied;
    bool was_named; /* by a subscription that was applied */
    uint32_t service;
    char key[KEY_MAX];
    const char *currency;
    bool is_cost; /* of some subscription: it counts nothing across a customer */
    uint32_t priced; /* a bit for each planned meter that has a component in it */
    bool prices_spare;
};

struct plan {
    uint32_t vendor_count;
    uint32_t service_count, service_vendors[SERVICES_MAX];
    struct planned_service services[SERVICES_MAX];
    uint32_t late_service; /* nothing of it is applied at first */
    struct planned_key keys[KEYS_MAX];
    uint32_t numbers_max[MTR_KIND_COUNT], numbers_next[MTR_KIND_COUNT]; /* given so far, when it was last looked at */
    bool shares_keys; /* every service has the same keys of meters and tariffs */
    uint32_t meter_count, tariff_count, subscription_count;
    struct planned_meter meters[METERS_MAX];
    struct planned_meter spare; /* seldom named by a tariff, so that it may be deleted */
    bool spare_goes;            /* no tariff that is written names it */
    struct planned_tariff tariffs[TARIFFS_MAX];
    struct planned_subscription subscriptions[SUBSCRIPTIONS_MAX];
    uint32_t destinations_applied;
};

/* ---- client ---- */

struct sent_property {
    const char *name;
    const char *json; /* as written: 1.5, "eu", true */
};

enum { SENT_PROPERTIES_MAX = 6, SENT_EVENTS_MAX = 4096, SENT_REQUESTS_MAX = 512, ANSWERS_MAX = 16384 };

struct sent_event {
    uint32_t vendor;
    const char *source, *id, *type, *subject;
    int64_t time_us;
    bool time_given;
    struct sent_property properties[SENT_PROPERTIES_MAX];
    uint32_t property_count;
    int64_t first_sent_us, last_sent_us;
};

struct sent_request {
    uint32_t vendor;
    struct sent_event **events;
    uint32_t count;
    bool answered;
    int64_t created_us;
    struct mtr_request *in_queue; /* owned while the intake holds it */
};

struct answer {
    const struct sent_event *event;
    enum mtr_result_code code;
    uint64_t seq;
};

struct client {
    struct sent_event *events[SENT_EVENTS_MAX];
    uint32_t event_count;
    struct sent_request *requests[SENT_REQUESTS_MAX];
    uint32_t request_count;
    struct answer *answers; /* ANSWERS_MAX */
    uint32_t answer_count;
    uint64_t submitted; /* events of answered requests, counted by the client … */
    uint64_t counts[MTR_RESULT_COUNT]; /* … and as answered */
};

/* ---- stores ---- */

enum { PATH_BYTES = 128 };

struct slow_work {
    void (*run)(void *context);
    void *context;
};

struct stores {
    char root[PATH_BYTES / 2];
    uint32_t generation; /* each copy is a directory of its own */
    struct mtr_catalog_store *catalog_store;
    struct mtr_catalog *catalog;
    struct mtr_log *log;
    struct mtr_dedup *dedup;
    struct mtr_intake *intake;
    struct mtr_log_reader *reader;
    struct mtr_rollups *rollups;
    struct mtr_aggregator *aggregator;
    struct mtr_charges *charges;
    struct mtr_rater *rater;
    struct mtr_outbox *outbox;
    struct slow_work slow;
    struct mtr_log_options log_options;
    struct mtr_intake_options intake_options;
    struct mtr_aggregator_options aggregator_options;
    struct mtr_rater_options rater_options;
    struct mtr_outbox_options outbox_options;
};

/* ---- receiver ---- */

enum { MESSAGES_MAX = 8192, FLIGHTS_MAX = 64, RECEIVED_MAX = 32768 };

struct received_message {
    char id[MTR_MESSAGE_ID_TEXT_BYTES];
    struct mtr_str body;
    bool taken; /* took effect */
};

struct received_line { /* Σ of charges with the same identity */
    const char *key;
    struct mtr_money amount, cost;
};

struct receiver { /* one per destination */
    struct received_message messages[MESSAGES_MAX];
    uint32_t message_count;
    uint64_t numbers[RECEIVED_MAX];
    uint32_t number_count;
    struct received_line *lines;
    uint32_t line_count;
    struct mtr_money total;
};

struct pending_result {
    char id[MTR_MESSAGE_ID_TEXT_BYTES];
    struct mtr_outbox_result result;
};

/* How often things happened over all runs, so that a run that tests nothing is noticed. */
#define SEEN_MAP(X) \
    X(CRASH) X(COPY) X(CLOCK_SET_BACK) X(CLOCK_LEAP) X(QUEUE_FULL) X(ANSWER_LOST) X(VOID_TWICE) X(HELD_VOIDED) X(HELD_STILL) \
    X(METER_REFUSES) X(PASSED_OVER) X(LACKED_BY_ALL) X(RETIRED) X(RETIRED_ANEW) X(METER_DELETED) X(METER_KEPT) X(METER_CHARGED) \
    X(TARIFF_DELETED) X(TARIFF_KEPT) X(SERVICE_DELETED) X(SERVICE_KEPT) X(KEY_DELETED) X(COMES_AGAIN) \
    X(COUNTER_GREW) X(COUNTER_RESET) X(COUNTER_OPENED) X(COUNTER_BEFORE_START) X(LEVEL_OPENED) X(SPLIT_PERIOD) X(STRAY_USAGE) X(CHANGED) \
    X(SECOND_SHARED) X(SECOND_USED) X(SUBJECT_AGAIN) X(SAME_KEYS) X(BEYOND) X(QUOTA_CHANGED) X(DRAFT) X(FINAL) \
    X(CORRECTION) X(ROUNDING_LINE) X(MINIMUM_LINE) X(OVERAGE_LINE) X(TRUE_UP_LINE) X(OVERRIDE) X(TRIAL_PART) X(COST_ALONE) \
    X(TRIAL_ADDED) X(TRIAL_MOVED) X(TRIAL_REMOVED) X(TRIAL_UNITS_DRAWN) X(TRIAL_MONEY_DRAWN) X(TRIAL_KEPT) \
    X(COST_JOINED) X(ALLOWANCE_DRAWN) X(CREDIT_DRAWN) X(MASKS) X(SEVERAL_METERS) X(MATRIX) X(POSITION) \
    X(PEER) X(ACCOUNT) X(LEVEL_CARRIED) X(EVENT_PRICED) X(PERCENTILE_FELL) X(SPREAD_USE) \
    X(RECURRING_LINE) X(QUOTED_LINE) X(CLOSED_PERIOD) X(ANSWERED_PERIOD) X(ANSWERED_LINE) \
    X(REQUEST_CREDIT) X(REQUEST_FREED) X(REQUEST_TRIAL) X(TERM_LINE) X(TERM_GOES_ON) X(REQUEST_TERM) X(REQUEST_CHANGES) X(REQUEST_OPENING) \
    X(RECEIVER_REPEAT) X(MESSAGE_REJECTED) X(MESSAGE_UNKNOWN) X(SEGMENTS)
enum seen {
#define SEEN_ROW(name) SEEN_##name,
    SEEN_MAP(SEEN_ROW)
#undef SEEN_ROW
    SEEN_COUNT
};
extern uint64_t scenario_seen[SEEN_COUNT];
extern const char *const scenario_seen_names[SEEN_COUNT];

struct scenario {
    uint64_t seed;
    bool is_loud;    /* prints its trace */
    bool is_healthy; /* the phase without faults */
    struct random_source random;
    uint64_t trace_hash;
    struct mtr_arena arena;
    int64_t begin_us;
    int64_t now_us; /* the true time */
    struct machine machine; /* whose wall clock leaps */
    int64_t latest_us;      /* the latest true time that there was: it may be set back */
    uint32_t crash_permille;
    bool crashes_by_copy;
    bool all_end;
    struct plan plan;
    struct client client;
    struct stores stores;
    struct receiver receivers[DESTINATIONS_MAX];
    struct pending_result pending[FLIGHTS_MAX];
    uint32_t pending_count;
};

/* Fails the test and names the seed. */
#define CHECK(scenario, condition, ...)                                                                                        \
    do {                                                                                                                       \
        if (!(condition)) scenario_fail(scenario, __FILE__, __LINE__, #condition, __VA_ARGS__);                               \
    } while (0)
#define CHECK_OK(scenario, call) CHECK(scenario, (call) == 0, " ")
_Noreturn void scenario_fail(struct scenario *scenario, const char *file, int line, const char *condition,
                             const char *format, ...) MTR_PRINTF(5, 6);
void scenario_trace(struct scenario *scenario, const char *format, ...) MTR_PRINTF(2, 3);
uint32_t scenario_below(struct scenario *scenario, uint32_t bound);
bool scenario_chance(struct scenario *scenario, uint32_t percent);
char *scenario_format(struct scenario *scenario, const char *format, ...) MTR_PRINTF(2, 3);
void *scenario_alloc(struct scenario *scenario, size_t count, size_t size);

void scenario_catalog_plan(struct scenario *scenario);
void scenario_catalog_apply_first(struct scenario *scenario);
void scenario_catalog_change(struct scenario *scenario);
/* The catalog has what was applied and not deleted, under numbers that are given once. */
void scenario_life_check(struct scenario *scenario);
/* And what charges name is there. */
void scenario_check_named(struct scenario *scenario);
void scenario_catalog_apply_rest(struct scenario *scenario);
void scenario_vendor_key(uint32_t vendor, char key[KEY_MAX]);
/* The key, or where that is not enough SERVICE/KEY, which no other meter or tariff has. */
struct mtr_str scenario_name_of(struct scenario *scenario, const struct mtr_service *service, struct mtr_str key);

void scenario_client_create(struct scenario *scenario);  /* makes up a request */
/* sends one that is not answered; false when there is none */
void scenario_client_submit(struct scenario *scenario);
bool scenario_client_waits(const struct scenario *scenario, int64_t older_than_us);
void scenario_client_lose_queue(struct scenario *scenario); /* a crash: what waited in the queue is gone */
void scenario_on_answer(void *context, struct mtr_request *request);
/* An event as it was sent, for comparison with the log's; properties in the run's arena. */
struct mtr_event scenario_sent_as_event(struct scenario *scenario, const struct sent_event *sent);

void scenario_stores_open(struct scenario *scenario);
void scenario_stores_close(struct scenario *scenario, bool is_crash);
void scenario_stores_crash(struct scenario *scenario);
void scenario_stores_remove(struct scenario *scenario);
void scenario_run_slow(void *context, void (*work)(void *work_context), void *work_context);
void scenario_stores_path(const struct scenario *scenario, const char *folder, char path[PATH_BYTES]);

extern const uint8_t SCENARIO_EVENT_KEY[MTR_EVENT_KEY_BYTES];

/* The map of a charge or a line of a price, {"region":"eu"} as region=eu, with a '\' before , = and \ in values;
 * empty without one. In the scenario's arena. */
struct mtr_str scenario_dimensions(struct scenario *scenario, const struct mtr_node *line);
int scenario_receiver_send(void *context, const struct mtr_outbox_message *message);
/* one of the answers on their way arrives, if there is any */
void scenario_receiver_answer(struct scenario *scenario);
void scenario_operator(struct scenario *scenario);        /* looks after REJECTED and UNKNOWN messages */

/* ---- the naive view ---- */

struct naive_use { /* what one event gives to one meter */
    const struct mtr_subscription *subscription;
    const struct mtr_meter *meter;
    const struct mtr_event *event;
    uint64_t seq;
    uint64_t void_seq; /* 0: it counts */
    int64_t start_us; /* as in a cell's key: of percentile that of the window */
    struct mtr_str dimensions; /* as in a cell's key */
    struct mtr_str text;       /* unique: the value */
    struct mtr_quantity quantity;
};

struct naive_values { /* of a meter's dimensions */
    const struct mtr_subscription *subscription; /* one of the subject */
    const struct mtr_meter *meter;
    struct mtr_str dimensions;
};

struct naive {
    struct mtr_event *events; /* index = sequence - 1 */
    int64_t *received_us;
    uint64_t event_count;
    uint64_t *void_seqs; /* by target - 1 */
    struct naive_use *uses; /* by (subscription, meter, hour, dimensions, sequence) */
    struct naive_use *billed; /* the same, counters without what lies before the subscription's start */
    uint32_t use_count;
    struct naive_use *openings; /* what subscriptions begin with, as of their start, sequence 0 */
    uint32_t opening_count;
    struct naive_values *values; /* that meters with a quota count */
    uint32_t values_count;
    uint32_t beyond_count; /* events beyond quotas, by meter */
    uint32_t held_count;
    uint32_t quarantined_count;
};

void scenario_naive_read(struct scenario *scenario, struct naive *naive);
/* Does the meter count the values of that use, of all subscriptions of its subject together? */
bool scenario_naive_admits(struct scenario *scenario, struct naive *naive, const struct naive_use *use);
/* The value of uses[0 … count) under their meter; false when none counts. */
bool scenario_naive_value(struct scenario *scenario, const struct naive_use *const *uses, uint32_t count,
                          struct mtr_quantity *out);
/* to the nearest, ties to even; denominator > 0 */
mtr_int128 scenario_divide(mtr_int128 numerator, mtr_int128 denominator);
struct mtr_str scenario_property_text(struct scenario *scenario, const struct mtr_property *property);

/* What a part of a period is priced by: [from, own) gives the position, [own, until) is billed. */
struct naive_range {
    int64_t from_us, own_us, until_us;
    struct mtr_period whole;
};

/* What of it, and whose use. */
struct naive_measured {
    const struct mtr_subscription *subscription;
    const struct mtr_component *component;
    uint32_t component_index;
    struct naive_range range;
};

enum { NAIVE_ROWS_MAX = 65536, NAIVE_USES_MAX = 65536 };
/* Adds the rows of one component; returns how many there are then. */
uint32_t scenario_measure(struct scenario *scenario, const struct naive *naive,
                          const struct naive_measured *measured, struct mtr_usage_row *rows,
                          uint32_t row_count);

struct bill_line {
    const char *key;
    struct mtr_money amount;
    struct mtr_money cost; /* of the seller; nothing without a cost tariff */
    const struct mtr_subscription *subscription;
    const struct mtr_tariff_document *tariff; /* NULL where the limits of an account do not count it */
    struct mtr_period whole;
};

struct bill {
    struct bill_line *lines;
    uint32_t count;
    uint32_t stray_count; /* findings of usage that no period can charge */
};

/* Money that is drawn before the bill has to be paid. */
struct naive_grant;
struct naive_pools {
    struct naive_grant *grants;
    uint32_t count;
    bool of_units_alone;
};
enum { NAIVE_GRANTS_MAX = 16384, NAIVE_POOLS_MAX = 64 };
/* A billing period that draws. */
struct naive_drawing {
    const struct mtr_subscription *subscription;
    struct mtr_period whole;
    int64_t start_us, end_us;
};
/* Of units alone: what money pays for is no less charged. */
void scenario_pools_open(struct scenario *scenario, bool of_units_alone, struct naive_pools *out);
void scenario_pools_begin(struct scenario *scenario, struct naive_pools *pools,
                          const struct naive_drawing *drawing,
                          const struct mtr_tariff_version *const *versions,
                          const struct mtr_tariff_document *const *tariffs, uint32_t part_count);
uint32_t scenario_pools_of(const struct naive_pools *pools, const struct naive_drawing *drawing,
                           uint32_t part, struct mtr_str currency, struct mtr_price_pool *out);
void scenario_pools_draw(struct scenario *scenario, struct naive_pools *pools,
                         const struct naive_drawing *drawing, const struct mtr_price *price);

/* What terms of several billing periods came to so far. */
struct naive_term;
struct naive_terms {
    struct naive_term *items;
    uint32_t count;
};
enum { NAIVE_TERMS_MAX = 4096 };
void scenario_terms_open(struct scenario *scenario, struct naive_terms *out);
int64_t scenario_version_start(const struct mtr_subscription *subscription,
                               const struct mtr_tariff_version *version);
/* Where the contract begins that runs at time_us. */
int64_t scenario_contract_start(const struct mtr_subscription *subscription,
                                const struct mtr_tariff_document *tariff, int64_t time_us);
/* The version has limits of a term: the one that time_us lies in. */
struct mtr_period scenario_term_at(const struct mtr_subscription *subscription,
                                   const struct mtr_tariff_document *tariff,
                                   const struct mtr_tariff_version *version, int64_t time_us);
struct mtr_price_term scenario_terms_of(struct naive_terms *terms, const struct mtr_subscription *subscription,
                                        const struct mtr_tariff_document *tariff,
                                        const struct mtr_tariff_version *version, struct mtr_period part);
void scenario_terms_add(struct scenario *scenario, struct naive_terms *terms,
                        const struct mtr_subscription *subscription, const struct mtr_tariff_document *tariff,
                        int64_t start_us, struct mtr_money sum);

/* Every phase of every subscription, by number, then by start. NULL behind the last. */
const struct mtr_subscription *scenario_phase_at(const struct scenario *scenario, uint32_t index);
/* In that order? */
bool scenario_goes_before(const struct mtr_subscription *a, const struct mtr_subscription *b);
/* Since when its tariff is charged to its customer: back through the phases. */
int64_t scenario_contract_phase_us(const struct mtr_subscription *subscription);
/* One note for each meter with live usage before the term, after it, or in a phase before its tariff's first
 * version. */
uint32_t scenario_count_stray(const struct scenario *scenario, const struct naive *naive,
                              const struct mtr_subscription *subscription);

enum { BILL_LINES_MAX = 65536 };
void scenario_bill_make(struct scenario *scenario, const struct naive *naive, int64_t watermark_us,
                        struct bill *out);
/* What a line is, and all of that as one text. */
struct line_identity {
    struct mtr_str subscription;
    int64_t period_us, part_us; /* the second that the period begins in */
    struct mtr_str component, kind, dimensions, currency;
};
char *scenario_line_key(struct scenario *scenario, const struct line_identity *line);

/* A quote of a period's own rows is what was emitted of it. */
void scenario_quote_laws(struct scenario *scenario);
/* A usage query that is cut anywhere tells what it told whole. */
void scenario_check_cuts(struct scenario *scenario);
void scenario_laws(struct scenario *scenario);

#endif
