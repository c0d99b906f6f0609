/*
 * TLS of the listeners: in force from the start on, read again on SIGHUP, watched until it expires.
 *
 *   listener_tls_open ─▶ a server, opened with listener_tls_identity ─▶ listener_tls_serve
 *                                            SIGHUP ─▶ listener_tls_reload ─▶ files, on a thread ─▶ the server
 *
 * The loop's thread. Private to daemon.
 */
#ifndef METERD_DAEMON_LISTEN_LISTENER_TLS_H
#define METERD_DAEMON_LISTEN_LISTENER_TLS_H

#include "daemon/config.h"
#include "meterd/core/metrics.h"
#include "meterd/net/http_server.h"
#include "meterd/net/loop.h"

enum listener { LISTENER_API, LISTENER_ADMIN, LISTENER_COUNT }; /* choices of the metrics, in this order */

struct listener_tls;

extern struct mtr_metric metric_tls_expiry, metric_tls_reload_failed, metric_tls_handshakes;

/* Reads its files, where the configuration names any; before threads start. */
int listener_tls_open(struct mtr_loop *loop, enum listener listener, const struct mtr_config_tls *config,
                      struct listener_tls **out, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* After the server is closed. NULL is allowed. */
void listener_tls_close(struct listener_tls *tls);
/* What its server is opened with; NULL: HTTP in the clear. */
struct mtr_tls *listener_tls_identity(const struct listener_tls *tls);
void listener_tls_serve(struct listener_tls *tls, struct mtr_http_server *server);
/* Reads the files of those names. Turning TLS on or off is for the next start: then it does nothing. */
void listener_tls_reload(struct listener_tls *tls, const struct mtr_config_tls *config);
/* A handler's hook: tells of it in a log line, once a minute. */
void listener_tls_failed(struct listener_tls *tls, const char *address, const char *why);
/* The metrics of both. */
void listener_tls_gauge(struct listener_tls *const listeners[LISTENER_COUNT]);

#endif
