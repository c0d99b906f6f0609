/*
 * Prices per currency: where a tariff may have an amount, a map of amounts by currency, {EUR: "0.05", USD:
 * "0.06"}.
 *
 * The rows of the schema say where amounts stand. Invariants: the tree is walked along the rows, so that a
 * dimension or a meter that is called like a currency is left alone; what the rows do not know is copied as
 * it is, for the schema to report.
 */
#include "lib/tariff/variants.h"

#include <stdio.h>
#include <string.h>

#include "lib/tariff/report.h"
#include "meterd/core/currency.h"

/* ---- walking along the rows ---- */

struct walk {
    /* `node` is what stands where the row has an amount or a quantity. */
    int (*on_number)(struct walk *walk, const struct mtr_field *field, const struct mtr_node *node);
    struct mtr_arena *scratch;
    struct tariff_currencies *currencies;
    struct mtr_diagnostics *findings;
    bool has_maps; /* there was a map of prices */
    bool has_unit; /* prices are in a unit of the seller's own: its price alone is in currencies */
};

static const struct mtr_field *find_field(const struct mtr_field *fields, struct mtr_str name)
{
    for (; fields->name; fields++)
        if (mtr_str_equal(name, mtr_str_from(fields->name))) return mtr_field_row(fields);
    return NULL;
}

static int walk_map(struct walk *walk, const struct mtr_field *fields, const struct mtr_node *node);

static int walk_value(struct walk *walk, const struct mtr_field *field, const struct mtr_node *node)
{
    int rc = MTR_OK;
    switch (field->type) {
    case MTR_FIELD_MAP: return walk_map(walk, field->fields, node);
    case MTR_FIELD_LIST:
        if (field->single && node->kind == MTR_NODE_MAP) return walk_map(walk, field->fields, node);
        for (uint32_t i = 0; node->kind == MTR_NODE_LIST && i < node->child_count && !rc; i++)
            rc = walk_map(walk, field->fields, &node->children[i]);
        return rc;
    case MTR_FIELD_MONEY:
    case MTR_FIELD_QUANTITY: return walk->on_number(walk, field, node);
    default: return MTR_OK;
    }
}

static int walk_map(struct walk *walk, const struct mtr_field *fields, const struct mtr_node *node)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; node->kind == MTR_NODE_MAP && i < node->child_count && !rc; i++) {
        const struct mtr_field *field = find_field(fields, node->children[i].key);
        if (field) rc = walk_value(walk, field, &node->children[i]);
    }
    return rc;
}

/* ---- which currencies there are ---- */

static bool has_currency(const struct tariff_currencies *currencies, struct mtr_str code)
{
    for (uint32_t i = 0; i < currencies->count; i++)
        if (mtr_str_equal(currencies->items[i].text, code)) return true;
    return false;
}

static int add_currency(struct walk *walk, struct mtr_str code, uint32_t line, uint32_t column)
{
    struct tariff_currencies *currencies = walk->currencies;
    if (has_currency(currencies, code)) return MTR_OK;
    if (!currencies->items)
        currencies->items =
            mtr_arena_calloc(walk->scratch, MTR_TARIFF_CURRENCIES_MAX, sizeof(*currencies->items));
    if (!currencies->items) return MTR_ENOMEM;
    if (currencies->count == MTR_TARIFF_CURRENCIES_MAX) {
        mtr_diagnostics_addf(walk->findings, MTR_FINDING_TARIFF_CURRENCY_LIMIT, line, column, "currencies",
                             "are more than %d", MTR_TARIFF_CURRENCIES_MAX);
        return MTR_EINVALID;
    }
    currencies->items[currencies->count++] = (struct mtr_node){.kind = MTR_NODE_STRING,
                                                               .line = line,
                                                               .column = column,
                                                               .key = MTR_STR("currency"),
                                                               .key_line = line,
                                                               .key_column = column,
                                                               .text = code};
    return MTR_OK;
}

static bool is_in_unit(const struct walk *walk, const struct mtr_field *field)
{
    return walk->has_unit && field->type == MTR_FIELD_MONEY && !tariff_is_price_of_unit(field);
}

static int fail_code(struct walk *walk, const struct mtr_field *field, const struct mtr_node *price)
{
    char meant[MTR_MEANT_BYTES];
    mtr_diagnostics_addf(walk->findings, MTR_FINDING_TARIFF_CURRENCY_UNKNOWN, price->key_line,
                         price->key_column, field->name, "`%.*s%s` is no currency of ISO 4217%s",
                         MTR_STR_QUOTED(price->key), mtr_currency_meant(price->key, meant));
    return MTR_EINVALID;
}

static int collect(struct walk *walk, const struct mtr_field *field, const struct mtr_node *node)
{
    int rc = MTR_OK;
    if (node->kind != MTR_NODE_MAP || is_in_unit(walk, field)) return MTR_OK;
    walk->has_maps = true;
    for (uint32_t i = 0; i < node->child_count && !rc; i++) {
        const struct mtr_node *price = &node->children[i];
        rc = mtr_currency_find(price->key)
                 ? add_currency(walk, price->key, price->key_line, price->key_column)
                 : fail_code(walk, field, price);
    }
    return rc;
}

static int collect_declared(struct walk *walk, const struct mtr_node *list, const struct mtr_node *own)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; i < list->child_count && !rc; i++) {
        const struct mtr_node *item = &list->children[i];
        if (item->kind == MTR_NODE_STRING) rc = add_currency(walk, item->text, item->line, item->column);
    }
    if (rc || !own || own->kind == MTR_NODE_NULL) return rc;
    for (uint32_t i = 0; i < walk->currencies->count; i++) { /* the tariff's own comes first */
        struct mtr_node *items = walk->currencies->items, found = items[i];
        if (!mtr_str_equal(found.text, own->text)) continue;
        memmove(items + 1, items, i * sizeof(*items));
        items[0] = found;
        return MTR_OK;
    }
    tariff_report(walk->findings, MTR_FINDING_TARIFF_CURRENCY_NOT_LISTED, own, "currency",
                  "is not one of `currencies`");
    return MTR_EINVALID;
}

/* ---- what is wrong with the prices ---- */

/* Numbers that are typed as money and hold in every currency. */
static bool is_factor(const struct mtr_field *field)
{
    return strcmp(field->name, "rate") == 0 || strcmp(field->name, "multiplier") == 0;
}

static void list_codes(const struct tariff_currencies *currencies, char *out, size_t size)
{
    enum { CODE_BYTES = 3 };
    size_t used = 0;
    *out = '\0';
    for (uint32_t i = 0; i < currencies->count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%.*s%s", i ? ", " : "",
                                 MTR_STR_ARGS(mtr_str_quoted(currencies->items[i].text, CODE_BYTES)),
                                 mtr_str_quoted_rest(currencies->items[i].text, CODE_BYTES));
}

static int check_number(struct walk *walk, const struct mtr_field *field, const struct mtr_node *node)
{
    char codes[MTR_TARIFF_CURRENCIES_MAX * 8];
    if (field->type != MTR_FIELD_MONEY || is_factor(field) || node->kind == MTR_NODE_NULL ||
        walk->currencies->count < 2)
        return MTR_OK;
    struct mtr_money amount;
    if (mtr_money_parse(node->text, &amount) || amount.e18 == 0)
        return MTR_OK; /* nothing is nothing in every currency */
    list_codes(walk->currencies, codes, sizeof(codes));
    mtr_diagnostics_addf(walk->findings, MTR_FINDING_TARIFF_PRICE_ONE_NUMBER, node->line, node->column,
                         field->name, "is one number for %s: write a map with one for each", codes);
    return MTR_OK;
}

static const struct mtr_node *price_in(const struct mtr_node *map, struct mtr_str code)
{
    for (uint32_t i = 0; i < map->child_count; i++)
        if (mtr_str_equal(map->children[i].key, code)) return &map->children[i];
    return NULL;
}

static int check_prices(struct walk *walk, const struct mtr_field *field, const struct mtr_node *node)
{
    const struct tariff_currencies *currencies = walk->currencies;
    if (is_in_unit(walk, field)) {
        if (node->kind == MTR_NODE_MAP)
            tariff_report(walk->findings, MTR_FINDING_TARIFF_PRICE_OF_PRICING_CURRENCY, node, field->name,
                          "is an amount of the pricing currency: write one number; what it costs in each "
                          "currency is the price in `pricing_currency`");
        return MTR_OK;
    }
    if (node->kind != MTR_NODE_MAP) return check_number(walk, field, node);
    for (uint32_t i = 0; i < currencies->count; i++) {
        if (price_in(node, currencies->items[i].text)) continue;
        mtr_diagnostics_addf(walk->findings, MTR_FINDING_TARIFF_PRICE_CURRENCY_MISSING, node->line,
                             node->column, field->name, "has no price in %.*s%s",
                             MTR_STR_QUOTED(currencies->items[i].text));
    }
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct mtr_node *price = &node->children[i];
        if (has_currency(currencies, price->key)) continue;
        mtr_diagnostics_addf(walk->findings, MTR_FINDING_TARIFF_PRICE_CURRENCY_FOREIGN, price->key_line,
                             price->key_column, field->name,
                             "has a price in %.*s%s, which is not one of the tariff's currencies",
                             MTR_STR_QUOTED(price->key));
    }
    return MTR_OK;
}

static bool has_unit(const struct mtr_node *tariff)
{
    const struct mtr_node *versions = mtr_node_get(tariff, "versions");
    for (uint32_t i = 0; versions && versions->kind == MTR_NODE_LIST && i < versions->child_count; i++)
        if (mtr_node_get(&versions->children[i], "pricing_currency")) return true;
    return false;
}

int tariff_read_currencies(const struct mtr_node *tariff, struct mtr_arena *scratch,
                           struct tariff_currencies *out, struct mtr_diagnostics *findings)
{
    size_t errors_before = findings->errors;
    struct walk walk = {.on_number = collect,
                        .scratch = scratch,
                        .currencies = out,
                        .findings = findings,
                        .has_unit = has_unit(tariff)};
    const struct mtr_node *own = mtr_node_get(tariff, "currency"),
                          *declared = mtr_node_get(tariff, "currencies");
    *out = (struct tariff_currencies){0};
    int rc = MTR_OK;
    if (declared && declared->kind == MTR_NODE_LIST) {
        rc = collect_declared(&walk, declared, own);
    } else {
        if (own && own->kind == MTR_NODE_STRING) rc = add_currency(&walk, own->text, own->line, own->column);
        if (!rc) rc = walk_map(&walk, mtr_tariff_fields, tariff);
        if (!rc && !walk.has_maps) out->count = 0;
    }
    walk.on_number = check_prices;
    if (!rc && out->count) rc = walk_map(&walk, mtr_tariff_fields, tariff);
    return rc ? rc : findings->errors > errors_before ? MTR_EINVALID : MTR_OK;
}

/* ---- rewriting ---- */

static int rewrite_map(const struct mtr_field *fields, const struct mtr_node *node, struct mtr_str code,
                       struct mtr_arena *scratch, struct mtr_node *out);

static int rewrite_list(const struct mtr_field *field, const struct mtr_node *node, struct mtr_str code,
                        struct mtr_arena *scratch, struct mtr_node *out)
{
    if (field->single && node->kind == MTR_NODE_MAP)
        return rewrite_map(field->fields, node, code, scratch, out);
    *out = *node;
    if (node->kind != MTR_NODE_LIST || !node->child_count) return MTR_OK;
    struct mtr_node *children = mtr_arena_calloc(scratch, node->child_count, sizeof(*children));
    if (!children) return MTR_ENOMEM;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < node->child_count && !rc; i++)
        rc = rewrite_map(field->fields, &node->children[i], code, scratch, &children[i]);
    out->children = children;
    return rc;
}

/* The price keeps the place where it is written. */
static void pick_price(const struct mtr_node *node, struct mtr_str code, struct mtr_node *out)
{
    const struct mtr_node *price = node->kind == MTR_NODE_MAP ? price_in(node, code) : NULL;
    *out = *node;
    if (!price) return;
    *out = *price;
    out->key = node->key;
    out->key_line = node->key_line;
    out->key_column = node->key_column;
}

static int rewrite_map(const struct mtr_field *fields, const struct mtr_node *node, struct mtr_str code,
                       struct mtr_arena *scratch, struct mtr_node *out)
{
    *out = *node;
    if (node->kind != MTR_NODE_MAP || !node->child_count) return MTR_OK;
    struct mtr_node *children = mtr_arena_calloc(scratch, node->child_count, sizeof(*children));
    if (!children) return MTR_ENOMEM;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < node->child_count && !rc; i++) {
        const struct mtr_node *child = &node->children[i];
        const struct mtr_field *field = find_field(fields, child->key);
        children[i] = *child;
        if (!field) continue;
        if (field->type == MTR_FIELD_MAP) rc = rewrite_map(field->fields, child, code, scratch, &children[i]);
        else if (field->type == MTR_FIELD_LIST) rc = rewrite_list(field, child, code, scratch, &children[i]);
        else if (field->type == MTR_FIELD_MONEY || field->type == MTR_FIELD_QUANTITY)
            pick_price(child, code, &children[i]);
    }
    out->children = children;
    return rc;
}

int tariff_in_currency(const struct mtr_node *tariff, const struct mtr_node *currency,
                       struct mtr_arena *scratch, struct mtr_node *out)
{
    struct mtr_node rewritten;
    int rc = rewrite_map(mtr_tariff_fields, tariff, currency->text, scratch, &rewritten);
    if (rc) return rc;
    struct mtr_node *children =
        mtr_arena_calloc(scratch, (size_t)rewritten.child_count + 1, sizeof(*children));
    if (!children) return MTR_ENOMEM;
    uint32_t count = 0;
    children[count++] = *currency;
    for (uint32_t i = 0; i < rewritten.child_count; i++) {
        struct mtr_str key = rewritten.children[i].key;
        if (!mtr_str_equal(key, MTR_STR("currency")) && !mtr_str_equal(key, MTR_STR("currencies")))
            children[count++] = rewritten.children[i];
    }
    *out = rewritten;
    out->children = children;
    out->child_count = count;
    return MTR_OK;
}
