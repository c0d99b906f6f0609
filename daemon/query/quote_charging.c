/*
 * The currency of a request and the rates that it brings, or those of the catalog.
 */
#include "daemon/query/quote_charging.h"

#include "daemon/query/quote_usage.h"
#include "meterd/core/currency.h"

static struct mtr_node text_node(const struct mtr_node *near, const char *key, struct mtr_str text)
{
    return (struct mtr_node){.kind = MTR_NODE_STRING,
                             .line = near->line,
                             .column = near->column,
                             .key = mtr_str_from(key),
                             .text = text};
}

/* The document with the source and the base that the tariff asks for, where it says none. */
static int complete(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                    struct mtr_arena *arena, struct mtr_node *out)
{
    *out = *node;
    if (node->kind != MTR_NODE_MAP) return MTR_OK;
    struct mtr_node *children = mtr_arena_calloc(arena, (size_t)node->child_count + 2, sizeof(*children));
    if (!children) return MTR_ENOMEM;
    out->children = children;
    for (uint32_t i = 0; i < node->child_count; i++) children[i] = node->children[i];
    if (!mtr_node_get(node, "source"))
        children[out->child_count++] = text_node(node, "source", tariff->exchange.source);
    if (!mtr_node_get(node, "base")) children[out->child_count++] = text_node(node, "base", tariff->currency);
    return MTR_OK;
}

int quote_rates_read(const struct mtr_node *list, const struct mtr_tariff_document *tariff,
                         struct mtr_arena *arena, struct mtr_rate_book *out, struct mtr_diagnostics *findings)
{
    const struct mtr_str none = {NULL, 0};
    int result = MTR_OK;
    if (list->kind != MTR_NODE_LIST)
        return quote_fail(findings, list, "rates", "a list of rates documents is expected", none);
    struct mtr_rates *rates = mtr_arena_calloc(arena, (size_t)list->child_count + 1, sizeof(*rates));
    out->days = mtr_arena_calloc(arena, (size_t)list->child_count + 1, sizeof(struct mtr_rates *));
    if (!rates || !out->days) return MTR_ENOMEM;
    for (uint32_t i = 0; i < list->child_count && result != MTR_ENOMEM; i++) {
        struct mtr_node node;
        int rc = complete(&list->children[i], tariff, arena, &node);
        if (!rc) rc = mtr_rates_read(&node, arena, &rates[i], findings);
        if (rc) result = rc;
        out->days[i] = &rates[i];
    }
    out->count = list->child_count;
    if (!result) mtr_rate_book_sort(out);
    return result;
}

int quote_charging_choose(const struct mtr_tariff_document *tariff, const struct mtr_tariff_party *party,
                              struct mtr_arena *arena, struct mtr_price_charging *out)
{
    static const struct mtr_rate_book no_rates = {NULL, 0};
    struct mtr_tariff_document *own = mtr_arena_calloc(arena, 1, sizeof(*own));
    struct mtr_tariff_party in_own_currency = *party;
    if (!own) return MTR_ENOMEM;
    *out = (struct mtr_price_charging){.tariff = own,
                                       .currency = party->currency.size ? party->currency : tariff->currency,
                                       .rates = &no_rates};
    out->exchanges =
        tariff->exchange.given && mtr_currency_find(out->currency) && !mtr_tariff_in(tariff, out->currency);
    if (out->exchanges) in_own_currency.currency = (struct mtr_str){NULL, 0};
    return mtr_tariff_for(tariff, &in_own_currency, arena, own);
}

bool quote_charging_is_daily(const struct mtr_price_charging *charging)
{
    return charging->exchanges && charging->tariff->exchange.at == MTR_EXCHANGE_AT_USAGE_DAY;
}

int quote_charging_set(const struct mtr_price_charging *charging, struct mtr_price_exchange_times times,
                           struct mtr_arena *arena, struct mtr_price_input *input)
{
    if (!charging->exchanges) return MTR_OK;
    struct mtr_price_exchange *exchange = mtr_arena_calloc(arena, 1, sizeof(*exchange));
    if (!exchange) return MTR_ENOMEM;
    const int64_t day = mtr_price_exchange_day(&charging->tariff->exchange, input->zone, times);
    mtr_price_exchange_find(charging->tariff, charging->currency, day, !input->closing, charging->rates,
                            exchange);
    input->exchange = exchange;
    return MTR_OK;
}

int quote_charging_fail(const struct mtr_price_input *input, struct mtr_diagnostics *findings)
{
    char text[MTR_RATE_QUESTION_TEXT_BYTES];
    mtr_rate_question_format(&input->exchange->question, text);
    return quote_fail(findings, NULL, "currency", text, (struct mtr_str){NULL, 0});
}
