/*
 * Answers of a vendor in a directory, so that a source can be tried without it: `meterd source record` writes
 * them, `meterd source test --answers` reads them.
 *
 *   DIRECTORY/recording.json    {"format": "meterd-recording/1", "source": "acme-usage",
 *                                "now": "2026-11-29T10:00:00Z",
 *                                "readings": [{"each": "", "from": "2026-11-28T00:00:00Z", "to": "…"}],
 *                                "answers": [{"method": "GET", "url": "https://…", "status": 200,
 *                                             "headers": ["Content-Type: application/json"],
 *                                             "file": "0001.body"}]}
 *   DIRECTORY/0001.body         the body as it came, less its Content-Encoding
 *
 * Secrets and signatures of links are masked everywhere, and what passes between us and an endpoint of tokens
 * is not written at all: trials with recorded answers carry no credentials. An answer belongs to the request
 * of the same method, URL (whatever the order of its parameters, less those that are masked whole) and body;
 * of several to the same the first asker gets the first, and the last one goes on being given. Files may be
 * edited: they are tests of a document. Main's thread.
 */
#ifndef METERD_DAEMON_CLI_SOURCE_RECORDING_H
#define METERD_DAEMON_CLI_SOURCE_RECORDING_H

#include "daemon/trying.h"

enum { RECORDING_BODY_BYTES_MAX = 256 << 20, RECORDING_ANSWERS_MAX = 100000 };

/* ---- writing ---- */

struct recording_writer;

/* The directory is made; it must be empty. Exit code after printing why. */
int recording_create(const char *directory, struct recording_writer **out);
void recording_writer_close(struct recording_writer *writer); /* NULL is allowed */
/* Whose texts are masked; before the first request. */
void recording_set_trying(struct recording_writer *writer, struct trying *trying);
void recording_on_request(struct recording_writer *writer, const struct mtr_trial_request *request);
int recording_on_piece(struct recording_writer *writer, struct mtr_str piece) MTR_MUST_USE;
void recording_on_answer(struct recording_writer *writer, const struct mtr_trial_answer *answer);
/* The index. *answers: how many there are. Exit code after printing why. */
struct recording_about {
    struct mtr_str source;
    int64_t now_us;
    const struct mtr_trial_ask *asks;
    uint32_t ask_count;
};
int recording_finish(struct recording_writer *writer, const struct recording_about *about, uint32_t *answers);

/* ---- reading ---- */

struct recording;

/* Exit code after printing why. */
int recording_open(const char *directory, struct recording **out);
void recording_close(struct recording *recording); /* NULL is allowed */
int64_t recording_now_us(const struct recording *recording);
/* The readings that were recorded; their texts are the recording's. */
uint32_t recording_asks(const struct recording *recording, const struct mtr_trial_ask **out);
/* False: there is none. Borrowed until the next call. */
bool recording_find(struct recording *recording, const struct mtr_trial_request *request,
                    struct trying_answer *out);

#endif
