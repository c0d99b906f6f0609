/*
 * Microsoft Partner Center's usage on Microsoft Graph, version 2 of the billing API: an export is asked
 * for, a manifest names its files, and the periods are two names, not dates. Success is a word in the
 * answer: the operation is a 200 also when it failed. The manifest's eTag tells whether anything is new.
 */
#include "lib/source/preset/preset.h"

const struct mtr_source_preset source_preset_partner_center = {
    .key = "partner-center",
    .doc = "Azure usage of Microsoft Partner Center, exported through Microsoft Graph",
    .text =
            "base_url: https://graph.microsoft.com/v1.0\n"
            "hosts: [\"*.blob.core.windows.net\"]\n"
            "schedule: {every: 12h, jitter: 1h}\n"
            "window: {periods: [current, last]}\n"
            "delivery: overwrite\n"
            "auth:\n"
            "  oauth2: {scopes: [\"https://graph.microsoft.com/.default\"]}\n"
            "job:\n"
            "  submit:\n"
            "    method: POST\n"
            "    path: /reports/partners/billing/usage/unbilled/export\n"
            "    body: {json: {currencyCode: USD, attributeSet: full, billingPeriod: \"{period}\"}}\n"
            "  id: {header: Location}\n"
            "  poll: {url: \"{job.id}\", every: 30s}\n"
            "  status:\n"
            "    {path: status, running: [notStarted, running], done: [succeeded, completed],\n"
            "     failed: [failed]}\n"
            "  result: {manifest: {path: resourceLocation}}\n"
            "  timeout: 6h\n"
            "answer:\n"
            "  absent: [{path: error.code, equals: \"5000\"}]\n"
            "paging:\n"
            "  parts:\n"
            "    {list: \"blobs[]\", url: name, root: rootDirectory, token_query: sasToken,\n"
            "     count: blobCount, etag: eTag}\n"
            "format: {ndjson: {compression: gzip}}\n",
};
