/*
 * /v1/sources/{key}/certificate: what a vendor's API was seen to do, probe by probe, and the order to look.
 */
#include <stddef.h>

#include "daemon/api/routes.h"
#include "daemon/api/rows.h"
#include "daemon/api/route/source_row.h"

#include "meterd/catalog/catalog.h"

/* ---- the shape of what is kept, which is JSON already ---- */

struct evidence {
    struct mtr_str url;
    bool has_window;
    int64_t from, to;
    uint32_t status;
    uint64_t rows;
};
#define ROW(field) MTR_MEMBER(evidence, field)
static const struct mtr_json_member evidence_members[] = {
    {ROW(from), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(evidence, has_window),
     .doc = "begin of the window that was asked for"},
    {ROW(to), .type = MTR_MEMBER_TIME, .presence = MTR_MAY_LACK, MTR_PRESENT(evidence, has_window),
     .doc = "its end"},
    {ROW(url), .type = MTR_MEMBER_TEXT, .doc = "of the first request, without secrets"},
    {ROW(status), .type = MTR_MEMBER_U32, .doc = "of HTTP, of the last answer; 0: there was none"},
    {ROW(rows), .type = MTR_MEMBER_U64, .doc = "rows that came"},
    {0},
};
#undef ROW
static const struct mtr_shape evidence_shape = {.name = "CertificateEvidence", .members = evidence_members};

struct finding {
    struct mtr_str probe, text, evidence;
    const char *result;
};
#define ROW(field) MTR_MEMBER(finding, field)
static const struct mtr_json_member finding_members[] = {
    {ROW(probe), .type = MTR_MEMBER_TEXT, .doc = "its name"},
    {ROW(result), .type = MTR_MEMBER_WORD, .choice = source_certificate_choice, .doc = "what it came to"},
    {ROW(text), .type = MTR_MEMBER_TEXT, .doc = "what was seen"},
    {ROW(evidence), .type = MTR_MEMBER_JSON_LIST, .shape = &evidence_shape, .doc = "the first readings"},
    {0},
};
#undef ROW
static const struct mtr_shape finding_shape = {.name = "CertificateFinding", .members = finding_members};

struct certificate {
    struct mtr_str source, document, probes;
    int64_t made_at;
    uint32_t requests;
    const char *result;
};
#define ROW(field) MTR_MEMBER(certificate, field)
static const struct mtr_json_member certificate_members[] = {
    {ROW(source), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(document), .type = MTR_MEMBER_TEXT, .doc = "SHA-256 of the document that it is of, hex"},
    {ROW(made_at), .type = MTR_MEMBER_TIME, .doc = "when it was begun"},
    {ROW(requests), .type = MTR_MEMBER_U32, .doc = "that it took"},
    {ROW(result), .type = MTR_MEMBER_WORD, .choice = source_certificate_choice,
     .doc = "the worst of its probes"},
    {ROW(probes), .type = MTR_MEMBER_JSON_LIST, .shape = &finding_shape, .doc = "all of them"},
    {0},
};
#undef ROW
static const struct mtr_shape certificate_shape = {.name = "Certificate", .members = certificate_members};

/* ---- the answer ---- */

struct kept_row {
    struct mtr_str source, certificate;
    bool is_making, is_current, has_certificate;
};
#define ROW(field) MTR_MEMBER(kept_row, field)
static const struct mtr_json_member kept_members[] = {
    {ROW(source), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(is_making), .type = MTR_MEMBER_BOOL, .doc = "one is on its way"},
    {ROW(is_current), .type = MTR_MEMBER_BOOL, .doc = "the one that is kept is of the document in force"},
    {ROW(certificate), .type = MTR_MEMBER_JSON, .shape = &certificate_shape, .presence = MTR_MAY_LACK,
     MTR_PRESENT(kept_row, has_certificate), .doc = "the last one"},
    {0},
};
#undef ROW
static const struct mtr_shape kept_shape = {.name = "SourceCertificate", .members = kept_members};

static void answer(struct api_call *call, const struct mtr_source *source)
{
    const struct mtr_api_host *host = call->host;
    struct kept_row row = {.source = source->key};
    struct mtr_buffer text;
    mtr_buffer_init(&text, API_CERTIFICATE_BYTES_MAX);
    int rc = host->load_certificate(host->context, source, &text, &row.is_making, &row.is_current);
    row.has_certificate = !rc;
    row.certificate = mtr_buffer_str(&text);
    if (rc && rc != MTR_ENOTFOUND)
        api_error(call, rc, "the certificate cannot be read");
    else
        api_answer(call, &row);
    mtr_buffer_release(&text);
}

static void tell(struct api_call *call)
{
    const struct mtr_source *source = source_of_path(call);
    if (source) answer(call, source);
}

static void order(struct api_call *call)
{
    const char *fault = "";
    const struct mtr_source *source = source_of_path(call);
    if (!source) return;
    int rc = call->host->order_certificate(call->host->context, source, &fault);
    if (rc == MTR_EAGAIN)
        api_problem(call, 503, MTR_FINDING_REQUEST_BUSY, "%s", fault);
    else if (rc)
        api_problem(call, 400, MTR_FINDING_REQUEST_BODY, "%s", fault);
    else
        answer(call, source);
}

const struct api_route api_get_certificate = {
    .method = MTR_HTTP_GET,
    .path = "/v1/sources/{key}/certificate",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "getSourceCertificate",
    .summary = "What the vendor's API was seen to do, probe by probe",
    .answer = &kept_shape,
    .handle = tell,
};

const struct api_route api_order_certificate = {
    .method = MTR_HTTP_POST,
    .path = "/v1/sources/{key}/certificate",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_ADMIN_ACT,
    .operation = "orderSourceCertificate",
    .summary = "Has a certificate made now, and again each week",
    .answer = &kept_shape,
    .handle = order,
};
