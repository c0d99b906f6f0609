/*
 * meterd source certify: what a vendor's API was seen to do, probe by probe (daemon/certificate.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/certificate.h"
#include "daemon/cli/client.h"
#include "daemon/cli/source/interrupt.h"
#include "daemon/cli/source/source_chosen.h"
#include "daemon/cli/command/source_verb.h"
#include "daemon/cli/rows.h"
#include "meterd/net/loop.h"

enum { PATIENCE_S = 30, OUT_BYTES_MAX = 4 << 20, PATH_BYTES = 1024, LOOK_EVERY_MS = 250 };

/* On a terminal alone: a certificate takes a while. */
static void on_probe(void *context, enum certificate_probe probe)
{
    (void)context;
    if (isatty(STDERR_FILENO) == 1) fprintf(stderr, "\r%s …\x1b[K", certificate_probe_doc(probe));
}

static const char *const words[] = {"not offered", "passed", "WARNS", "FAILS"};

/* No table: on a narrow terminal its columns would share what is left, and names be broken. */
static void print_head(void) { printf("%-13s %-12s %s\n", "PROBE", "RESULT", "WHAT WAS SEEN"); }

static void print_finding(struct mtr_str probe, const char *result, struct mtr_str text)
{
    printf("%-13.*s %-12s %.*s\n", MTR_STR_ARGS(probe), result, MTR_STR_ARGS(text));
}

static void print_certificate(const struct certificate *certificate, const char *document)
{
    print_head();
    for (unsigned i = 0; i < CERTIFICATE_PROBE_COUNT; i++) {
        const struct certificate_finding *finding = &certificate->findings[i];
        print_finding(mtr_str_from(certificate_probe_name((enum certificate_probe)i)), words[finding->result],
                      mtr_str_from(finding->text));
    }
    printf("%.*s %s after %u requests; document %.16s%s%s\n", MTR_STR_ARGS(certificate->source),
           words[certificate_result_of(certificate)], (unsigned)certificate->requests, document,
           certificate->sandbox ? "; of the sandbox " : "", certificate->sandbox ? certificate->sandbox : "");
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
                   .patience_us = PATIENCE_S * MTR_US_PER_SECOND,
                   .stops = interrupt_watch()},
        .each = ask->each,
        .subscription = ask->subscription,
        .window = invocation_flag(invocation, "from") ? ask->window : (struct mtr_window){0},
        .sandbox = invocation_option(invocation, "sandbox"),
        .on_probe = on_probe};
    int rc = certificate_make(&options, out, &diagnostic);
    if (isatty(STDERR_FILENO) == 1) fputs("\r\x1b[K", stderr);
    const bool is_interrupted = atomic_load(options.trying.stops);
    if (rc || is_interrupted)
        fprintf(stderr, "meterd source: %s\n", is_interrupted ? "interrupted" : diagnostic.text);
    return rc || is_interrupted ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static int certify(const struct cli_invocation *invocation, struct source_chosen *chosen,
                   struct source_readings *readings)
{
    static struct certificate certificate; /* too large for a small stack */
    int code = source_choose(invocation, 1, 2, chosen);
    if (!code) code = source_check_tokens(chosen);
    if (!code) code = source_choose_readings(invocation, chosen, mtr_clock_wall_us(), false, readings);
    if (!code && readings->asks[0].window.from_us > mtr_clock_wall_us()) {
        fprintf(stderr, "meterd source: --from: the window has not begun: nothing can be seen of it\n");
        code = MTR_EXIT_USAGE;
    }
    if (!code) code = make(invocation, chosen, &readings->asks[0], &certificate);
    if (code) return code;
    if (invocation_flag(invocation, "json"))
        code = print_json(&certificate, chosen->document);
    else
        print_certificate(&certificate, chosen->document);
    if (code) return code;
    return certificate_result_of(&certificate) == CERTIFICATE_FAILED ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

/* ---- by the daemon, which keeps it ---- */

static const char *word_of(struct mtr_str result)
{
    for (unsigned i = 0; i <= CERTIFICATE_FAILED; i++)
        if (mtr_str_equal(result, mtr_str_from(certificate_result_name((enum certificate_result)i))))
            return words[i];
    return "?";
}

static void print_kept(const struct mtr_node *certificate)
{
    const struct mtr_node *probes = mtr_node_get(certificate, "probes");
    print_head();
    for (uint32_t i = 0; probes && i < probes->child_count; i++)
        print_finding(mtr_node_text(&probes->children[i], "probe"),
                      word_of(mtr_node_text(&probes->children[i], "result")),
                      mtr_node_text(&probes->children[i], "text"));
    printf("%.*s %s after %.*s requests; document %.16s\n",
           MTR_STR_ARGS(mtr_node_text(certificate, "source")), word_of(mtr_node_text(certificate, "result")),
           MTR_STR_ARGS(mtr_node_text(certificate, "requests")), mtr_node_text(certificate, "document").data);
}

static bool is_making(const struct mtr_document *answer)
{
    const struct mtr_node *making = mtr_node_get(mtr_document_root(answer), "is_making");
    return making && making->truth;
}

static int wait_for_it(struct mtr_client *client, const char *path, struct mtr_document **answer)
{
    static const struct mtr_str nothing = {NULL, 0};
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000};
    const bool has_terminal = isatty(STDERR_FILENO) == 1;
    const int64_t began_us = mtr_clock_monotonic_us();
    int code = client_json(client, "POST", path, NULL, nothing, answer);
    while (!code && is_making(*answer)) {
        const int64_t elapsed_s = (mtr_clock_monotonic_us() - began_us) / MTR_US_PER_SECOND;
        if (has_terminal) fprintf(stderr, "\rthe daemon makes it, %" PRId64 " s …\x1b[K", elapsed_s);
        mtr_document_close(*answer);
        *answer = NULL;
        nanosleep(&pause, NULL);
        code = client_json(client, "GET", path, NULL, nothing, answer);
    }
    if (has_terminal) fputs("\r\x1b[K", stderr);
    return code;
}

static int show_kept(const struct cli_invocation *invocation, const struct mtr_document *answer)
{
    const struct mtr_node *root = mtr_document_root(answer);
    const struct mtr_node *certificate = mtr_node_get(root, "certificate");
    const struct mtr_node *current = mtr_node_get(root, "is_current");
    if (!certificate || !current || !current->truth) {
        fprintf(stderr, "meterd source: no certificate was made: the daemon's log says why\n");
        return MTR_EXIT_FAILED;
    }
    if (invocation_flag(invocation, "json"))
        rows_print_json(certificate);
    else
        print_kept(certificate);
    return mtr_str_equal(mtr_node_text(certificate, "result"), MTR_STR("failed")) ? MTR_EXIT_FAILED
                                                                                  : MTR_EXIT_OK;
}

static int order(const struct cli_invocation *invocation)
{
    struct mtr_document *answer = NULL;
    struct mtr_client *client;
    struct mtr_buffer path;
    int code = client_open(invocation, &client);
    if (code) return code;
    mtr_buffer_init(&path, PATH_BYTES);
    int rc = mtr_buffer_append_str(&path, MTR_STR("/v1/sources/"));
    if (!rc) rc = client_escape(&path, mtr_str_from(invocation->arguments[1]));
    if (!rc) rc = mtr_buffer_append(&path, "/certificate", sizeof("/certificate"));
    code = rc ? MTR_EXIT_USAGE : wait_for_it(client, path.data, &answer);
    if (!code) code = show_kept(invocation, answer);
    mtr_document_close(answer);
    mtr_buffer_release(&path);
    client_close(client);
    return code;
}

/* Of a source in force, and nothing said besides: the daemon's, which is kept and made again each week. */
static bool is_of_daemon(const struct cli_invocation *invocation)
{
    struct stat status;
    return invocation->argument_count == 2 && !invocation_flag(invocation, "from") &&
           !invocation_flag(invocation, "each") && !invocation_flag(invocation, "source") &&
           !invocation_flag(invocation, "sandbox") &&
           stat(invocation->arguments[1], &status);
}

static int run(const struct cli_invocation *invocation)
{
    if (is_of_daemon(invocation)) return order(invocation);
    struct source_chosen chosen;
    struct source_readings readings = {0};
    int code = certify(invocation, &chosen, &readings);
    source_readings_release(&readings);
    source_chosen_release(&chosen);
    return code;
}

static const char *const options[] = {"from", "each", "source", "sandbox", "json", NULL};
const struct source_verb source_verb_certify = {.name = "certify",
                                                .arguments = "FILE|KEY [FILE…]",
                                                .arguments_min = 1,
                                                .arguments_max = 32,
                                                .options = options,
                                                .run = run};
