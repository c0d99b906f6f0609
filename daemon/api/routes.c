/*
 * The table of routes: what the API offers, who may call it, and what its OpenAPI document says.
 */
#include "daemon/api/api.h"

#define END {NULL, NULL, false, false, NULL}

static const struct api_parameter usage_parameters[] = {
    {"subscription", "string", false, false, "only this subscription (key)"},
    {"customer", "string", false, false, "only this customer"},
    {"vendor", "string", false, false, "only this vendor (key); a key bound to a vendor sees only its own"},
    {"meter", "string", false, false, "only this meter (key)"},
    {"from", "date-time", false, false,
     "first instant: an RFC 3339 time, or a date (its midnight in the zone); default: 30 days before `to`"},
    {"to", "date-time", false, false, "end, exclusive: an RFC 3339 time or a date; default: now"},
    {"window", "hour|day|month|total", false, false, "length of a row; default: day"},
    {"zone", "string", false, false, "days and months of this IANA zone; default: each subscription's own"},
    {"group_by", "string", false, true,
     "subscription, customer, vendor, service, meter or a dimension; default: subscription and meter"},
    {"limit", "integer", false, false, "rows at most; default and maximum are the daemon's query.rows_max"},
    END,
};
static const struct api_parameter events_parameters[] = {
    {"after", "integer", false, false,
     "events with a greater sequence number; default: from the oldest that is kept"},
    {"up_to", "integer", false, false, "no event with a greater sequence number; default: the newest"},
    {"limit", "integer", false, false, "events at most, 1 to 10000; default 100"},
    {"subscription", "string", false, false, "only events of this subscription (key)"},
    END,
};
static const struct api_parameter charges_parameters[] = {
    {"after", "integer", false, false,
     "charges with a greater number; default: the consumer's cursor, or the beginning"},
    {"limit", "integer", false, false, "charges at most, 1 to 10000; default 100"},
    {"consumer", "string", false, false, "name of who pulls: what it acknowledged is left out"},
    {"drafts", "true|false", false, false, "also draft charges; default true"},
    {"subscription", "string", false, false, "only this subscription (key)"},
    END,
};
static const struct api_parameter margins_parameters[] = {
    {"after", "integer", false, false,
     "go on behind the subscription that the answer before named as next_after"},
    {"limit", "integer", false, false,
     "no further subscription once there are this many lines, 1 to 10000; default 1000"},
    {"subscription", "string", false, false, "only this subscription (key)"},
    {"customer", "string", false, false, "only this customer"},
    {"from", "date-time", false, false, "only periods that begin then or later"},
    {"losses", "true|false", false, false,
     "only lines that cost more than is charged for them; default false"},
    END,
};
static const struct api_parameter credits_parameters[] = {
    {"subscription", "string", false, false, "of this subscription (key)"},
    {"customer", "string", false, false, "or of all subscriptions of this customer"},
    {"at", "date-time", false, false, "allowances of the billing periods of that time; default: now"},
    {"after", "integer", false, false,
     "of a customer: go on behind the subscription that the answer before named as next_after"},
    {"limit", "integer", false, false,
     "no further subscription once there are this many rows, 1 to 10000; default 1000"},
    END,
};
static const struct api_parameter outbox_parameters[] = {
    {"destination", "string", false, false, "only this destination (key)"},
    {"state", "pending|attempted|acked|rejected|unknown", false, false, "only messages in this state"},
    {"after", "integer", false, false, "messages with a greater number (needs destination)"},
    {"limit", "integer", false, false, "messages at most, 1 to 10000; default 100"},
    END,
};
static const struct api_parameter put_parameters[] = {
    {"dry_run", "boolean", false, false, "check and say what would change; store nothing"},
    END,
};
static const struct api_parameter get_parameters[] = {
    {"revision", "integer", false, false, "this revision; default: the newest"},
    {"revisions", "boolean", false, false, "all revisions instead of one document"},
    END,
};
static const struct api_parameter seq_parameters[] = {
    {"after", "integer", false, false, "events with a greater sequence number"},
    {"limit", "integer", false, false, "rows at most, 1 to 10000; default 100"},
    END,
};

#define JSON "application/json"
#define ROWS "application/json,application/x-ndjson,text/csv"

const struct api_route api_routes[] = {
    {MTR_HTTP_POST, "/v1/events", MTR_SCOPE_INGEST, "sendEvents",
     "Send usage events; one result per event that is not plainly accepted", NULL, "Events", "EventResults",
     JSON, NULL, NULL},
    {MTR_HTTP_GET, "/v1/events", MTR_SCOPE_ADMIN, "listEvents",
     "Raw events as the log keeps them, by sequence number", events_parameters, NULL, "StoredEvents",
     "application/json,application/x-ndjson", api_list_events, NULL},
    {MTR_HTTP_GET, "/v1/usage", MTR_SCOPE_QUERY, "getUsage",
     "Usage by subscription, meter, time and dimensions", usage_parameters, NULL, "Usage", ROWS,
     api_answer_rows, &api_usage_list},
    {MTR_HTTP_GET, "/v1/charges", MTR_SCOPE_BILLING, "listCharges", "The feed of charges, from any point",
     charges_parameters, NULL, "Charges", ROWS, api_answer_rows, &api_charges_list},
    {MTR_HTTP_POST, "/v1/charges/ack", MTR_SCOPE_BILLING, "ackCharges",
     "Acknowledge charges as a consumer, up to a number or one by one", NULL, "Ack", "AckResult", JSON,
     api_ack_charges, NULL},
    {MTR_HTTP_GET, "/v1/charges/{id}", MTR_SCOPE_BILLING, "explainCharge",
     "One charge, explained down to the log", NULL, NULL, "Explanation", JSON, api_get_charge, NULL},
    {MTR_HTTP_GET, "/v1/credits", MTR_SCOPE_BILLING, "listCredits",
     "Allowances and prepaid credits: granted, drawn, left", credits_parameters, NULL, "Credits", JSON,
     api_list_credits, NULL},
    {MTR_HTTP_GET, "/v1/margins", MTR_SCOPE_BILLING, "listMargins",
     "Charged lines beside what they cost the seller", margins_parameters, NULL, "Margins", ROWS,
     api_answer_rows, &api_margins_list},
    {MTR_HTTP_GET, "/v1/outbox", MTR_SCOPE_BILLING, "listOutbox", "Messages to destinations and their states",
     outbox_parameters, NULL, "Outbox", JSON, api_list_outbox, NULL},
    {MTR_HTTP_POST, "/v1/outbox/{message}", MTR_SCOPE_BILLING, "settleMessage",
     "Send a rejected or unknown message again, or mark it delivered", NULL, "Settlement", "Message", JSON,
     api_settle_outbox, NULL},
    {MTR_HTTP_POST, "/v1/price", MTR_SCOPE_QUERY, "price",
     "Price a quantity under a stored or supplied tariff, with its trace", NULL, "PriceRequest", "Price",
     JSON, api_post_price, NULL},
    {MTR_HTTP_PUT, "/v1/catalog", MTR_SCOPE_ADMIN, "applyCatalog",
     "Apply many documents (YAML or JSON) as one change", put_parameters, "Catalog", "CatalogChange", JSON,
     api_put_catalog, NULL},
    {MTR_HTTP_GET, "/v1/catalog/{kind}", MTR_SCOPE_ADMIN, "listDocuments",
     "The newest revision of every document of a kind", NULL, NULL, "Documents", JSON,
     api_list_documents, NULL},
    {MTR_HTTP_GET, "/v1/catalog/{kind}/{key}", MTR_SCOPE_ADMIN, "getDocument",
     "One document, or its revisions", get_parameters, NULL, "Document", "application/json,application/yaml",
     api_get_document, NULL},
    {MTR_HTTP_PUT, "/v1/catalog/{kind}/{key}", MTR_SCOPE_ADMIN, "putDocument",
     "Apply one document (YAML or JSON)", put_parameters, "CatalogDocument", "CatalogChange", JSON,
     api_put_document, NULL},
    {MTR_HTTP_GET, "/v1/quarantine", MTR_SCOPE_ADMIN, "listQuarantine",
     "Events that are kept and not counted, with the reason", seq_parameters, NULL, "Quarantine", JSON,
     api_list_quarantine, NULL},
    {MTR_HTTP_GET, "/v1/held", MTR_SCOPE_ADMIN, "listHeld", "Events that wait for a subscription or a meter",
     seq_parameters, NULL, "Held", JSON, api_list_held, NULL},
    {MTR_HTTP_GET, "/v1/status", MTR_SCOPE_QUERY, "getStatus", "Where each stage stands", NULL, NULL,
     "Status", JSON, api_get_status, NULL},
    {MTR_HTTP_GET, "/v1/openapi.json", 0, "getOpenapi", "This document", NULL, NULL, "Openapi", JSON,
     api_get_openapi, NULL},
    {MTR_HTTP_GET, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};
