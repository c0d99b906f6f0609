/*
 * Pools of money: prepaid credits and allowances of an amount, which pay for lines after the tariff's minimum
 * and before the exchange.
 *
 * What a period's lines come to so far, its earlier parts included, is shared out anew: each pool, in order,
 * pays what the components that it covers still owe, and never more than all lines together do, so that no
 * credit is paid out. A part's line is what that adds to the draws of the parts before; it is negative for
 * money, positive where a later part gives back.
 *
 * Invariants: 0 ≤ drawn ≤ balance for each pool over the parts of a period; the lines and the credits add up
 * to zero or more, unless the lines alone are negative.
 */
#include "lib/tariff/part/part.h"
#include "lib/tariff/price/pricer.h"

/* What the lines of one component, or of one part of the tariff, still owe. */
struct debt {
    struct mtr_str component;
    struct mtr_exact rest;
};

struct settling {
    struct mtr_pricer *pricer;
    struct debt *debts;
    uint32_t debt_count, debt_last;
    struct mtr_exact rest; /* of all */
};

static const struct mtr_exact zero;

static bool is_credit(const struct mtr_price_line *line)
{
    return mtr_str_equal(line->kind, MTR_STR("credit"));
}

/* Lines of a component stand together, so the debt that was asked for last is the first to be looked at. */
static struct debt *debt_of(struct settling *settling, struct mtr_str component)
{
    uint32_t index = settling->debt_last;
    if (index >= settling->debt_count || !mtr_str_equal(settling->debts[index].component, component))
        for (index = 0;
             index < settling->debt_count && !mtr_str_equal(settling->debts[index].component, component);)
            index++;
    if (index == settling->debt_count) settling->debts[settling->debt_count++].component = component;
    settling->debt_last = index;
    return &settling->debts[index];
}

static int add_debts(struct settling *settling, const struct mtr_price *price)
{
    for (uint32_t i = 0; i < price->line_count; i++) {
        const struct mtr_price_line *line = &price->lines[i];
        if (is_credit(line)) continue;
        struct mtr_exact due =
            price_keeps_exact(settling->pricer) ? line->exact : mtr_exact_from_money(line->amount);
        struct debt *debt = debt_of(settling, line->component);
        int rc = mtr_exact_add(debt->rest, due, &debt->rest);
        if (!rc) rc = mtr_exact_add(settling->rest, due, &settling->rest);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int open_debts(struct settling *settling)
{
    const struct mtr_price_input *input = settling->pricer->input;
    size_t lines = settling->pricer->price.line_count;
    for (uint32_t i = 0; i < input->earlier_count; i++) lines += input->earlier[i]->line_count;
    const struct mtr_tariff_version *version = input->version;
    settling->debts = mtr_arena_calloc(settling->pricer->arena, lines + version->component_count + 1,
                                       sizeof(*settling->debts));
    if (!settling->debts) return MTR_ENOMEM;
    /* in the version's order, whichever part had a component first: parts settle as the whole does */
    for (uint32_t i = 0; i < version->component_count; i++)
        settling->debts[settling->debt_count++].component = version->components[i].key;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < input->earlier_count; i++) rc = add_debts(settling, input->earlier[i]);
    return rc ? rc : add_debts(settling, &settling->pricer->price);
}

/* The most that a pool can pay: of the components that it covers, of all lines, of its balance. */
static int find_payment(const struct settling *settling, const struct mtr_price_pool *pool,
                        struct mtr_money *out)
{
    struct mtr_price_rounding rounding = settling->pricer->rounding;
    struct mtr_exact covered = zero;
    struct mtr_money due;
    for (uint32_t i = 0; i < settling->debt_count; i++) {
        if (!price_pool_covers(pool, settling->debts[i].component)) continue;
        int rc = mtr_exact_add(covered, settling->debts[i].rest, &covered);
        if (rc) return rc;
    }
    if (mtr_exact_compare(settling->rest, covered) < 0) covered = settling->rest;
    if (price_keeps_exact(settling->pricer))
        rounding = (struct mtr_price_rounding){.digits = MTR_MONEY_DIGITS};
    rounding.mode = MTR_ROUND_FLOOR;
    int rc = price_round(&rounding, covered, &due);
    if (!rc) rc = price_round(&rounding, mtr_exact_from_money(pool->amount), out);
    if (!rc && mtr_money_compare(due, *out) < 0) *out = due;
    if (!rc && out->e18 < 0) *out = (struct mtr_money){0};
    return rc;
}

/* Takes the payment off what the covered components owe, in their order. */
static int settle(struct settling *settling, const struct mtr_price_pool *pool, struct mtr_money payment)
{
    struct mtr_exact left = mtr_exact_from_money(payment);
    int rc = mtr_exact_sub(settling->rest, left, &settling->rest);
    for (uint32_t i = 0; !rc && i < settling->debt_count && mtr_exact_compare(left, zero) > 0; i++) {
        struct debt *debt = &settling->debts[i];
        if (!price_pool_covers(pool, debt->component) || mtr_exact_compare(debt->rest, zero) <= 0)
            continue;
        const struct mtr_exact paid = mtr_exact_compare(debt->rest, left) < 0 ? debt->rest : left;
        rc = mtr_exact_sub(debt->rest, paid, &debt->rest);
        if (!rc) rc = mtr_exact_sub(left, paid, &left);
    }
    return rc;
}

static int sum_earlier(const struct mtr_pricer *pricer, const struct mtr_price_pool *pool,
                       struct mtr_money *out)
{
    struct mtr_money sum = {0};
    for (uint32_t i = 0; i < pricer->input->earlier_count; i++) {
        const struct mtr_price *price = pricer->input->earlier[i];
        for (uint32_t j = 0; j < price->draw_count; j++) {
            if (!mtr_str_equal(price->draws[j].key, pool->key) ||
                !mtr_str_equal(price->draws[j].grant, pool->grant))
                continue;
            int rc = mtr_money_add(sum, price->draws[j].amount, &sum);
            if (rc) return rc;
        }
    }
    *out = sum;
    return MTR_OK;
}

static int trace_credit(struct mtr_pricer *pricer, const struct mtr_price_pool *pool,
                        struct mtr_money payment)
{
    struct mtr_money left;
    int rc = mtr_money_sub(pool->amount, payment, &left);
    if (rc) return rc;
    return price_trace_exact(pricer, pricer->price.line_count - 1, "balance",
                             mtr_exact_from_money(pool->amount), mtr_exact_from_money(left));
}

/* payment: of the period so far. The line is what of it this part adds. */
static int add_credit_line(struct mtr_pricer *pricer, const struct mtr_price_pool *pool,
                           struct mtr_money payment)
{
    struct mtr_price_draw draw = {.key = pool->key, .grant = pool->grant, .of_money = true};
    struct mtr_price_line line = {
        .component = pool->key, .dimensions = pool->grant, .kind = MTR_STR("credit")};
    struct mtr_money before;
    int rc = sum_earlier(pricer, pool, &before);
    if (!rc) rc = mtr_money_sub(payment, before, &draw.amount);
    if (rc || !draw.amount.e18) return rc;
    line.amount.e18 = -draw.amount.e18;
    line.exact = mtr_exact_from_money(line.amount);
    line.quantity = MTR_QUANTITY(1);
    rc = price_add_draw(pricer, &draw);
    if (!rc) rc = price_add_line(pricer, &line);
    return rc ? rc : trace_credit(pricer, pool, payment);
}

static int settle_credits(struct mtr_pricer *pricer)
{
    struct settling settling = {.pricer = pricer};
    bool opened = false;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < pricer->pool_count; i++) {
        const struct mtr_price_pool *pool = pricer->pools[i].pool;
        struct mtr_money payment = {0};
        if (!pool->of_money) continue;
        if (!opened) rc = open_debts(&settling);
        opened = true;
        if (!rc) rc = find_payment(&settling, pool, &payment);
        if (!rc) rc = settle(&settling, pool, payment);
        if (!rc) rc = add_credit_line(pricer, pool, payment);
    }
    return rc;
}

const struct tariff_part tariff_part_credits = {.apply_to_tariff = settle_credits};
