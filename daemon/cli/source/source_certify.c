/*
 * meterd source certify: what a vendor's API was seen to do, probe by probe (daemon/certificate.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/certificate.h"
#include "daemon/cli/source/source_chosen.h"
#include "daemon/cli/command/source_verb.h"
#include "daemon/cli/table.h"
#include "meterd/net/loop.h"

enum { PATIENCE_S = 30, OUT_BYTES_MAX = 4 << 20 };

/* On a terminal alone: a certificate takes a while. */
static void on_probe(void *context, enum certificate_probe probe)
{
    (void)context;
    if (isatty(STDERR_FILENO) == 1) fprintf(stderr, "\r%s …\x1b[K", certificate_probe_doc(probe));
}

static void print_table(const struct certificate *certificate, const char *document)
{
    static const char *const words[] = {"not offered", "passed", "WARNS", "FAILS"};
    struct mtr_table *table = table_open(stdout);
    table_column(table, "PROBE", MTR_TABLE_LEFT);
    table_column(table, "RESULT", MTR_TABLE_LEFT);
    table_column(table, "WHAT WAS SEEN", MTR_TABLE_LEFT);
    for (unsigned i = 0; i < CERTIFICATE_PROBE_COUNT; i++) {
        const struct certificate_finding *finding = &certificate->findings[i];
        table_row(table);
        table_cell(table, mtr_str_from(certificate_probe_name((enum certificate_probe)i)));
        table_cell(table, mtr_str_from(words[finding->result]));
        table_cell(table, mtr_str_from(finding->text));
    }
    table_print(table);
    table_close(table);
    printf("%.*s %s after %u requests; document %.16s\n", MTR_STR_ARGS(certificate->source),
           words[certificate_result_of(certificate)], (unsigned)certificate->requests, document);
}

static int print_json(const struct certificate *certificate, const char *document)
{
    struct mtr_buffer out;
    struct mtr_json_writer json;
    mtr_buffer_init(&out, OUT_BYTES_MAX);
    mtr_json_begin(&json, &out);
    certificate_write(certificate, document, &json);
    int rc = mtr_json_finish(&json);
    if (!rc) printf("%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&out)));
    mtr_buffer_release(&out);
    return rc ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static int make(const struct cli_invocation *invocation, const struct source_chosen *chosen,
                const struct mtr_trial_ask *ask, struct certificate *out)
{
    static const struct trying_hooks no_hooks;
    struct mtr_diagnostic diagnostic;
    const struct certificate_options options = {
        .trying = {.config = &chosen->config,
                   .source = chosen->source,
                   .catalog = chosen->judged_by,
                   .hooks = &no_hooks,
                   .tokens = mtr_trial_burns_tokens(chosen->source) ? chosen->tokens : NULL,
                   .patience_us = PATIENCE_S * MTR_US_PER_SECOND},
        .each = ask->each,
        .subscription = ask->subscription,
        .window = ask->window,
        .on_probe = on_probe};
    (void)invocation;
    int rc = certificate_make(&options, out, &diagnostic);
    if (isatty(STDERR_FILENO) == 1) fputs("\r\x1b[K", stderr);
    if (rc) fprintf(stderr, "meterd source: %s\n", diagnostic.text);
    return rc ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static int certify(const struct cli_invocation *invocation, struct source_chosen *chosen,
                   struct source_readings *readings)
{
    static struct certificate certificate; /* too large for a small stack */
    int code = source_choose(invocation, 1, 2, chosen);
    if (!code) code = source_check_tokens(chosen);
    if (!code) code = source_choose_readings(invocation, chosen, mtr_clock_wall_us(), false, readings);
    if (!code) code = make(invocation, chosen, &readings->asks[0], &certificate);
    if (code) return code;
    if (invocation_flag(invocation, "json"))
        code = print_json(&certificate, chosen->document);
    else
        print_table(&certificate, chosen->document);
    if (code) return code;
    return certificate_result_of(&certificate) == CERTIFICATE_FAILED ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static int run(const struct cli_invocation *invocation)
{
    struct source_chosen chosen;
    struct source_readings readings = {0};
    int code = certify(invocation, &chosen, &readings);
    source_readings_release(&readings);
    source_chosen_release(&chosen);
    return code;
}

static const char *const options[] = {"from", "each", "source", "json", NULL};
const struct source_verb source_verb_certify = {.name = "certify",
                                                .arguments = "FILE|KEY [FILE…]",
                                                .arguments_min = 1,
                                                .arguments_max = 32,
                                                .options = options,
                                                .run = run};
