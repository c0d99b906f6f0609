/*
 * Certificates of sources in force: made by a thread of their own when somebody orders one, kept in
 * <data>/certificates, and made again each week from then on. A certificate that was never ordered is never
 * made: it costs the vendor some dozens of requests.
 *
 *   <data>/certificates/acme-usage.json     mode 0600, written whole or not at all
 *
 * The files are no store: they may be deleted, and are in no backup.
 */
#ifndef METERD_DAEMON_CERTIFYING_H
#define METERD_DAEMON_CERTIFYING_H

#include "daemon/daemon.h"

struct certifying;

/* Starts its thread. directory: the data's; made when the first one is written. */
int certifying_open(struct mtr_daemon *daemon, const char *directory,
                    const uint8_t event_key[MTR_EVENT_KEY_BYTES], struct certifying **out) MTR_MUST_USE;
void certifying_close(struct certifying *certifying); /* what runs is given up; NULL is allowed */

/* Any thread. MTR_EAGAIN: another one is being made; MTR_EINVALID: there cannot be one; *fault says why. */
int certifying_order(struct certifying *certifying, const struct mtr_source *source,
                     const char **fault) MTR_MUST_USE;
/* What is kept, JSON, appended to out; MTR_ENOTFOUND: nothing is. *is_making: one is on its way, or was
 * ordered. *is_current: it is of the document in force. Any thread. */
int certifying_load(struct certifying *certifying, const struct mtr_source *source, struct mtr_buffer *out,
                    bool *is_making, bool *is_current) MTR_MUST_USE;

/* The worst of its probes, as of certificate_result_name, static; NULL: none is kept. Any thread. */
const char *certifying_result(struct certifying *certifying, const struct mtr_source *source,
                              bool *is_current);

#endif
