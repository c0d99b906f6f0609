/*
 * The table of routes: what the API offers. Their order is that of the OpenAPI document.
 */
#include "daemon/api/routes.h"

#include "daemon/api/api.h"

const struct api_route *const api_routes[] = {
    &api_send_events,    &api_list_events,
    &api_get_usage,      &api_list_charges,
    &api_ack_charges,    &api_list_waiting,
    &api_explain_charge, &api_list_credits,
    &api_list_margins,   &api_list_outbox,
    &api_settle_message, &api_price,
    &api_apply_catalog,  &api_list_documents,
    &api_get_document,   &api_put_document,
    &api_delete_document,
    &api_list_schemas,   &api_get_schema,
    &api_list_quarantine, &api_list_held, &api_drop_held,
    &api_list_sources,   &api_list_windows,
    &api_order_reads,    &api_get_reads, &api_call_off_reads,
    &api_give_file,      &api_replay_source,
    &api_get_certificate, &api_order_certificate, &api_get_progress,
    &api_control_source,
    &api_show_source, /* behind those whose path is no key */
    &api_get_status,     &api_get_clock,
    &api_accept_clock,   &api_get_openapi,
    NULL,
};
