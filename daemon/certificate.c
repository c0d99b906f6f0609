/*
 * See certificate.h.
 */
#include "daemon/certificate.h"

#include <stdio.h>

#include "daemon/certificate_state.h"

const char *certificate_probe_name(enum certificate_probe probe)
{
    static const char *const names[] = {
#define CERTIFICATE_PROBE_ROW(name, text, doc) text,
        CERTIFICATE_PROBES(CERTIFICATE_PROBE_ROW)
#undef CERTIFICATE_PROBE_ROW
    };
    return names[probe];
}

const char *certificate_probe_doc(enum certificate_probe probe)
{
    static const char *const docs[] = {
#define CERTIFICATE_PROBE_ROW(name, text, doc) doc,
        CERTIFICATE_PROBES(CERTIFICATE_PROBE_ROW)
#undef CERTIFICATE_PROBE_ROW
    };
    return docs[probe];
}

const char *certificate_result_name(enum certificate_result result)
{
    static const char *const names[] = {"not_offered", "passed", "warned", "failed"};
    return names[result];
}

enum certificate_result certificate_result_of(const struct certificate *certificate)
{
    enum certificate_result worst = CERTIFICATE_NOT_OFFERED;
    for (unsigned i = 0; i < CERTIFICATE_PROBE_COUNT; i++)
        if (certificate->findings[i].result > worst) worst = certificate->findings[i].result;
    return worst;
}

int certificate_make(const struct certificate_options *options, struct certificate *out,
                     struct mtr_diagnostic *diagnostic)
{
    struct probing probing = {.options = options, .out = out, .window = options->window};
    *out = (struct certificate){.source = options->trying.source->key, .sandbox = options->sandbox};
    int rc = probe_open(&probing, options->trying.secret, &probing.trying, diagnostic);
    if (rc) return rc;
    out->made_us = trying_now_us(probing.trying);
    if (!probing.window.to_us) probing.window = mtr_trial_newest_window(options->trying.source, out->made_us);
    rc = probe_all(&probing);
    if (rc)
        snprintf(diagnostic->text, sizeof(diagnostic->text), "there is no certificate: %s",
                 mtr_error_text(rc));
    probe_release(&probing.whole);
    trying_close(probing.trying);
    return rc;
}

static void write_evidence(const struct certificate_finding *finding, struct mtr_json_writer *json)
{
    mtr_json_name(json, "evidence");
    mtr_json_list(json);
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        const struct certificate_evidence *evidence = &finding->evidence[i];
        mtr_json_map(json);
        if (evidence->window.to_us) mtr_json_named_time(json, "from", evidence->window.from_us);
        if (evidence->window.to_us) mtr_json_named_time(json, "to", evidence->window.to_us);
        mtr_json_named_cstr(json, "url", evidence->url);
        mtr_json_named_u64(json, "status", evidence->status);
        mtr_json_named_u64(json, "rows", evidence->rows);
        mtr_json_map_end(json);
    }
    mtr_json_list_end(json);
}

void certificate_write(const struct certificate *certificate, const char *document,
                       struct mtr_json_writer *json)
{
    mtr_json_map(json);
    mtr_json_named_text(json, "source", certificate->source);
    mtr_json_named_cstr(json, "document", document);
    if (certificate->sandbox) mtr_json_named_cstr(json, "sandbox", certificate->sandbox);
    mtr_json_named_time(json, "made_at", certificate->made_us);
    mtr_json_named_u64(json, "requests", certificate->requests);
    mtr_json_named_cstr(json, "result", certificate_result_name(certificate_result_of(certificate)));
    mtr_json_name(json, "probes");
    mtr_json_list(json);
    for (unsigned i = 0; i < CERTIFICATE_PROBE_COUNT; i++) {
        const struct certificate_finding *finding = &certificate->findings[i];
        mtr_json_map(json);
        mtr_json_named_cstr(json, "probe", certificate_probe_name((enum certificate_probe)i));
        mtr_json_named_cstr(json, "result", certificate_result_name(finding->result));
        mtr_json_named_cstr(json, "text", finding->text);
        write_evidence(finding, json);
        mtr_json_map_end(json);
    }
    mtr_json_list_end(json);
    mtr_json_map_end(json);
}
