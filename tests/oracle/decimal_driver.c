/*
 * Reads one operation a line from standard input ("name argument…"), writes its result or the name of its
 * error: the C half of test_decimal_oracle.py.
 */
#include "meterd/core/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES_MAX = 1024, ARGUMENTS_MAX = 6 };

struct call {
    char *argument[ARGUMENTS_MAX];
    char text[MTR_DECIMAL_TEXT_BYTES]; /* result */
};

static struct mtr_quantity quantity_of(const char *text)
{
    struct mtr_quantity value;
    int rc = mtr_quantity_parse(mtr_str_from(text), &value);
    MTR_ASSERT(rc == MTR_OK);
    return value;
}

static struct mtr_money money_of(const char *text)
{
    struct mtr_money value;
    int rc = mtr_money_parse(mtr_str_from(text), &value);
    MTR_ASSERT(rc == MTR_OK);
    return value;
}

static unsigned digits_of(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

static enum mtr_rounding mode_of(const char *text)
{
    unsigned mode = MTR_ROUND_HALF_EVEN;
    /* past the last one: asserted */
    while (strcmp(text, mtr_rounding_name((enum mtr_rounding)mode)) != 0) mode++;
    return (enum mtr_rounding)mode;
}

static int parse_decimal(struct call *call)
{
    struct mtr_decimal value;
    int rc = mtr_decimal_parse(mtr_str_from(call->argument[0]), &value);
    if (!rc) mtr_decimal_format(value, call->text);
    return rc;
}

static int parse_quantity(struct call *call)
{
    struct mtr_quantity value;
    int rc = mtr_quantity_parse(mtr_str_from(call->argument[0]), &value);
    if (!rc) mtr_quantity_format(value, call->text);
    return rc;
}

static int parse_money(struct call *call)
{
    struct mtr_money value;
    int rc = mtr_money_parse(mtr_str_from(call->argument[0]), &value);
    if (!rc) mtr_money_format(value, call->text);
    return rc;
}

static int decimal_to_quantity(struct call *call)
{
    struct mtr_decimal decimal;
    struct mtr_quantity value;
    int rc = mtr_decimal_parse(mtr_str_from(call->argument[0]), &decimal);
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_quantity_from_decimal(decimal, &value);
    if (!rc) mtr_quantity_format(value, call->text);
    return rc;
}

static int quantity_from_product(struct call *call)
{
    struct mtr_decimal decimal;
    struct mtr_quantity value;
    int rc = mtr_decimal_parse(mtr_str_from(call->argument[0]), &decimal);
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_quantity_from_product(decimal, quantity_of(call->argument[1]), &value);
    if (!rc) mtr_quantity_format(value, call->text);
    return rc;
}

static int decimal_compare(struct call *call)
{
    struct mtr_decimal a, b;
    int rc = mtr_decimal_parse(mtr_str_from(call->argument[0]), &a);
    if (!rc) rc = mtr_decimal_parse(mtr_str_from(call->argument[1]), &b);
    MTR_ASSERT(rc == MTR_OK);
    snprintf(call->text, sizeof(call->text), "%d", mtr_decimal_compare(a, b));
    return MTR_OK;
}

static int quantity_add(struct call *call)
{
    struct mtr_quantity value;
    int rc = mtr_quantity_add(quantity_of(call->argument[0]), quantity_of(call->argument[1]), &value);
    if (!rc) mtr_quantity_format(value, call->text);
    return rc;
}

static int quantity_sub(struct call *call)
{
    struct mtr_quantity value;
    int rc = mtr_quantity_sub(quantity_of(call->argument[0]), quantity_of(call->argument[1]), &value);
    if (!rc) mtr_quantity_format(value, call->text);
    return rc;
}

static int quantity_scale(struct call *call)
{
    struct mtr_quantity value;
    int rc = mtr_quantity_scale(quantity_of(call->argument[0]), quantity_of(call->argument[1]),
                                quantity_of(call->argument[2]), digits_of(call->argument[3]),
                                mode_of(call->argument[4]), &value);
    if (!rc) mtr_quantity_format(value, call->text);
    return rc;
}

static int quantity_blocks(struct call *call)
{
    struct mtr_quantity value;
    int rc = mtr_quantity_blocks(quantity_of(call->argument[0]), quantity_of(call->argument[1]),
                                 mode_of(call->argument[2]), &value);
    if (!rc) mtr_quantity_format(value, call->text);
    return rc;
}

static int quantity_compare(struct call *call)
{
    snprintf(call->text, sizeof(call->text), "%d",
             mtr_quantity_compare(quantity_of(call->argument[0]), quantity_of(call->argument[1])));
    return MTR_OK;
}

static int money_add(struct call *call)
{
    struct mtr_money value;
    int rc = mtr_money_add(money_of(call->argument[0]), money_of(call->argument[1]), &value);
    if (!rc) mtr_money_format(value, call->text);
    return rc;
}

static int money_sub(struct call *call)
{
    struct mtr_money value;
    int rc = mtr_money_sub(money_of(call->argument[0]), money_of(call->argument[1]), &value);
    if (!rc) mtr_money_format(value, call->text);
    return rc;
}

static int money_round(struct call *call)
{
    struct mtr_money value;
    int rc = mtr_money_round(money_of(call->argument[0]), digits_of(call->argument[1]),
                             mode_of(call->argument[2]), &value);
    if (!rc) mtr_money_format(value, call->text);
    return rc;
}

static int money_compare(struct call *call)
{
    snprintf(call->text, sizeof(call->text), "%d",
             mtr_money_compare(money_of(call->argument[0]), money_of(call->argument[1])));
    return MTR_OK;
}

static int money_format_min(struct call *call)
{
    mtr_money_format_min(money_of(call->argument[0]), digits_of(call->argument[1]), call->text);
    return MTR_OK;
}

static struct mtr_exact product_at(struct call *call, unsigned first)
{
    return mtr_exact_product(quantity_of(call->argument[first]), money_of(call->argument[first + 1]));
}

static int exact_product(struct call *call)
{
    mtr_exact_format(product_at(call, 0), call->text);
    return MTR_OK;
}

static int exact_from_money(struct call *call)
{
    mtr_exact_format(mtr_exact_from_money(money_of(call->argument[0])), call->text);
    return MTR_OK;
}

/* a×b + c×d: so sums reach the ends of the range */
static int exact_add(struct call *call)
{
    struct mtr_exact value;
    int rc = mtr_exact_add(product_at(call, 0), product_at(call, 2), &value);
    if (!rc) mtr_exact_format(value, call->text);
    return rc;
}

/* Twice, to leave the range: a×b - c×d - c×d */
static int exact_sub(struct call *call)
{
    struct mtr_exact value;
    int rc = mtr_exact_sub(product_at(call, 0), product_at(call, 2), &value);
    if (!rc) rc = mtr_exact_sub(value, product_at(call, 2), &value);
    if (!rc) mtr_exact_format(value, call->text);
    return rc;
}

static int exact_compare(struct call *call)
{
    snprintf(call->text, sizeof(call->text), "%d",
             mtr_exact_compare(product_at(call, 0), product_at(call, 2)));
    return MTR_OK;
}

static int exact_scale(struct call *call)
{
    struct mtr_exact value;
    int rc = mtr_exact_scale(product_at(call, 0), quantity_of(call->argument[2]),
                             quantity_of(call->argument[3]), mode_of(call->argument[4]), &value);
    if (!rc) mtr_exact_format(value, call->text);
    return rc;
}

static int exact_divide(struct call *call)
{
    struct mtr_quantity value;
    int rc = mtr_exact_divide(product_at(call, 0), strtoll(call->argument[2], NULL, 10),
                              mode_of(call->argument[3]), &value);
    if (!rc) mtr_quantity_format(value, call->text);
    return rc;
}

static int exact_round(struct call *call)
{
    struct mtr_money value;
    struct mtr_exact residue, sum;
    struct mtr_exact exact = product_at(call, 0);
    int rc =
        mtr_exact_round(exact, digits_of(call->argument[2]), mode_of(call->argument[3]), &value, &residue);
    if (rc) return rc;
    rc = mtr_exact_add(mtr_exact_from_money(value), residue, &sum);
    MTR_ASSERT(rc == MTR_OK && mtr_exact_compare(sum, exact) == 0);
    mtr_money_format(value, call->text);
    return MTR_OK;
}

static int exact_scale_money(struct call *call)
{
    struct mtr_exact value;
    int rc = mtr_exact_scale_money(product_at(call, 0), money_of(call->argument[2]),
                                   quantity_of(call->argument[3]).e12, quantity_of(call->argument[4]).e12,
                                   mode_of(call->argument[5]), &value);
    if (!rc) mtr_exact_format(value, call->text);
    return rc;
}

static int exact_round_step(struct call *call)
{
    struct mtr_money value;
    int rc = mtr_exact_round_step(product_at(call, 0), money_of(call->argument[2]),
                                  mode_of(call->argument[3]), &value);
    if (!rc) mtr_money_format(value, call->text);
    return rc;
}

static const struct {
    const char *name;
    int (*run)(struct call *call);
    unsigned argument_count;
} operations[] = {
    {"parse_decimal", parse_decimal, 1},
    {"parse_quantity", parse_quantity, 1},
    {"parse_money", parse_money, 1},
    {"decimal_to_quantity", decimal_to_quantity, 1},
    {"quantity_from_product", quantity_from_product, 2},
    {"decimal_compare", decimal_compare, 2},
    {"quantity_add", quantity_add, 2},
    {"quantity_sub", quantity_sub, 2},
    {"quantity_scale", quantity_scale, 5},
    {"quantity_blocks", quantity_blocks, 3},
    {"quantity_compare", quantity_compare, 2},
    {"money_add", money_add, 2},
    {"money_sub", money_sub, 2},
    {"money_round", money_round, 3},
    {"money_compare", money_compare, 2},
    {"money_format_min", money_format_min, 2},
    {"exact_product", exact_product, 2},
    {"exact_from_money", exact_from_money, 1},
    {"exact_add", exact_add, 4},
    {"exact_sub", exact_sub, 4},
    {"exact_compare", exact_compare, 4},
    {"exact_scale", exact_scale, 5},
    {"exact_divide", exact_divide, 4},
    {"exact_round", exact_round, 4},
    {"exact_round_step", exact_round_step, 4},
    {"exact_scale_money", exact_scale_money, 6},
};

static void run_line(char *line)
{
    struct call call = {{0}, {0}};
    char *rest = line;
    const char *name = strsep(&rest, " ");
    unsigned count = 0;
    while (rest && count < ARGUMENTS_MAX) call.argument[count++] = strsep(&rest, " ");
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (strcmp(name, operations[i].name) != 0) continue;
        MTR_ASSERT(count == operations[i].argument_count);
        int rc = operations[i].run(&call);
        puts(rc ? mtr_error_name(rc) : call.text);
        return;
    }
    MTR_ASSERT(!"known operation");
}

int main(void)
{
    char line[LINE_BYTES_MAX];
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        run_line(line);
    }
    return 0;
}
