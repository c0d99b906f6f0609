/*
 * The explanation of one charge. Reads the charges store only; allocates nothing: what is found stands on the
 * stack.
 */
#include "meterd/query/explain.h"

#include <string.h>

#include "meterd/core/currency.h"
#include "meterd/rater/charge_body.h"

enum { HISTORY_MAX = 100 };

static int find_charge(struct mtr_charges_txn *txn, struct mtr_str text, struct mtr_charge *out)
{
    struct mtr_hash128 id;
    uint64_t number = 0;
    if (mtr_charge_id_parse(text, &id)) return mtr_charges_find(txn, id, out);
    if (mtr_str_to_u64(text, &number)) return mtr_charges_get(txn, number, out);
    return MTR_EINVALID;
}

/* Fraction digits of the charge's currency, as its frozen body names it. (A quote inside a string of the
 * body is escaped, so the name cannot be found inside one.) */
static unsigned currency_digits(struct mtr_str body)
{
    static const char name[] = "\"currency\":\"";
    const char *at = memmem(body.data, body.size, name, sizeof(name) - 1);
    if (!at || (size_t)(body.data + body.size - at) < sizeof(name) - 1 + 3) return 0;
    const struct mtr_currency *currency = mtr_currency_find((struct mtr_str){at + sizeof(name) - 1, 3});
    return currency ? currency->digits : 0;
}

/* ---- what is told ---- */

struct history_row {
    uint64_t number;
    struct mtr_str id;
    const char *status;
    struct mtr_quantity quantity;
    struct mtr_shown_money amount;
    int64_t created_at;
};

#define ROW(field) MTR_MEMBER(history_row, field)
static const struct mtr_json_member history_members[] = {
    {ROW(number), .type = MTR_MEMBER_U64, .doc = "its place in the feed"},
    {ROW(id), .type = MTR_MEMBER_TEXT, .doc = "of the charge"},
    {ROW(status), .type = MTR_MEMBER_WORD, .choice = mtr_charge_status_choice, .doc = "of the charge"},
    {ROW(quantity), .type = MTR_MEMBER_QUANTITY, .doc = "of the line, as of then"},
    {ROW(amount), .type = MTR_MEMBER_MONEY, .doc = "of the charge"},
    {ROW(created_at), .type = MTR_MEMBER_TIME, .doc = "when it was charged"},
    {0},
};
#undef ROW
static const struct mtr_shape history_shape = {.name = "LineCharge", .members = history_members};

struct log_row {
    uint64_t seq_first, seq_last;
};
static const struct mtr_json_member log_members[] = {
    {MTR_MEMBER(log_row, seq_first), .type = MTR_MEMBER_U64, .doc = "its events are in the log from here"},
    {MTR_MEMBER(log_row, seq_last), .type = MTR_MEMBER_U64, .doc = "up to here"},
    {0},
};
static const struct mtr_shape log_shape = {.members = log_members};

struct explanation_row {
    struct mtr_str charge, price;
    struct mtr_shown_money emitted_before, difference, emitted_after;
    struct mtr_list line_charges;
    struct log_row log;
};

#define ROW(field) MTR_MEMBER(explanation_row, field)
static const struct mtr_json_member explanation_members[] = {
    {ROW(charge), .type = MTR_MEMBER_JSON, .shape = &mtr_charge_shape, .doc = "as the feed has it"},
    {ROW(price), .type = MTR_MEMBER_JSON_LIST, .shape = &mtr_charge_trace_shape,
     .doc = "of the whole period, part by part"},
    {ROW(emitted_before), .type = MTR_MEMBER_MONEY, .doc = "the line's charges before this one"},
    {ROW(difference), .type = MTR_MEMBER_MONEY, .doc = "this charge"},
    {ROW(emitted_after), .type = MTR_MEMBER_MONEY, .doc = "the line's price then"},
    {ROW(line_charges), .type = MTR_MEMBER_LIST, .shape = &history_shape,
     .item_size = sizeof(struct history_row),
     .doc = "of its line, newest first, this one and at most 99 before it"},
    {ROW(log), .type = MTR_MEMBER_MAP, .shape = &log_shape, .doc = "where its events are"},
    {0},
};
#undef ROW
const struct mtr_shape mtr_explanation_shape = {.name = "Explanation", .members = explanation_members};

/* ---- telling it ---- */

struct history {
    struct history_row rows[HISTORY_MAX];
    char ids[HISTORY_MAX][MTR_CHARGE_ID_TEXT_BYTES];
    uint32_t count;
};

/* The line's charges up to this one, newest first: a chain by `previous`. */
static int read_history(struct mtr_charges_txn *txn, const struct mtr_charge *last, unsigned digits,
                        struct history *out)
{
    struct mtr_charge charge = *last;
    out->count = 0;
    while (out->count < HISTORY_MAX) {
        char *id = out->ids[out->count];
        mtr_charge_id_format(charge.id, id);
        out->rows[out->count++] = (struct history_row){.number = charge.number,
                                                       .id = mtr_str_from(id),
                                                       .status = mtr_charge_status_name(charge.status),
                                                       .quantity = charge.quantity,
                                                       .amount = {charge.amount, digits},
                                                       .created_at = charge.created_us};
        if (!charge.previous) return MTR_OK;
        if (charge.previous >= charge.number) return MTR_ECORRUPT;
        int rc = mtr_charges_get(txn, charge.previous, &charge);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    }
    return MTR_OK;
}

int mtr_rater_explain(struct mtr_charges_txn *txn, struct mtr_str id, struct mtr_json_writer *json)
{
    struct mtr_charge charge;
    struct mtr_str trace;
    struct mtr_money after;
    struct history history;
    int rc = find_charge(txn, id, &charge);
    if (rc) return rc;
    rc = mtr_charges_get_trace(txn, charge.trace, &trace);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    const unsigned digits = currency_digits(charge.body);
    rc = mtr_money_add(charge.emitted_before, charge.amount, &after);
    if (!rc) rc = read_history(txn, &charge, digits, &history);
    if (rc) return rc;
    const struct explanation_row row = {.charge = charge.body,
                                        .price = trace,
                                        .emitted_before = {charge.emitted_before, digits},
                                        .difference = {charge.amount, digits},
                                        .emitted_after = {after, digits},
                                        .line_charges = {history.rows, history.count},
                                        .log = {charge.seq_first, charge.seq_last}};
    mtr_shape_write(&mtr_explanation_shape, &row, json);
    return MTR_OK;
}
