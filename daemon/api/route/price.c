/*
 * POST /v1/price: a quantity under a stored or supplied tariff, without touching any store.
 */
#include "daemon/api/api.h"
#include "daemon/api/routes.h"
#include "meterd/query/quote.h"
#include "meterd/tariff/price.h"

static void post_price(struct api_call *call)
{
    struct mtr_diagnostics findings;
    struct mtr_json_writer json;
    mtr_diagnostics_init(&findings, 50);
    api_json(call, &json);
    /* Stored tariffs are the operator's: a vendor's key prices what it brings along.
     * What use costs, and what single customers pay, is of charges and margins. */
    const struct mtr_price_asker asker = {.catalog = call->credential->vendor ? NULL : call->catalog,
                                          .now_us = call->now_us,
                                          .lists_only = !(call->credential->scopes & MTR_SCOPE_BILLING)};
    int rc = mtr_price_request_run(call->body, &asker, &call->arena, &json, &findings);
    if (rc == MTR_EINVALID)
        api_findings(call, MTR_FINDING_QUOTE_REFUSED, "the request cannot be priced", &findings);
    else if (rc == MTR_EDENIED)
        api_problem(call, 403, MTR_FINDING_REQUEST_FORBIDDEN, "%s %s", findings.items[0].field,
                    findings.items[0].text);
    else if (rc) api_error(call, rc, "the request cannot be priced");
    else api_json_end(call, &json);
    mtr_diagnostics_release(&findings);
}

static const struct mtr_shape request_shape = {.name = "PriceRequest", .fields = mtr_price_request_fields};

const struct api_route api_price = {
    .method = MTR_HTTP_POST,
    .path = "/v1/price",
    .scope = MTR_SCOPE_QUERY,
    .operation = "price",
    .summary = "Price a quantity under a stored or supplied tariff, with its trace",
    .request = &request_shape,
    .answer = &mtr_price_shape,
    .handle = post_price,
};
