/*
 * The routes, by the file of their resource. Private to daemon/api.
 */
#ifndef METERD_DAEMON_API_ROUTES_H
#define METERD_DAEMON_API_ROUTES_H

struct api_route;

extern const struct api_route api_send_events;  /* route/events.c */
extern const struct api_route api_list_events;  /* route/stored_events.c */
extern const struct api_route api_get_usage;    /* route/usage.c */
extern const struct api_route api_list_charges; /* route/charges.c */
extern const struct api_route api_ack_charges;
extern const struct api_route api_explain_charge;
extern const struct api_route api_list_waiting; /* route/waiting.c */
extern const struct api_route api_list_credits; /* route/credits.c */
extern const struct api_route api_list_margins; /* route/margins.c */
extern const struct api_route api_list_outbox;  /* route/outbox.c */
extern const struct api_route api_settle_message;
extern const struct api_route api_price;         /* route/price.c */
extern const struct api_route api_apply_catalog; /* route/catalog.c */
extern const struct api_route api_put_document;
extern const struct api_route api_delete_document;
extern const struct api_route api_list_documents; /* route/documents.c */
extern const struct api_route api_get_document;
extern const struct api_route api_list_schemas; /* route/schemas.c */
extern const struct api_route api_get_schema;
extern const struct api_route api_list_quarantine; /* route/quarantine.c */
extern const struct api_route api_list_held;       /* route/held/list_held.c */
extern const struct api_route api_drop_held;       /* route/held/drop_held.c */
extern const struct api_route api_list_sources;    /* route/sources.c */
extern const struct api_route api_control_source;  /* route/source_control.c */
extern const struct api_route api_show_source;     /* route/source_show.c */
extern const struct api_route api_list_windows;    /* route/windows.c */
extern const struct api_route api_order_reads;     /* route/source_reads.c */
extern const struct api_route api_get_reads;
extern const struct api_route api_call_off_reads;
extern const struct api_route api_give_file;
extern const struct api_route api_replay_source;
extern const struct api_route api_get_certificate; /* route/source_certificate.c */
extern const struct api_route api_order_certificate;
extern const struct api_route api_get_progress; /* route/source_progress.c */
extern const struct api_route api_get_status;      /* route/status.c */
extern const struct api_route api_get_clock;       /* route/clock.c */
extern const struct api_route api_accept_clock;
extern const struct api_route api_get_openapi;     /* route/openapi.c */

#endif
