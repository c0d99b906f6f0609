/*
 * POST /v1/sources/files: a file is the answer of a source, for one of its windows. It runs on the pool until
 * the poller has read it; one at a time.
 */
#include "daemon/api/api.h"
#include "daemon/api/routes.h"
#include "daemon/api/route/source_given.h"

#include <string.h>

/* ---- which window ---- */

/* "2026-10", "2026-10-05", or an instant; days are those of the source's zone. */
static bool parse_window(const struct mtr_source_window *rule, struct mtr_str text, struct mtr_window *out)
{
    enum { MONTH_BYTES = 7, DATE_BYTES = 10 };
    char date[DATE_BYTES];
    int64_t at_us;
    if (text.size == MONTH_BYTES) {
        memcpy(date, text.data, MONTH_BYTES);
        memcpy(date + MONTH_BYTES, "-01", 3);
        text = (struct mtr_str){date, sizeof(date)};
    }
    if (mtr_time_parse_date(text, &at_us)) return false;
    if (text.size == DATE_BYTES && rule->zone) at_us = mtr_zone_midnight(rule->zone, at_us / MTR_US_PER_DAY);
    if (at_us < 0 || at_us > MTR_TIME_US_MAX) return false;
    *out = mtr_window_at(rule, at_us);
    return true;
}

/* False: after answering. */
static bool read_window(struct api_call *call, const struct mtr_source *source, struct mtr_window *out)
{
    const struct mtr_str text = api_text(call, "window");
    *out = (struct mtr_window){0};
    if (!text.size || parse_window(&source->window, text, out)) return true;
    api_problem(call, 400, MTR_FINDING_REQUEST_PARAMETER_VALUE,
                "window: a month, a day or an instant of it is expected, as 2026-10, 2026-10-05 or "
                "2026-10-05T06:00:00Z, and not `%.*s%s`",
                MTR_STR_QUOTED(text));
    return false;
}

static bool unreadable(struct api_call *call, int rc, const char *fault)
{
    if (rc == MTR_EINVALID || rc == MTR_ECORRUPT || rc == MTR_ELIMIT)
        api_problem(call, 422, MTR_FINDING_REQUEST_FILE_UNREADABLE, "the file cannot be read: %s",
                    fault[0] ? fault : mtr_error_text(rc));
    else
        api_error(call, rc, "the file");
    return false;
}

/* Without a window that was named it is that of the rows. False: after answering. */
static bool find_window(struct api_call *call, const struct mtr_source *source, struct mtr_window *window)
{
    struct mtr_given_span span;
    char fault[MTR_GIVEN_TEXT_BYTES], first[MTR_TIME_TEXT_BYTES], last[MTR_TIME_TEXT_BYTES];
    const bool is_named = window->to_us > 0;
    int rc = mtr_given_span(source, call->body, is_named ? window : NULL, &span, fault);
    if (rc) return unreadable(call, rc, fault);
    if (span.rows == span.untimed) {
        if (is_named) return true;
        api_problem(call, 422, MTR_FINDING_REQUEST_FILE_WINDOW,
                    "no row of the file says a time: name the window that it is of");
        return false;
    }
    mtr_time_format(span.first_us, first);
    mtr_time_format(span.last_us, last);
    if (is_named && span.inside) return true;
    if (!is_named) *window = mtr_window_at(&source->window, span.first_us);
    if (!is_named && span.last_us < window->to_us) return true;
    api_problem(call, 422, MTR_FINDING_REQUEST_FILE_WINDOW,
                is_named ? "none of the file's %llu rows is of the window that was named: they are of %s to "
                           "%s"
                         : "the file's %llu rows are of more than one window, from %s to %s: name the one "
                           "that it is, as 2026-10-05",
                (unsigned long long)span.rows, first, last);
    return false;
}

/* ---- giving ---- */

static void give(struct api_call *call, const struct mtr_source *source, const struct mtr_window *window)
{
    api_security_object(call, source->key);
    struct mtr_given_file file = {.vendor = source->vendor,
                                  .source = source->key,
                                  .bytes = call->body,
                                  .window = *window,
                                  .is_trial = api_flag(call, "dry_run"),
                                  .is_accepted = api_flag(call, "accept")};
    if (source_give(call, &file)) return;
    if (file.result == MTR_GIVEN_REFUSED)
        api_problem(call, 409, MTR_FINDING_REQUEST_FILE_REFUSED, "%s", file.text);
    else
        api_problem(call, 422, MTR_FINDING_REQUEST_FILE_UNREADABLE, "the file cannot be read: %s", file.text);
}

/* False: after answering. */
static bool find_source(struct api_call *call, const struct mtr_source **out)
{
    const struct mtr_str key = api_text(call, "source");
    const struct mtr_source *source = mtr_catalog_find_source(call->catalog, key);
    const char *why = NULL;
    *out = source;
    if (!source) {
        api_unknown(call, MTR_KIND_SOURCE, key);
        return false;
    }
    if (source->unreadable.size)
        why = "the source's document cannot be read any more: `meterd source show` says why";
    else if (source->each.kind != MTR_EACH_NONE)
        why = "a source with `for_each` takes no files: they would not say whose rows they are";
    else if (source->window.length == MTR_LENGTH_CURSOR)
        why = "a feed has no windows, and takes no file";
    if (why) api_problem(call, 409, MTR_FINDING_REQUEST_FILE_REFUSED, "%s", why);
    return !why;
}

static void post_file(struct api_call *call)
{
    const struct mtr_source *source;
    struct mtr_window window;
    if (find_source(call, &source) && read_window(call, source, &window) &&
        find_window(call, source, &window))
        give(call, source, &window);
}

static const struct api_parameter parameters[] = {
    {"source", API_TEXT, .doc = "key of the source; it must be given"},
    {"window", API_TEXT,
     .doc = "the window that the file is: a month, a day or an instant in it; unless given, that of all its "
            "rows"},
    {"dry_run", API_BOOLEAN, .doc = "say what would be done; store nothing"},
    {"accept", API_BOOLEAN, .doc = "take it where it would be suspect, or be asked for once more"},
    {0},
};

static const struct mtr_shape request_shape = {.schema = "{\"type\":\"string\",\"format\":\"binary\"}"};

const struct api_route api_give_file = {
    .method = MTR_HTTP_POST,
    .path = "/v1/sources/files",
    .scope = MTR_SCOPE_ADMIN,
    .act = API_SECURITY_ADMIN_ACT,
    .operation = "giveSourceFile",
    .summary = "A file as the answer of a source: its rows take the place of those that the window had",
    .parameters = parameters,
    .request = &request_shape,
    .request_types = "application/octet-stream",
    .body_is_large = true,
    .answer = &source_given_shape,
    .handle = post_file,
};
