/*
 * Alarms of sources to whoever is to be told (`poller.alarm_url`): a POST of a CloudEvent in JSON when one
 * begins and when it is over, in their order, one at a time.
 *
 *   {"specversion": "1.0", "id": "…", "type": "meterd.source.alarm.raised", "source": "meterd", "subject": "acme-usage",
 *    "time": "2026-03-11T01:00:00Z", "data": {"vendor": "acme", "source": "acme-usage", "alarm": "gap", "problem": "…", …}}
 *
 * What is not taken (no connection, a status that may change) is sent again, later and later. The queue is
 * bounded: when ALARM_MESSAGES_MAX wait, the oldest goes, is counted and logged. Nothing of it is durable;
 * alarms that stand are raised again by the next start. Nothing here waits: the secret, which may stand on a
 * mount that does not answer, is read apart, and messages wait for it. The loop's thread.
 */
#ifndef METERD_DAEMON_ALARM_MESSAGES_H
#define METERD_DAEMON_ALARM_MESSAGES_H

#include "meterd/collector/poller.h"
#include "meterd/net/blocking.h"

enum { ALARM_MESSAGES_MAX = 256 };

struct alarm_messages;

/* Copied; secret_file: of a secret "whsec_…" (Standard Webhooks), empty: messages are not signed. */
struct alarm_messages_to {
    struct mtr_str url, secret_file;
};

/* blocking: borrowed, and closed before. */
int alarm_messages_open(struct mtr_loop *loop, struct mtr_blocking *blocking,
                        const struct alarm_messages_to *to, struct alarm_messages **out) MTR_MUST_USE;
/* Without memory for it the message is dropped, as where the queue is full. */
void alarm_messages_add(struct alarm_messages *messages, const struct mtr_alarm_change *change);
/* What waits is gone. NULL is allowed. */
void alarm_messages_close(struct alarm_messages *messages);

#endif
