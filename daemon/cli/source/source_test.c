/*
 * meterd source test, record: readings of a source that count for nothing, shown, or kept as answers.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/source/interrupt.h"
#include "daemon/cli/source/source_chosen.h"
#include "daemon/cli/command/source_verb.h"
#include "daemon/cli/source/recording.h"
#include "daemon/cli/source/source_view.h"
#include "meterd/net/loop.h"

enum { PATIENCE_S = 30 };

struct testing {
    const struct cli_invocation *invocation;
    struct source_chosen chosen;
    struct source_readings readings;
    struct source_view view;
    struct trying *trying;
    const atomic_bool *stops;
    struct recording *recording;     /* answers come from there; NULL: from the vendor */
    struct recording_writer *writer; /* and go there; NULL: they do not */
};

/* ---- hooks ---- */

static void on_request(void *context, const struct mtr_trial_request *request)
{
    struct testing *testing = context;
    source_view_on_request(&testing->view, request);
    if (testing->writer) recording_on_request(testing->writer, request);
}

static void on_answer(void *context, const struct mtr_trial_answer *answer)
{
    struct testing *testing = context;
    source_view_on_answer(&testing->view, answer);
    if (testing->writer) recording_on_answer(testing->writer, answer);
}

static int on_piece(void *context, const struct mtr_http_answer *answer, struct mtr_str piece)
{
    struct testing *testing = context;
    (void)answer;
    return testing->writer ? recording_on_piece(testing->writer, piece) : MTR_OK;
}

static void on_begin(void *context) { source_view_on_begin(&((struct testing *)context)->view); }

static int on_row(void *context, const struct mtr_trial_row *row)
{
    return source_view_on_row(&((struct testing *)context)->view, row);
}

static void on_wait(void *context, int64_t wait_us)
{
    source_view_on_wait(&((struct testing *)context)->view, wait_us);
}

static bool recorded(void *context, const struct mtr_trial_request *request, struct trying_answer *out)
{
    return recording_find(((struct testing *)context)->recording, request, out);
}

/* ---- what is read ---- */

static int open_trying(struct testing *testing)
{
    struct mtr_diagnostic diagnostic;
    const struct trying_hooks hooks = {.context = testing,
                                       .on_request = on_request,
                                       .on_answer = on_answer,
                                       .on_piece = on_piece,
                                       .on_begin = on_begin,
                                       .on_row = on_row,
                                       .on_wait = on_wait,
                                       .recorded = testing->recording ? recorded : NULL};
    const struct trying_options options = {
        .config = &testing->chosen.config,
        .source = testing->chosen.source,
        .catalog = testing->chosen.judged_by,
        .hooks = &hooks,
        .tokens = mtr_trial_burns_tokens(testing->chosen.source) && !testing->recording
                      ? testing->chosen.tokens
                      : NULL,
        .now_us = testing->recording ? recording_now_us(testing->recording) : 0,
        .patience_us = PATIENCE_S * MTR_US_PER_SECOND,
        .stops = testing->stops};
    if (!trying_open(&options, &testing->trying, &diagnostic)) return MTR_EXIT_OK;
    fprintf(stderr, "meterd source: %s\n", diagnostic.text);
    return MTR_EXIT_FAILED;
}

static int read_all(struct testing *testing, const struct mtr_trial_ask *asks, uint32_t count)
{
    struct mtr_trial_report report;
    for (uint32_t i = 0; i < count; i++) {
        source_view_begin(&testing->view, &asks[i]);
        int rc = trying_read(testing->trying, &asks[i], &report);
        if (rc && !report.text[0]) {
            fprintf(stderr, "meterd source: it cannot be read: %s\n", mtr_error_text(rc));
            return MTR_EXIT_FAILED;
        }
        source_view_end(&testing->view, &report);
        if (!atomic_load(testing->stops)) continue;
        fprintf(stderr, "meterd source: interrupted\n");
        return MTR_EXIT_FAILED;
    }
    return MTR_EXIT_OK;
}

/* The subscription that a recorded reading was of. */
static void find_subscription(const struct testing *testing, struct mtr_trial_ask *ask)
{
    struct mtr_str each;
    const struct mtr_subscription *subscription;
    for (uint32_t i = 0;
         !mtr_trial_each(testing->chosen.source, testing->chosen.catalog, i, &each, &subscription); i++)
        if (mtr_str_equal(each, ask->each)) ask->subscription = subscription;
}

static int read_recorded(struct testing *testing)
{
    const struct mtr_trial_ask *asks;
    const uint32_t count = recording_asks(testing->recording, &asks);
    int code = MTR_EXIT_OK;
    for (uint32_t i = 0; !code && i < count; i++) {
        struct mtr_trial_ask ask = asks[i];
        find_subscription(testing, &ask);
        code = read_all(testing, &ask, 1);
    }
    return code;
}

static void say_left_out(const struct testing *testing)
{
    const struct source_chosen *chosen = &testing->chosen;
    if (!chosen->judged_by)
        fprintf(
            stderr,
            "meterd source: no subscription of %.*s is known: rows are mapped, and not looked up. Give the "
            "files that hold them\n",
            MTR_STR_ARGS(chosen->source->vendor));
    if (testing->readings.each_count > 1 && !invocation_flag(testing->invocation, "each") && !testing->writer)
        fprintf(stderr, "meterd source: the first of %u of for_each: --each names others\n",
                (unsigned)testing->readings.each_count);
}

static int read_chosen(struct testing *testing)
{
    const struct cli_invocation *invocation = testing->invocation;
    const bool is_recorded =
        testing->recording && !invocation_flag(invocation, "from") && !invocation_flag(invocation, "each");
    const int64_t now_us = testing->recording ? recording_now_us(testing->recording) : mtr_clock_wall_us();
    int code = is_recorded ? MTR_EXIT_OK
                           : source_choose_readings(invocation, &testing->chosen, now_us,
                                                    testing->writer != NULL, &testing->readings);
    if (!code) code = testing->recording ? MTR_EXIT_OK : source_check_tokens(&testing->chosen);
    if (!code) code = open_trying(testing);
    if (code) return code;
    if (testing->writer) recording_set_trying(testing->writer, testing->trying);
    if (!testing->view.json) say_left_out(testing);
    return is_recorded ? read_recorded(testing)
                       : read_all(testing, testing->readings.asks, testing->readings.count);
}

static void release(struct testing *testing)
{
    trying_close(testing->trying);
    source_view_release(&testing->view);
    source_readings_release(&testing->readings);
    source_chosen_release(&testing->chosen);
    recording_close(testing->recording);
    recording_writer_close(testing->writer);
}

/* ---- test ---- */

static int run_test(const struct cli_invocation *invocation)
{
    struct testing testing = {.invocation = invocation, .stops = interrupt_watch()};
    const char *answers = invocation_option(invocation, "answers");
    source_view_init(&testing.view, invocation_flag(invocation, "json"), false);
    int code = source_choose(invocation, 1, 2, &testing.chosen);
    if (!code && answers) code = recording_open(answers, &testing.recording);
    if (!code) code = read_chosen(&testing);
    if (!code) code = source_view_finish(&testing.view);
    release(&testing);
    return code;
}

static const char *const test_options[] = {"from", "to", "each", "answers", "source", "json", NULL};
const struct source_verb source_verb_test = {.name = "test",
                                             .arguments = "FILE|KEY [FILE…]",
                                             .arguments_min = 1,
                                             .arguments_max = 32,
                                             .options = test_options,
                                             .run = run_test};

/* ---- record ---- */

static int finish_recording(struct testing *testing, const char *directory)
{
    uint32_t answers;
    const struct recording_about about = {testing->chosen.source->key, trying_now_us(testing->trying),
                                          testing->readings.asks, testing->readings.count};
    int code = recording_finish(testing->writer, &about, &answers);
    if (!code)
        fprintf(stderr, "%u answer%s in %s: `meterd source test … --answers %s` reads them\n",
                (unsigned)answers, mtr_plural(answers), directory, directory);
    return code;
}

static int run_record(const struct cli_invocation *invocation)
{
    struct testing testing = {.invocation = invocation, .stops = interrupt_watch()};
    const char *directory = invocation->arguments[2];
    source_view_init(&testing.view, invocation_flag(invocation, "json"), true);
    int code = source_choose(invocation, 1, 3, &testing.chosen);
    if (!code) code = recording_create(directory, &testing.writer);
    if (!code) code = read_chosen(&testing);
    if (!code) code = finish_recording(&testing, directory);
    if (!code) code = source_view_finish(&testing.view);
    release(&testing);
    return code;
}

static const char *const record_options[] = {"from", "to", "each", "source", "json", NULL};
const struct source_verb source_verb_record = {.name = "record",
                                               .arguments = "FILE|KEY DIRECTORY [FILE…]",
                                               .arguments_min = 2,
                                               .arguments_max = 33,
                                               .options = record_options,
                                               .run = run_record};
