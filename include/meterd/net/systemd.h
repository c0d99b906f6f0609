/*
 * Telling the service manager what state we are in (sd_notify protocol over $NOTIFY_SOCKET), without
 * libsystemd.
 *
 * Without NOTIFY_SOCKET every call does nothing and is MTR_OK, so callers need no check. Any thread.
 */
#ifndef METERD_NET_SYSTEMD_H
#define METERD_NET_SYSTEMD_H

#include <stdint.h>

#include "meterd/core/error.h"

/* Errors: MTR_EINVALID (socket path not absolute or abstract, or text too long), MTR_EIO, MTR_EAGAIN. */
int mtr_systemd_ready(void) MTR_MUST_USE;
int mtr_systemd_reloading(int64_t monotonic_us) MTR_MUST_USE; /* followed by ready when done */
int mtr_systemd_stopping(void) MTR_MUST_USE;
int mtr_systemd_watchdog(void) MTR_MUST_USE;

/* How often the manager wants mtr_systemd_watchdog at the latest ($WATCHDOG_USEC for this process), 0: not
 * at all. */
int64_t mtr_systemd_watchdog_us(void);

#endif
