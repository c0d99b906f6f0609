/*
 * What the files of a trial share. Private to trial*.c.
 */
#ifndef METERD_COLLECTOR_SOURCE_TRIAL_TRIAL_STATE_H
#define METERD_COLLECTOR_SOURCE_TRIAL_TRIAL_STATE_H

#include "collector/intake/judge.h"
#include "collector/source/auth/files.h"
#include "collector/source/poll/poll.h"
#include "meterd/collector/source_trial.h"

enum { TRIAL_PATH_BYTES = 4096 };

struct mtr_trial {
    struct mtr_trial_options options;
    struct mtr_trial_hooks hooks;
    uint8_t event_key[MTR_EVENT_KEY_BYTES];
    char pages[TRIAL_PATH_BYTES];
    struct poll_hooks poll_hooks;
    struct reading_watch watch;
    struct source_mask *mask;
    struct auth_files *files;
    struct auth_hooks file_hooks; /* of the files, where ours stand before them */
    struct auth_keeper *keeper;
    struct auth_session *auth;
    struct mtr_ledger *ledger, *own_ledger;
    struct gate gate;
    struct breaker breaker;
    struct mtr_judge judge;
    struct mtr_arena row_arena; /* of the judge's sentences: a row's */

    struct mtr_source source; /* of the reading at work: without its auth where there are no secrets */
    struct mtr_poll *poll;    /* NULL: none is at work */
    bool has_work;
    int64_t now_us;
    uint64_t readings;
    uint32_t requests;
    bool is_token; /* the request that is out asks for one */
    uint64_t answer_bytes;
    struct mtr_trial_report report;
};

/* trial_hooks.c */
void trial_make_hooks(struct mtr_trial *trial);
struct auth_hooks trial_auth_hooks(struct mtr_trial *trial);

#endif
