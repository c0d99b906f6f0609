/*
 * Rates of exchange that a request brings along, as a book. A request may leave out of them what its tariff
 * says: the source, and the base.
 */
#include "daemon/query/quote_rates.h"

#include "daemon/query/quote_rows.h"

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
        if (!rc) rc = mtr_rates_read(&node, arena, &rates[i], findings);
        if (rc) result = rc;
        book->days[i] = &rates[i];
    }
    book->count = list->child_count;
    if (!result) mtr_rate_book_sort(book);
    return result;
}
