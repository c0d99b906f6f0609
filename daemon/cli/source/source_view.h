/*
 * A trial of a source as people or programs see it: its requests, and for each reading what came, what was
 * proved, the first events and what is wrong with rows. Private to daemon/cli.
 *
 *   source_view_begin(view, &ask) ─▶ hooks of the trial ─▶ source_view_end(view, &report)     for each
 * reading
 */
#ifndef METERD_DAEMON_CLI_SOURCE_SOURCE_VIEW_H
#define METERD_DAEMON_CLI_SOURCE_SOURCE_VIEW_H

#include "daemon/trying.h"

enum { SOURCE_VIEW_EVENTS = 5, SOURCE_VIEW_FINDINGS = 50 };

/* Rows that the same is wrong with. */
struct source_finding {
    enum mtr_result_code code;
    enum mtr_finding_code finding;
    uint64_t rows;
    char field[64], text[400], id[80]; /* id: of the first of them */
};

struct source_view {
    bool json, quiet; /* quiet: no requests */
    struct mtr_json_writer writer;
    struct mtr_buffer out;
    struct mtr_buffer events; /* of the reading: JSON, a line each */
    uint32_t event_count;
    struct source_finding findings[SOURCE_VIEW_FINDINGS];
    uint32_t finding_count;
    uint64_t other_findings; /* rows with others than fit */
    uint64_t outside;        /* rows of another time than was asked for */
    uint64_t mapped;
    uint64_t refused;      /* rows that would be in quarantine, of all readings */
    uint32_t failed, away; /* readings that came to nothing; because nobody answered */
};

void source_view_init(struct source_view *view, bool json, bool quiet);
void source_view_release(struct source_view *view);

void source_view_begin(struct source_view *view, const struct mtr_trial_ask *ask);
void source_view_end(struct source_view *view, const struct mtr_trial_report *report);
/* Of struct trying_hooks. */
void source_view_on_request(struct source_view *view, const struct mtr_trial_request *request);
void source_view_on_answer(struct source_view *view, const struct mtr_trial_answer *answer);
void source_view_on_begin(struct source_view *view);
int source_view_on_row(struct source_view *view, const struct mtr_trial_row *row);
void source_view_on_wait(struct source_view *view, int64_t wait_us);

/* The JSON is printed. The exit code that fits: 1 a reading was not taken, or rows refused; 75 the vendor is
 * away. */
int source_view_finish(struct source_view *view);

#endif
