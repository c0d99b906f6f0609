/*
 * Rates of exchange that a request brings along, as a book. A request may leave out of them what its tariff
 * says: the source, and the base.
 */
#include "daemon/query/quote/quote_rates.h"

#include <stdio.h>
#include <stdlib.h>

#include "daemon/query/quote/quote_rows.h"

enum { FINDINGS_OF_ONE_MAX = 50 };

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
    for (uint32_t i = 0; i < node->child_count; i++)
        children[i] = node->children[i];
    if (!mtr_node_get(node, "source"))
        children[out->child_count++] = text_node(node, "source", tariff->exchange.source);
    if (!mtr_node_get(node, "base")) children[out->child_count++] = text_node(node, "base", tariff->currency);
    return MTR_OK;
}

/* What is wrong with a document, with the path that leads to it. */
static int read_one(const struct mtr_node *node, uint32_t index, struct mtr_arena *arena,
                    struct mtr_rates *out, struct mtr_diagnostics *findings)
{
    struct mtr_diagnostics own;
    char path[MTR_FINDING_FIELD_BYTES + 24];
    mtr_diagnostics_init(&own, FINDINGS_OF_ONE_MAX);
    int rc = mtr_rates_read(node, arena, out, &own);
    for (size_t i = 0; i < own.count; i++) {
        const struct mtr_diagnostic *it = &own.items[i];
        snprintf(path, sizeof(path), "rates[%u]%s%s", index, *it->field ? "." : "", it->field);
        mtr_diagnostics_addf(findings, it->code, it->line, it->column, path, "%s", it->text);
    }
    mtr_diagnostics_release(&own);
    return rc;
}

/* A quote, by whom it is of which day. */
struct quoted {
    const struct mtr_rates *rates;
    struct mtr_str currency;
};

static int compare_quoted(const void *a, const void *b)
{
    const struct quoted *x = a, *y = b;
    if (x->rates->day != y->rates->day) return x->rates->day < y->rates->day ? -1 : 1;
    int order = mtr_str_compare(x->rates->source, y->rates->source);
    if (!order) order = mtr_str_compare(x->currency, y->currency);
    return order ? order : (x->rates > y->rates) - (x->rates < y->rates);
}

/* Documents of one source and day, a --rate each, say, may not have one currency twice: which of them holds
 * would be left to chance. */
static int check_repeated(const struct mtr_node *list, const struct mtr_rates *rates, struct mtr_arena *arena,
                          struct mtr_diagnostics *findings)
{
    char path[40];
    size_t count = 0;
    for (uint32_t i = 0; i < list->child_count; i++) count += rates[i].quote_count;
    struct quoted *all = mtr_arena_calloc(arena, count + 1, sizeof(*all));
    if (!all) return MTR_ENOMEM;
    count = 0;
    for (uint32_t i = 0; i < list->child_count; i++)
        for (uint32_t q = 0; q < rates[i].quote_count; q++)
            all[count++] = (struct quoted){&rates[i], rates[i].quotes[q].currency};
    qsort(all, count, sizeof(*all), compare_quoted);
    for (size_t i = 1; i < count; i++) {
        const struct quoted *before = &all[i - 1], *it = &all[i];
        if (before->rates->day != it->rates->day || !mtr_str_equal(before->currency, it->currency) ||
            !mtr_str_equal(before->rates->source, it->rates->source))
            continue;
        const struct mtr_node *node = &list->children[it->rates - rates];
        snprintf(path, sizeof(path), "rates[%u].quotes", (unsigned)(it->rates - rates));
        mtr_diagnostics_addf(findings, MTR_FINDING_RATES_REPEATED, node->line, node->column, path,
                             "%.*s: that source has it for that day already", MTR_STR_ARGS(it->currency));
        return MTR_EINVALID;
    }
    return MTR_OK;
}

int quote_rates_read(const struct mtr_node *list, const struct mtr_tariff_document *tariff,
                     struct mtr_arena *arena, struct mtr_rate_book *book, struct mtr_diagnostics *findings)
{
    int result = MTR_OK;
    if (list->kind != MTR_NODE_LIST)
        return quote_fail(findings, MTR_FINDING_FIELD_KIND, list, "rates",
                          "a list of rates documents is expected", (struct mtr_str){NULL, 0});
    struct mtr_rates *rates = mtr_arena_calloc(arena, (size_t)list->child_count + 1, sizeof(*rates));
    book->days = mtr_arena_calloc(arena, (size_t)list->child_count + 1, sizeof(struct mtr_rates *));
    if (!rates || !book->days) return MTR_ENOMEM;
    for (uint32_t i = 0; i < list->child_count && result != MTR_ENOMEM; i++) {
        struct mtr_node node;
        int rc = complete(&list->children[i], tariff, arena, &node);
        if (!rc) rc = read_one(&node, i, arena, &rates[i], findings);
        if (rc) result = rc;
        book->days[i] = &rates[i];
    }
    book->count = list->child_count;
    if (!result) result = check_repeated(list, rates, arena, findings);
    if (!result) mtr_rate_book_sort(book);
    return result;
}
