/*
 * A window is asked for piece by piece where one answer cannot hold it: halved down to `window.split` for as
 * long as an answer meets a limit. All pieces are one reading.
 */
#include <stdio.h>

#include "collector/source/poll/poll_state.h"

static const struct mtr_source_window *rule_of(const struct mtr_poll *poll)
{
    return &poll->task.source->window;
}

/* Not below the vendor's smallest step. Feeds and named periods have no pieces: nothing says which. Nor have
 * reports: each is one of its own. */
static int64_t least_of(const struct mtr_poll *poll)
{
    const struct mtr_source_window *rule = rule_of(poll);
    const struct mtr_source *source = poll->task.source;
    if (rule->length == MTR_LENGTH_CURSOR || rule->length == MTR_LENGTH_PERIODS || source->job) return 0;
    return rule->split_us ? mtr_time_later(rule->split_us, source->request.unit_us) : 0;
}

static bool shrink(struct mtr_poll *poll)
{
    const int64_t least_us = least_of(poll);
    return least_us && mtr_split_shrink(&poll->split.pieces, rule_of(poll), least_us);
}

/* As short as the last reading's were: those that are somewhat longer may stay. */
static void shrink_as_before(struct mtr_poll *poll)
{
    const int64_t before_us = poll->task.piece_us;
    struct mtr_window piece = poll_window(poll);
    while (before_us && piece.to_us - piece.from_us > before_us + before_us / 2 && shrink(poll))
        piece = poll_window(poll);
}

struct mtr_window poll_window(const struct mtr_poll *poll)
{
    return poll->split.pieces.count ? mtr_split_piece(&poll->split.pieces) : poll->task.window;
}

void poll_split_begin(struct mtr_poll *poll)
{
    mtr_split_begin(&poll->split.pieces, &poll->task.window);
    shrink_as_before(poll);
}

/* The piece's pages begin. */
static void begin(struct mtr_poll *poll, int64_t now_us)
{
    const char *fault = "";
    poll->is_again = false;
    poll->tries = 0;
    int rc = poll_begin_paging(poll);
    if (!rc) rc = reading_begin_piece(poll->reading, poll_window(poll), &fault);
    if (rc)
        poll_finish(poll, POLL_FAILED, rc == MTR_EINVALID ? MTR_ALARM_TRUNCATED : MTR_ALARM_FAILING, "%s",
                    rc == MTR_EINVALID ? fault : mtr_error_text(rc));
    else
        poll_wait(poll, now_us);
}

void poll_split_again(struct mtr_poll *poll, int64_t now_us)
{
    reading_drop_piece(poll->reading);
    begin(poll, now_us);
}

bool poll_split_shrink(struct mtr_poll *poll, int64_t now_us)
{
    if (!shrink(poll)) return false;
    const struct mtr_window piece = poll_window(poll);
    const int64_t length_us = piece.to_us - piece.from_us, before_us = poll->report.piece_us;
    poll->report.piece_us = before_us ? mtr_time_sooner(before_us, length_us) : length_us;
    poll_split_again(poll, now_us);
    return true;
}

bool poll_split_next(struct mtr_poll *poll, bool is_absent, int64_t now_us)
{
    reading_end_piece(poll->reading, is_absent);
    if (!mtr_split_next(&poll->split.pieces)) return false;
    shrink_as_before(poll);
    begin(poll, now_us);
    return true;
}

int64_t poll_split_remember(const struct poll_report *report, const struct mtr_window *window,
                            int64_t before_us, uint32_t *good)
{
    if (report->piece_us) {
        *good = 0;
        return report->piece_us;
    }
    if (!before_us || report->result != POLL_TAKEN || ++*good < POLL_SPLIT_GOOD) return before_us;
    *good = 0;
    return 2 * before_us < window->to_us - window->from_us ? 2 * before_us : 0;
}
