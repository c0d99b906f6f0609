/*
 * What is known while a price request asks about one subscription, and the text of that request. Of the law
 * of requests (scenario_request.c) alone.
 */
#ifndef METERD_TESTS_SCENARIO_SCENARIO_ASKING_H
#define METERD_TESTS_SCENARIO_SCENARIO_ASKING_H

#include "scenario/scenario_request.h"

enum { SUMS_MAX = 4096, PERIODS_MAX = 512, CREDITS_MAX = 16 };

/* Money that was emitted under a key, less what was answered under it. */
struct difference {
    const char *key;
    struct mtr_money left;
};

struct differences {
    struct difference items[SUMS_MAX];
    uint32_t count;
};

struct asking {
    struct scenario *scenario;
    const struct scenario_used *used;
    const struct mtr_subscription *subscription; /* its first phase */
    bool is_whole; /* it is asked about as it is, of the run's catalog: it changes, or begins with something */
    struct mtr_charges_txn *charges;
    struct mtr_arena arena;
    struct mtr_buffer request, answer;
    struct mtr_json_writer json;
    uint32_t first, end; /* of the uses: the rows */
    const struct mtr_credit *credits[CREDITS_MAX];
    uint32_t credit_count;
    struct mtr_period periods[PERIODS_MAX]; /* that are asked about */
    uint32_t period_count;
    bool can_be_asked;
    bool pools_go_on, is_broken_off; /* no period behind is asked about */
    struct differences amounts, costs;
    struct mtr_money cost; /* of all that was emitted */
};

bool scenario_is_row(const struct asking *asking, uint32_t index);
int64_t scenario_instant_of(const struct asking *asking, const struct mtr_catalog_time *time);
/* Units or money of its own tariff? */
bool scenario_trial_frees(const struct mtr_subscription *subscription);
/* Writes all that is asked about into asking->request. */
void scenario_put_request(struct asking *asking);

#endif
