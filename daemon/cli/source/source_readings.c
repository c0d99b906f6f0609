/*
 * Which readings are asked for: windows from --from to --to, of those of for_each that --each names.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/source/source_chosen.h"

struct picking {
    const struct cli_invocation *invocation;
    const struct source_chosen *chosen;
    int64_t now_us, from_us, to_us; /* to_us 0: one window */
    bool has_from;
    struct source_readings *out;
};

/* A date is its midnight in the zone of the window's. */
static bool read_time(const struct picking *picking, const char *option, int64_t *out)
{
    enum { DATE_BYTES = 10 };
    const char *text = invocation_option(picking->invocation, option);
    const struct mtr_zone *zone = picking->chosen->source->window.zone;
    char fault[MTR_DATE_FAULT_BYTES];
    if (!text) return true;
    if (!mtr_time_parse_date(mtr_str_from(text), out)) {
        if (zone && strlen(text) == DATE_BYTES) *out = mtr_zone_midnight(zone, *out / MTR_US_PER_DAY);
        return true;
    }
    mtr_date_fault(mtr_str_from(text), fault);
    fprintf(stderr, "meterd source: --%s: %s\n", option, fault);
    return false;
}

static int add(struct source_readings *out, const struct mtr_trial_ask *ask)
{
    if (out->count == SOURCE_READINGS_MAX) {
        fprintf(stderr, "meterd source: more than %d readings: ask for less at a time\n",
                SOURCE_READINGS_MAX);
        return MTR_EXIT_USAGE;
    }
    struct mtr_trial_ask *asks = realloc(out->asks, (out->count + 1) * sizeof(*asks));
    if (!asks) abort(); /* as command lines may */
    out->asks = asks;
    out->asks[out->count++] = *ask;
    return MTR_EXIT_OK;
}

static int add_windows(const struct picking *picking, struct mtr_trial_ask ask)
{
    const struct mtr_source_window *rule = &picking->chosen->source->window;
    int code = MTR_EXIT_OK;
    if (rule->length == MTR_LENGTH_CURSOR || !picking->has_from) {
        ask.window = mtr_trial_newest_window(picking->chosen->source, picking->now_us);
        return add(picking->out, &ask);
    }
    ask.window = mtr_window_at(rule, picking->from_us);
    do {
        code = add(picking->out, &ask);
        ask.window = mtr_window_next(rule, &ask.window);
    } while (!code && ask.window.from_us < picking->to_us && ask.window.from_us < MTR_TIME_US_MAX);
    return code;
}

static bool is_wanted(const struct picking *picking, struct mtr_str each)
{
    const char *value;
    for (uint32_t i = 0; (value = invocation_option_at(picking->invocation, "each", i)); i++)
        if (mtr_str_equal(each, mtr_str_from(value))) return true;
    return false;
}

static int say_none(const struct source_chosen *chosen)
{
    const struct mtr_source_each *each = &chosen->source->each;
    if (each->kind == MTR_EACH_ROW)
        fprintf(stderr,
                "meterd source: `for_each: rows` takes its values from the rows of %.*s, which a trial "
                "does not have: give one by --each\n",
                MTR_STR_ARGS(each->source));
    else if (each->kind == MTR_EACH_SUBSCRIPTION)
        fprintf(stderr,
                "meterd source: there is no subscription of the service %.*s, or not the one that "
                "--each names\n",
                MTR_STR_ARGS(each->service));
    else
        fprintf(stderr, "meterd source: for_each has no such value as --each names\n");
    return MTR_EXIT_USAGE;
}

/* Those of another source's rows are what --each says. */
static int pick_rows(const struct picking *picking)
{
    const char *value;
    int code = MTR_EXIT_OK;
    for (uint32_t i = 0; !code && (value = invocation_option_at(picking->invocation, "each", i)); i++)
        code = add_windows(picking, (struct mtr_trial_ask){.each = mtr_str_from(value)});
    return code;
}

static int pick(const struct picking *picking, bool every)
{
    const struct source_chosen *chosen = picking->chosen;
    const bool is_named = invocation_flag(picking->invocation, "each");
    struct mtr_trial_ask ask = {0};
    int code = MTR_EXIT_OK;
    if (chosen->source->each.kind == MTR_EACH_ROW) code = pick_rows(picking);
    while (!code && !mtr_trial_each(chosen->source, chosen->catalog, picking->out->each_count, &ask.each,
                                    &ask.subscription)) {
        const bool is_first = !picking->out->each_count++;
        if (is_named ? is_wanted(picking, ask.each) : every || is_first) code = add_windows(picking, ask);
    }
    return code || picking->out->count ? code : say_none(chosen);
}

int source_choose_readings(const struct cli_invocation *invocation, const struct source_chosen *chosen,
                           int64_t now_us, bool every, struct source_readings *out)
{
    struct picking picking = {
        .invocation = invocation, .chosen = chosen, .now_us = now_us, .from_us = -1, .out = out};
    const bool has_to = invocation_flag(invocation, "to");
    *out = (struct source_readings){0};
    picking.has_from = invocation_flag(invocation, "from");
    if (!read_time(&picking, "from", &picking.from_us) || !read_time(&picking, "to", &picking.to_us))
        return MTR_EXIT_USAGE;
    if (has_to && !picking.has_from) {
        fprintf(stderr, "meterd source: --to wants a --from\n");
        return MTR_EXIT_USAGE;
    }
    if (has_to && picking.to_us <= picking.from_us) {
        fprintf(stderr, "meterd source: --to must be after --from\n");
        return MTR_EXIT_USAGE;
    }
    return pick(&picking, every);
}

void source_readings_release(struct source_readings *readings)
{
    free(readings->asks);
    *readings = (struct source_readings){0};
}
