/*
 * Templates of a request, expanded.
 */
#include "collector/source/request/request_text.h"

#include "collector/source/request/each.h"
#include "meterd/core/time.h"

#define MAY_BE_ABSENT                                                                                        \
    (MTR_TEMPLATE_BIT(MTR_TEMPLATE_CURSOR) | MTR_TEMPLATE_BIT(MTR_TEMPLATE_PAGE) |                           \
     MTR_TEMPLATE_BIT(MTR_TEMPLATE_PERIOD))

static struct mtr_str each_of(const void *context, struct mtr_str member)
{
    const struct request_ask *ask = context;
    const struct each each = {ask->source, ask->strand, ask->subscription};
    return each_value(&each, member);
}

/* Rows that were committed out of order are met again. */
static int64_t feed_from_us(const struct request_ask *ask)
{
    const struct mtr_source_window *window = &ask->source->window;
    if (!ask->since_us) return window->start_us;
    return mtr_time_later(ask->since_us - window->overlap_us, window->start_us);
}

/* And what counters are held against. */
static int64_t window_from_us(const struct request_ask *ask)
{
    return mtr_time_later(ask->window.from_us - ask->source->map.counter_before_us, 0);
}

void request_text_begin(struct request_text *text, const struct request_ask *ask, struct mtr_arena *arena)
{
    const struct mtr_source_window *window = &ask->source->window;
    const struct mtr_source_request *request = ask->request ? ask->request : &ask->source->request;
    const bool is_feed = ask->window.to_us == 0;
    *text = (struct request_text){.ask = ask, .arena = arena};
    struct mtr_template_values *values = &text->values;
    values->from_us = is_feed ? feed_from_us(ask) : window_from_us(ask);
    values->to_us = is_feed ? ask->now_us : ask->window.to_us;
    values->last_us = values->to_us;
    if (!is_feed) values->last_us = mtr_window_last_us(window, &ask->window, request->unit_us);
    values->time_us = ask->now_us;
    values->each = each_of;
    values->each_context = ask;
    if (ask->paging) {
        values->texts[MTR_TEMPLATE_PAGE] = ask->paging->page;
        values->texts[MTR_TEMPLATE_CURSOR] = ask->paging->cursor;
        values->texts[MTR_TEMPLATE_ITEM] = ask->paging->item;
    }
    values->texts[MTR_TEMPLATE_JOB_ID] = ask->job_id;
    values->texts[MTR_TEMPLATE_SECRET] = ask->secret;
    if (window->length == MTR_LENGTH_PERIODS && !is_feed)
        values->texts[MTR_TEMPLATE_PERIOD] = mtr_str_from(mtr_window_name(window, &ask->window, ask->now_us));
}

void request_text_end(struct request_text *text)
{
    while (text->zone_count) mtr_zone_close(text->zones[--text->zone_count]);
}

static int find_zone(void *context, struct mtr_str name, const struct mtr_zone **out)
{
    struct request_text *text = context;
    for (uint32_t i = 0; i < text->zone_count; i++)
        if (mtr_str_equal(name, mtr_str_from(mtr_zone_name(text->zones[i])))) {
            *out = text->zones[i];
            return MTR_OK;
        }
    if (text->zone_count == REQUEST_ZONES_MAX) return MTR_ELIMIT;
    int rc = mtr_zone_open(name, &text->zones[text->zone_count]);
    if (!rc) *out = text->zones[text->zone_count++];
    return rc;
}

int request_text_append(struct request_text *text, struct mtr_str template, enum mtr_template_place place,
                        struct mtr_buffer *out, bool *is_there)
{
    const struct mtr_template_rules rules = {.place = place,
                                             .allowed = UINT32_MAX, /* the document was checked */
                                             .zone = text->ask->source->window.zone,
                                             .find_zone = find_zone,
                                             .zone_context = text};
    struct mtr_template parsed;
    struct mtr_diagnostic diagnostic;
    const struct mtr_arena_mark mark = mtr_arena_mark(text->arena);
    int rc = mtr_template_parse(template, &rules, text->arena, &parsed, &diagnostic);
    *is_there = !rc;
    text->fault = "a template of the document is none: apply it again";
    if (!rc) rc = mtr_template_expand(&parsed, &text->values, out, &text->fault);
    if (rc == MTR_EMISSING && parsed.uses & MAY_BE_ABSENT) {
        *is_there = false;
        rc = MTR_OK;
    }
    mtr_arena_rewind(text->arena, mark);
    return rc;
}
