/*
 * See source_view.h.
 */
#include "daemon/cli/source/source_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cli/command.h"
#include "meterd/core/time.h"

enum { OUT_BYTES_MAX = 64 << 20, EVENTS_BYTES_MAX = 4 << 20, BODY_SHOWN = 300 };

static const char *result_name(enum mtr_trial_result result)
{
    static const char *const names[] = {"complete", "again", "not_taken", "failed", "unchanged"};
    return names[result];
}

void source_view_init(struct source_view *view, bool json, bool quiet)
{
    *view = (struct source_view){.json = json, .quiet = quiet};
    mtr_buffer_init(&view->out, OUT_BYTES_MAX);
    mtr_buffer_init(&view->events, EVENTS_BYTES_MAX);
    mtr_json_begin(&view->writer, &view->out);
    mtr_json_map(&view->writer);
    mtr_json_name(&view->writer, "readings");
    mtr_json_list(&view->writer);
}

void source_view_release(struct source_view *view)
{
    mtr_buffer_release(&view->out);
    mtr_buffer_release(&view->events);
}

/* ---- a reading begins ---- */

static void print_time(int64_t time_us)
{
    char text[MTR_TIME_TEXT_BYTES];
    mtr_time_format(time_us, text);
    printf("%s", text);
}

static void forget_rows(struct source_view *view)
{
    mtr_buffer_reset(&view->events);
    view->event_count = view->finding_count = 0;
    view->other_findings = view->outside = view->mapped = 0;
}

void source_view_begin(struct source_view *view, const struct mtr_trial_ask *ask)
{
    struct mtr_json_writer *json = &view->writer;
    forget_rows(view);
    if (view->json) {
        mtr_json_map(json);
        if (ask->each.size) mtr_json_named_text(json, "each", ask->each);
        if (ask->window.to_us) mtr_json_named_time(json, "from", ask->window.from_us);
        if (ask->window.to_us) mtr_json_named_time(json, "to", ask->window.to_us);
        mtr_json_name(json, "exchanges");
        mtr_json_list(json);
        return;
    }
    if (ask->window.to_us) print_time(ask->window.from_us);
    printf(ask->window.to_us ? " to " : "the feed");
    if (ask->window.to_us) print_time(ask->window.to_us);
    if (ask->each.size) printf(", %.*s", MTR_STR_ARGS(ask->each));
    putchar('\n');
}

/* ---- requests ---- */

static void print_lines(struct mtr_str lines)
{
    while (lines.size) {
        const char *end = memchr(lines.data, '\n', lines.size);
        const size_t size = end ? (size_t)(end - lines.data) : lines.size;
        printf("      %.*s\n", (int)size, lines.data);
        lines = (struct mtr_str){lines.data + size + (end != NULL), lines.size - size - (end != NULL)};
    }
}

static void write_lines(struct mtr_json_writer *json, struct mtr_str lines)
{
    mtr_json_name(json, "headers");
    mtr_json_list(json);
    while (lines.size) {
        const char *end = memchr(lines.data, '\n', lines.size);
        const struct mtr_str line = {lines.data, end ? (size_t)(end - lines.data) : lines.size};
        mtr_json_text(json, line);
        lines =
            (struct mtr_str){line.data + line.size + (end != NULL), lines.size - line.size - (end != NULL)};
    }
    mtr_json_list_end(json);
}

void source_view_on_request(struct source_view *view, const struct mtr_trial_request *request)
{
    struct mtr_json_writer *json = &view->writer;
    if (view->json) {
        mtr_json_map(json);
        mtr_json_named_text(json, "method", request->method);
        mtr_json_named_text(json, "url", request->url);
        if (request->is_token) mtr_json_named_bool(json, "is_token", true);
        write_lines(json, request->headers);
        if (request->body.size) mtr_json_named_text(json, "body", request->body);
    } else if (!view->quiet) {
        printf("  > %.*s %.*s%s\n", MTR_STR_ARGS(request->method), MTR_STR_ARGS(request->url),
               request->is_token ? "   (for a token)" : "");
        print_lines(request->headers);
        if (request->body.size)
            printf("      %.*s%s\n", MTR_STR_ARGS(mtr_str_quoted(request->body, BODY_SHOWN)),
                   mtr_str_quoted_rest(request->body, BODY_SHOWN));
    }
}

void source_view_on_answer(struct source_view *view, const struct mtr_trial_answer *answer)
{
    struct mtr_json_writer *json = &view->writer;
    if (view->json) {
        mtr_json_named_u64(json, "status", answer->status);
        if (answer->error) mtr_json_named_cstr(json, "problem", answer->reason);
        mtr_json_named_u64(json, "bytes", answer->bytes);
        mtr_json_map_end(json);
    } else if (!view->quiet) {
        if (answer->status)
            printf("  < %u", answer->status);
        else
            printf("  <");
        if (answer->error)
            printf(" %s\n", answer->reason);
        else
            printf(", %" PRIu64 " byte%s\n", answer->bytes, mtr_plural(answer->bytes));
    }
}

void source_view_on_wait(struct source_view *view, int64_t wait_us)
{
    if (view->json) return;
    fflush(stdout);
    fprintf(stderr, "  the next request waits for %" PRId64 " s\n", wait_us / MTR_US_PER_SECOND);
}

/* ---- rows ---- */

void source_view_on_begin(struct source_view *view) { forget_rows(view); }

static void write_event(struct mtr_json_writer *json, const struct mtr_event *event)
{
    mtr_json_map(json);
    mtr_json_named_text(json, "id", event->id);
    mtr_json_named_text(json, "type", event->type);
    mtr_json_named_text(json, "subject", event->subject);
    mtr_json_named_time(json, "time", event->time_us);
    mtr_json_name(json, "data");
    mtr_event_write_data(event, json);
    mtr_json_map_end(json);
}

static void keep_event(struct source_view *view, const struct mtr_event *event)
{
    struct mtr_json_writer json;
    if (view->event_count == SOURCE_VIEW_EVENTS) return;
    mtr_json_begin(&json, &view->events);
    write_event(&json, event);
    if (!mtr_json_finish(&json) && !mtr_buffer_append_char(&view->events, '\n')) view->event_count++;
}

static void say_row(const struct mtr_trial_row *row, struct source_finding *out)
{
    const struct mtr_event_result *result = &row->result;
    const struct mtr_event *event = row->event;
    *out = (struct source_finding){.code = result->code, .finding = result->finding, .rows = 1};
    snprintf(out->field, sizeof(out->field), "%s", result->field ? result->field : "");
    if (result->code == MTR_RESULT_HELD)
        snprintf(out->text, sizeof(out->text),
                 "held: no subscription has the subject `%.*s%s`, or no meter takes its type `%.*s%s`",
                 MTR_STR_QUOTED(event->subject), MTR_STR_QUOTED(event->type));
    else
        snprintf(out->text, sizeof(out->text), "%s", result->reason ? result->reason : "");
    snprintf(out->id, sizeof(out->id), "%.*s", MTR_STR_ARGS(mtr_str_quoted(event->id, sizeof(out->id) - 1)));
}

/* Of a field that is wrong in many rows the sentence names the value of the first; whose rows are not known
 * is each subject's own matter. */
static bool is_same(const struct source_finding *a, const struct source_finding *b)
{
    return a->code == b->code && a->finding == b->finding && !strcmp(a->field, b->field) &&
           (a->code != MTR_RESULT_HELD || !strcmp(a->text, b->text));
}

static void keep_finding(struct source_view *view, const struct mtr_trial_row *row)
{
    struct source_finding said;
    say_row(row, &said);
    for (uint32_t i = 0; i < view->finding_count; i++) {
        if (!is_same(&view->findings[i], &said)) continue;
        view->findings[i].rows++;
        return;
    }
    if (view->finding_count < SOURCE_VIEW_FINDINGS)
        view->findings[view->finding_count++] = said;
    else
        view->other_findings++;
}

static bool is_refused(enum mtr_result_code code)
{
    return code != MTR_RESULT_ACCEPTED && code != MTR_RESULT_HELD && code != MTR_RESULT_LATE &&
           code != MTR_RESULT_NOT_ACTIVE;
}

int source_view_on_row(struct source_view *view, const struct mtr_trial_row *row)
{
    view->outside += row->is_outside;
    view->mapped += !row->is_unmapped;
    view->refused += is_refused(row->result.code);
    if (!row->is_unmapped) keep_event(view, row->event);
    if (row->result.code != MTR_RESULT_ACCEPTED) keep_finding(view, row);
    return MTR_OK;
}

/* ---- a reading ends ---- */

static void print_proof(const char *name, const struct mtr_trial_proof *proof, uint32_t pages)
{
    if (!proof->is_asked || !pages) return;
    printf("  %s: the vendor says %s", name, proof->is_said ? proof->said : "nothing");
    if (proof->came[0]) printf(", %s came", proof->came);
    putchar('\n');
}

static void print_findings(const struct source_view *view)
{
    for (uint32_t i = 0; i < view->finding_count; i++) {
        const struct source_finding *finding = &view->findings[i];
        printf("  %" PRIu64 " row%s %s%s%s%s", finding->rows, mtr_plural(finding->rows),
               mtr_result_name(finding->code), finding->field[0] ? ": " : "", finding->field,
               finding->text[0] ? ": " : "");
        printf("%s (the first is `%s`)", finding->text, finding->id);
        if (finding->finding) printf(" [%s]", mtr_finding_kind(finding->finding)->code);
        putchar('\n');
    }
    if (view->other_findings)
        printf("  %" PRIu64 " row%s with other findings\n", view->other_findings,
               mtr_plural(view->other_findings));
    if (view->outside)
        printf("  %" PRIu64 " row%s of a time outside of the window\n", view->outside,
               mtr_plural(view->outside));
}

static void print_events(const struct source_view *view)
{
    struct mtr_str lines = mtr_buffer_str(&view->events);
    if (view->event_count) printf("  the first events:\n");
    print_lines(lines);
}

static void print_end(const struct source_view *view, const struct mtr_trial_report *report)
{
    static const char *const verdicts[] = {"complete", "to be read again", "not taken", "failed",
                                           "nothing new"};
    printf("  %u page%s, %" PRIu64 " row%s: %" PRIu64 " mapped, %" PRIu64 " that could not be, %" PRIu64
           " skipped, %" PRIu64 " repeated\n",
           (unsigned)report->pages, mtr_plural(report->pages), report->rows, mtr_plural(report->rows),
           view->mapped, report->problems, report->skipped, report->repeated);
    if (report->restarts)
        printf("  read %u times: its pages changed meanwhile\n", (unsigned)report->restarts + 1);
    print_proof("complete.count", &report->count, report->pages);
    print_proof("complete.sum", &report->sum, report->pages);
    print_proof("complete.flag", &report->flag, report->pages);
    print_findings(view);
    print_events(view);
    printf("  %s%s",
           report->is_draft && report->result == MTR_TRIAL_TAKEN ? "well so far: the window is not over"
                                                                 : verdicts[report->result],
           report->alarm ? ", " : "");
    printf("%s%s%s\n", mtr_alarm_name(report->alarm), report->text[0] ? ": " : "", report->text);
}

static void write_proof(struct mtr_json_writer *json, const char *name, const struct mtr_trial_proof *proof)
{
    if (!proof->is_asked) return;
    mtr_json_name(json, name);
    mtr_json_map(json);
    if (proof->is_said) mtr_json_named_cstr(json, "said", proof->said);
    if (proof->came[0]) mtr_json_named_cstr(json, "came", proof->came);
    mtr_json_map_end(json);
}

static void write_findings(struct source_view *view)
{
    struct mtr_json_writer *json = &view->writer;
    mtr_json_name(json, "findings");
    mtr_json_list(json);
    for (uint32_t i = 0; i < view->finding_count; i++) {
        const struct source_finding *finding = &view->findings[i];
        mtr_json_map(json);
        mtr_json_named_cstr(json, "result", mtr_result_name(finding->code));
        if (finding->finding) mtr_json_named_cstr(json, "code", mtr_finding_kind(finding->finding)->code);
        if (finding->field[0]) mtr_json_named_cstr(json, "field", finding->field);
        if (finding->text[0]) mtr_json_named_cstr(json, "text", finding->text);
        mtr_json_named_u64(json, "rows", finding->rows);
        mtr_json_named_cstr(json, "first", finding->id);
        mtr_json_map_end(json);
    }
    mtr_json_list_end(json);
}

static void write_events(struct source_view *view)
{
    struct mtr_str lines = mtr_buffer_str(&view->events);
    mtr_json_name(&view->writer, "events");
    mtr_json_list(&view->writer);
    while (lines.size) {
        const char *end = memchr(lines.data, '\n', lines.size);
        const size_t size = end ? (size_t)(end - lines.data) : lines.size;
        mtr_json_raw(&view->writer, (struct mtr_str){lines.data, size});
        lines = (struct mtr_str){lines.data + size + (end != NULL), lines.size - size - (end != NULL)};
    }
    mtr_json_list_end(&view->writer);
}

static void write_end(struct source_view *view, const struct mtr_trial_report *report)
{
    struct mtr_json_writer *json = &view->writer;
    mtr_json_list_end(json); /* of the exchanges */
    mtr_json_named_cstr(json, "result", result_name(report->result));
    if (report->alarm) mtr_json_named_cstr(json, "alarm", mtr_alarm_name(report->alarm));
    if (report->text[0]) mtr_json_named_cstr(json, "problem", report->text);
    mtr_json_named_bool(json, "is_draft", report->is_draft);
    mtr_json_named_u64(json, "pages", report->pages);
    mtr_json_named_u64(json, "restarts", report->restarts);
    mtr_json_named_u64(json, "rows", report->rows);
    mtr_json_named_u64(json, "mapped", view->mapped);
    mtr_json_named_u64(json, "unmapped", report->problems);
    mtr_json_named_u64(json, "skipped", report->skipped);
    mtr_json_named_u64(json, "repeated", report->repeated);
    mtr_json_named_u64(json, "outside", view->outside);
    if (report->newest_us != INT64_MIN) mtr_json_named_time(json, "newest", report->newest_us);
    write_proof(json, "count", &report->count);
    write_proof(json, "sum", &report->sum);
    write_proof(json, "flag", &report->flag);
    write_events(view);
    write_findings(view);
    mtr_json_map_end(json);
}

static bool is_away(const struct mtr_trial_report *report)
{
    if (report->last_error == MTR_EDENIED) return false; /* a guard, or a certificate: it stays so */
    return !report->last_status || report->last_status == 429 || report->last_status >= 500;
}

void source_view_end(struct source_view *view, const struct mtr_trial_report *report)
{
    const bool is_good = report->result == MTR_TRIAL_TAKEN || report->result == MTR_TRIAL_AGAIN ||
                         report->result == MTR_TRIAL_UNCHANGED;
    if (view->json)
        write_end(view, report);
    else
        print_end(view, report);
    view->failed += !is_good;
    view->away += report->result == MTR_TRIAL_FAILED && report->requests && is_away(report);
}

int source_view_finish(struct source_view *view)
{
    if (view->json) {
        mtr_json_list_end(&view->writer);
        mtr_json_named_bool(&view->writer, "ok", !view->failed && !view->refused);
        mtr_json_map_end(&view->writer);
        if (mtr_json_finish(&view->writer)) {
            fprintf(stderr, "meterd source: the JSON is too long: ask for fewer windows\n");
            return MTR_EXIT_FAILED;
        }
        printf("%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&view->out)));
    }
    if (view->away && view->away == view->failed) return MTR_EXIT_TRY_AGAIN;
    return view->failed || view->refused ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}
