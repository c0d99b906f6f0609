/*
 * The explanation of one charge. Reads the charges store only; allocates nothing.
 */
#include "meterd/query/explain.h"

#include <string.h>

#include "meterd/core/currency.h"

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

/* The line's charges up to this one, newest first: a chain by `previous`. */
static int write_history(struct mtr_charges_txn *txn, const struct mtr_charge *last, unsigned digits,
                         struct mtr_json_writer *json)
{
    struct mtr_charge charge = *last;
    mtr_json_list(json);
    for (int i = 0; i < HISTORY_MAX; i++) {
        char id[MTR_CHARGE_ID_TEXT_BYTES];
        mtr_charge_id_format(charge.id, id);
        mtr_json_map(json);
        mtr_json_name(json, "number");
        mtr_json_u64(json, charge.number);
        mtr_json_name(json, "id");
        mtr_json_cstr(json, id);
        mtr_json_name(json, "status");
        mtr_json_cstr(json, mtr_charge_status_name(charge.status));
        mtr_json_name(json, "quantity");
        mtr_json_quantity(json, charge.quantity);
        mtr_json_name(json, "amount");
        mtr_json_money(json, charge.amount, digits);
        mtr_json_name(json, "created_at");
        mtr_json_time(json, charge.created_us);
        mtr_json_map_end(json);
        if (!charge.previous) break;
        if (charge.previous >= charge.number) return MTR_ECORRUPT;
        int rc = mtr_charges_get(txn, charge.previous, &charge);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    }
    mtr_json_list_end(json);
    return MTR_OK;
}

int mtr_rater_explain(struct mtr_charges_txn *txn, struct mtr_str id, struct mtr_json_writer *json)
{
    struct mtr_charge charge;
    struct mtr_str trace;
    struct mtr_money after;
    int rc = find_charge(txn, id, &charge);
    if (rc) return rc;
    rc = mtr_charges_get_trace(txn, charge.trace, &trace);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    rc = mtr_money_add(charge.emitted_before, charge.amount, &after);
    if (rc) return rc;
    unsigned digits = currency_digits(charge.body);
    mtr_json_map(json);
    mtr_json_name(json, "charge");
    mtr_json_raw(json, charge.body);
    mtr_json_name(json, "price");
    mtr_json_raw(json, trace);
    mtr_json_name(json, "emitted_before");
    mtr_json_money(json, charge.emitted_before, digits);
    mtr_json_name(json, "difference");
    mtr_json_money(json, charge.amount, digits);
    mtr_json_name(json, "emitted_after");
    mtr_json_money(json, after, digits);
    mtr_json_name(json, "line_charges");
    rc = write_history(txn, &charge, digits, json);
    if (rc) return rc;
    mtr_json_name(json, "log");
    mtr_json_map(json);
    mtr_json_name(json, "seq_first");
    mtr_json_u64(json, charge.seq_first);
    mtr_json_name(json, "seq_last");
    mtr_json_u64(json, charge.seq_last);
    mtr_json_map_end(json);
    mtr_json_map_end(json);
    return MTR_OK;
}
