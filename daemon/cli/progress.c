/*
 * The progress line. It stands on stderr's last line and is overwritten in place; stdout stays clean for
 * results. Main thread only.
 */
#include "daemon/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BAR_CELLS = 30, DRAW_EVERY_MS = 100 };

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_init(struct cli_progress *progress, uint64_t bytes_total)
{
    const char *no_color = getenv("NO_COLOR");
    *progress = (struct cli_progress){
        .shown = isatty(STDERR_FILENO) == 1, .coloured = !no_color || !*no_color, .bytes_total = bytes_total,
        .counted = "events", .started_ms = now_ms()};
}

static void draw_bar(const struct cli_progress *progress, uint64_t bytes_done)
{
    unsigned filled = (unsigned)(BAR_CELLS * (bytes_done / 1024) / (progress->bytes_total / 1024 + 1));
    if (filled > BAR_CELLS || bytes_done >= progress->bytes_total) filled = BAR_CELLS;
    fputs(progress->coloured ? "\x1b[36m" : "", stderr);
    for (unsigned i = 0; i < BAR_CELLS; i++) fputc(i < filled ? '#' : '.', stderr);
    fprintf(stderr, "%s %3u %%  ", progress->coloured ? "\x1b[0m" : "", filled * 100 / BAR_CELLS);
}

void progress_update(struct cli_progress *progress, uint64_t bytes_done, uint64_t count)
{
    int64_t now = now_ms();
    if (!progress->shown || now - progress->drawn_ms < DRAW_EVERY_MS) return;
    uint64_t elapsed_ms = (uint64_t)(now - progress->started_ms) + 1;
    progress->drawn_ms = now;
    fputc('\r', stderr);
    if (progress->bytes_total) draw_bar(progress, bytes_done);
    fprintf(stderr, "%" PRIu64 " %s, %" PRIu64 "/s", count, progress->counted, count * 1000 / elapsed_ms);
    if (progress->bytes_total > bytes_done && bytes_done) {
        uint64_t left_s =
            elapsed_ms * ((progress->bytes_total - bytes_done) / 1024) / (bytes_done / 1024 + 1) / 1000;
        fprintf(stderr, ", %" PRIu64 ":%02" PRIu64 " to go", left_s / 60, left_s % 60);
    }
    fputs("\x1b[K", stderr);
}

void progress_clear(struct cli_progress *progress)
{
    if (progress->shown && progress->drawn_ms) fputs("\r\x1b[K", stderr);
    progress->drawn_ms = 0;
}
