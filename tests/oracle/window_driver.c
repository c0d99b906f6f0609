/*
 * Answers questions about windows and schedules for test_window_oracle.py. One question a line, one answer a line, all
 * instants and durations in seconds:
 *   zone NAME                                   opens it: "ok"
 *   window LENGTH TIME                          "from to"
 *   last LENGTH TIME UNIT                       the inclusive end
 *   tick EVERY AT TIME                          the next tick
 *   due LENGTH EVERY AT LATENESS OPEN KEEPS NAMES READ NOW TIME REREADS   of the window that holds TIME: "read DUE ORDER
 *                                               DRAFT LAST", "settled" or "forgotten"; NAMES: -, c, l, cl; REREADS: with
 *                                               commas, or -
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "meterd/source/schedule.h"
#include "tests/support/source/windows.h"

static int set_length(struct mtr_source_window *rule, const char *length, const struct mtr_zone *zone)
{
    rule->zone = zone;
    return source_window_set_length(rule, length) ? MTR_OK : MTR_EINVALID;
}

static int read_rereads(char *text, struct mtr_source_reread *rereads, uint32_t *count)
{
    char *rest = NULL;
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (strcmp(word, "-") == 0) continue;
        if (*count == MTR_SOURCE_REREADS_MAX || !source_window_read_reread(&rereads[(*count)++], word)) return MTR_EINVALID;
    }
    return MTR_OK;
}

static int answer_due(const char *line, const struct mtr_zone *zone)
{
    char length[16], names[4], rereads[120];
    int64_t every, at, lateness, open, keeps, read, now, time;
    struct mtr_source_reread list[MTR_SOURCE_REREADS_MAX];
    struct mtr_source_window rule = {.rereads = list};
    if (sscanf(line, "due %15s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %3s %" SCNd64 " %" SCNd64 " %" SCNd64 " %119s", length,
               &every, &at, &lateness, &open, &keeps, names, &read, &now, &time, rereads) != 11)
        return 1;
    if (set_length(&rule, length, zone) || read_rereads(rereads, list, &rule.reread_count)) return 1;
    rule.lateness_us = lateness * MTR_US_PER_SECOND;
    rule.open_us = open * MTR_US_PER_SECOND;
    rule.vendor_keeps_us = keeps * MTR_US_PER_SECOND;
    rule.has_current = strchr(names, 'c');
    rule.has_last = strchr(names, 'l');
    const struct mtr_source_schedule schedule = {.every_us = every * MTR_US_PER_SECOND, .at_s = (uint32_t)at, .zone = zone};
    const struct mtr_reading_plan plan = {.schedule = &schedule, .window = &rule};
    const struct mtr_window window = mtr_window_at(&rule, time * MTR_US_PER_SECOND);
    const struct mtr_window_history history = {.read_us = read * MTR_US_PER_SECOND};
    const struct mtr_due due = mtr_window_due(&plan, &window, &history, now * MTR_US_PER_SECOND);
    if (due.kind != MTR_DUE_READ) puts(due.kind == MTR_DUE_SETTLED ? "settled" : "forgotten");
    else printf("read %" PRId64 " %d %d %d\n", due.due_us / MTR_US_PER_SECOND, due.order, due.is_draft, due.is_last);
    return 0;
}

static int answer(const char *line, struct mtr_zone **zone)
{
    char name[80];
    int64_t time, unit, every, at;
    struct mtr_source_window rule = {.start_us = 0};
    if (sscanf(line, "zone %79s", name) == 1) {
        mtr_zone_close(*zone);
        *zone = NULL;
        int rc = mtr_zone_open(mtr_str_from(name), zone);
        puts(rc ? mtr_error_name(rc) : "ok");
        return rc;
    }
    if (sscanf(line, "window %15s %" SCNd64, name, &time) == 2) {
        if (set_length(&rule, name, *zone)) return 1;
        const struct mtr_window window = mtr_window_at(&rule, time * MTR_US_PER_SECOND);
        printf("%" PRId64 " %" PRId64 "\n", window.from_us / MTR_US_PER_SECOND, window.to_us / MTR_US_PER_SECOND);
        return 0;
    }
    if (sscanf(line, "last %15s %" SCNd64 " %" SCNd64, name, &time, &unit) == 3) {
        if (set_length(&rule, name, *zone)) return 1;
        const struct mtr_window window = mtr_window_at(&rule, time * MTR_US_PER_SECOND);
        printf("%" PRId64 "\n", mtr_window_last_us(&rule, &window, unit * MTR_US_PER_SECOND) / MTR_US_PER_SECOND);
        return 0;
    }
    if (sscanf(line, "tick %" SCNd64 " %" SCNd64 " %" SCNd64, &every, &at, &time) == 3) {
        const struct mtr_source_schedule schedule = {.every_us = every * MTR_US_PER_SECOND, .at_s = (uint32_t)at, .zone = *zone};
        printf("%" PRId64 "\n", mtr_schedule_tick(&schedule, time * MTR_US_PER_SECOND) / MTR_US_PER_SECOND);
        return 0;
    }
    return answer_due(line, *zone);
}

int main(void)
{
    char line[512];
    struct mtr_zone *zone = NULL;
    int rc = 0;
    while (!rc && fgets(line, sizeof(line), stdin)) rc = answer(line, &zone);
    mtr_zone_close(zone);
    return rc;
}
