/*
 * A line on the terminal that shows how far a long command is: bar, rate, time to go. Nothing at all when
 * stderr is no terminal.
 */
#ifndef METERD_DAEMON_CLI_PROGRESS_H
#define METERD_DAEMON_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct cli_progress {
    bool shown;
    bool coloured;        /* NO_COLOR is unset */
    uint64_t bytes_total; /* 0: unknown */
    const char *counted;  /* what is counted: "events" */
    int64_t started_ms;
    int64_t drawn_ms;
};

void progress_init(struct cli_progress *progress, uint64_t bytes_total);
/* Draws ten times a second at most. */
void progress_update(struct cli_progress *progress, uint64_t bytes_done, uint64_t count);
void progress_clear(struct cli_progress *progress); /* before anything else is printed, and at the end */

#endif
