/*
 * Which names a template may have: by where it stands, the kind of window, and what for_each goes over.
 */
#include "lib/source/document/templates.h"

#include <stdio.h>

#include "meterd/source/template.h"

struct checking {
    struct source_reading *reading;
    const struct mtr_source *source;
    uint32_t uses; /* so far, of the request at work */
    bool tells_end, asks_from;
};

static int find_zone(void *context, struct mtr_str name, const struct mtr_zone **out)
{
    const struct mtr_source_zones *zones = context;
    struct mtr_zone *zone = NULL;
    *out = NULL;
    if (mtr_str_equal(name, MTR_STR("UTC"))) return zones->get(zones->context, name, &zone);
    const int rc = zones->get(zones->context, name, &zone);
    *out = zone;
    return rc;
}

static bool knows_member(const struct mtr_source_each *each, struct mtr_str member)
{
    switch (each->kind) {
    case MTR_EACH_SUBSCRIPTION:
        return mtr_str_equal(member, MTR_STR("subject")) || mtr_str_equal(member, MTR_STR("key")) ||
               mtr_str_equal(member, MTR_STR("customer"));
    case MTR_EACH_VALUE: return !member.size || mtr_str_equal(member, MTR_STR("value"));
    case MTR_EACH_ROW: return !member.size || mtr_str_equal(member, each->name);
    case MTR_EACH_NONE: break;
    }
    return false;
}

static void check_members(struct checking *checking, const char *path, const struct mtr_template *template)
{
    const struct mtr_source_each *each = &checking->source->each;
    for (uint32_t i = 0; i < template->piece_count; i++) {
        const struct mtr_template_piece *piece = &template->pieces[i];
        if (piece->literal.data || piece->name != MTR_TEMPLATE_EACH || knows_member(each, piece->member))
            continue;
        if (each->kind == MTR_EACH_SUBSCRIPTION)
            source_fault(checking->reading, MTR_FINDING_SOURCE_TEMPLATE, path,
                         "a subscription has {each.subject}, {each.key} and {each.customer}, and no "
                         "`%.*s%s`",
                         MTR_STR_QUOTED(piece->member));
        else
            source_fault(checking->reading, MTR_FINDING_SOURCE_TEMPLATE, path,
                         "`for_each` gives {each.%.*s}, and no `%.*s%s`",
                         MTR_STR_ARGS(each->kind == MTR_EACH_ROW ? each->name : MTR_STR("value")),
                         MTR_STR_QUOTED(piece->member));
    }
}

static void check(struct checking *checking, const char *path, struct mtr_str text,
                  enum mtr_template_place place, uint32_t allowed)
{
    struct source_reading *reading = checking->reading;
    const struct mtr_template_rules rules = {
        .place = place,
        .allowed = allowed,
        .zone = checking->source->window.zone,
        .find_zone = find_zone,
        .zone_context = (void *)(uintptr_t)reading->zones,
    };
    struct mtr_template template;
    struct mtr_diagnostic diagnostic;
    const struct mtr_arena_mark mark = mtr_arena_mark(reading->scratch);
    const int rc = mtr_template_parse(text, &rules, reading->scratch, &template, &diagnostic);
    if (rc == MTR_ENOMEM) reading->error = rc;
    else if (rc) {
        source_fault(reading, diagnostic.code, path, "%s", diagnostic.text);
        checking->uses = UINT32_MAX; /* what it was to say is not known */
    } else {
        checking->uses |= template.uses;
        check_members(checking, path, &template);
    }
    mtr_arena_rewind(reading->scratch, mark);
}

static void check_labels(struct checking *checking, const char *path, const struct mtr_label *labels,
                         uint32_t count, enum mtr_template_place place, uint32_t allowed)
{
    for (uint32_t i = 0; i < count; i++) {
        char key[MTR_KEY_BYTES_MAX + 1], at[MTR_FINDING_FIELD_BYTES];
        snprintf(key, sizeof(key), "%.*s", MTR_STR_ARGS(mtr_str_quoted(labels[i].name, MTR_KEY_BYTES_MAX)));
        check(checking, source_path_join(path, key, at), labels[i].value, place, allowed);
    }
}

/* Depth is bounded as the document's is. */
static void check_json(struct checking *checking, const char *path, const struct mtr_node *node,
                       uint32_t allowed)
{
    if (node->kind == MTR_NODE_STRING)
        check(checking, path, node->text, MTR_TEMPLATE_IN_JSON, allowed);
    for (uint32_t i = 0; i < node->child_count; i++) {
        char at[MTR_FINDING_FIELD_BYTES], name[MTR_KEY_BYTES_MAX + 1];
        const struct mtr_node *child = &node->children[i];
        if (node->kind == MTR_NODE_LIST) snprintf(name, sizeof(name), "[%u]", i);
        else
            snprintf(name, sizeof(name), "%.*s", MTR_STR_ARGS(mtr_str_quoted(child->key, MTR_KEY_BYTES_MAX)));
        check_json(checking, source_path_join(path, name, at), child, allowed);
    }
}

static void check_request(struct checking *checking, const char *path,
                          const struct mtr_source_request *request, uint32_t allowed)
{
    char at[MTR_FINDING_FIELD_BYTES];
    checking->uses = 0;
    check(checking, source_path_join(path, "path", at), request->path, MTR_TEMPLATE_IN_PATH, allowed);
    check(checking, source_path_join(path, "url", at), request->url, MTR_TEMPLATE_IN_URL, allowed);
    check_labels(checking, source_path_join(path, "query", at), request->query, request->query_count,
                 MTR_TEMPLATE_IN_QUERY, allowed);
    check_labels(checking, source_path_join(path, "headers", at), request->headers, request->header_count,
                 MTR_TEMPLATE_IN_HEADER, allowed);
    check_labels(checking, source_path_join(path, "body.form", at), request->form, request->form_count,
                 MTR_TEMPLATE_IN_FORM, allowed);
    check(checking, source_path_join(path, "body.text", at), request->text, MTR_TEMPLATE_IN_TEXT, allowed);
    if (request->json) check_json(checking, source_path_join(path, "body.json", at), request->json, allowed);
}

/* A request that says nothing of what it is about is the same for all of them: fine where the vendor takes no
 * such thing, and a slip else. */
static void check_subject(struct checking *checking, const char *path)
{
    const struct mtr_source *source = checking->source;
    const uint32_t times = MTR_TEMPLATE_BIT(MTR_TEMPLATE_FROM) | MTR_TEMPLATE_BIT(MTR_TEMPLATE_TO) |
                           MTR_TEMPLATE_BIT(MTR_TEMPLATE_LAST);
    const uint32_t period = MTR_TEMPLATE_BIT(MTR_TEMPLATE_PERIOD);
    const bool has_windows = source->window.length != MTR_LENGTH_CURSOR &&
                             source->window.length != MTR_LENGTH_PERIODS &&
                             !checking->reading->is_unknown.length;
    const bool has_both = source->window.has_current && source->window.has_last;
    const bool is_asked_from = checking->uses & MTR_TEMPLATE_BIT(MTR_TEMPLATE_FROM);
    if (source->window.length == MTR_LENGTH_CURSOR && !is_asked_from && !source->holds_close &&
        source->window.overlap_us > 0 && source_is_own(checking->reading, "window.overlap"))
        source_fault(checking->reading, MTR_FINDING_SOURCE_KEY_IDLE, "window.overlap",
                     "changes nothing: the request does not say {from}, which is so much earlier by it");
    checking->asks_from = is_asked_from;
    checking->tells_end = checking->uses & times & ~MTR_TEMPLATE_BIT(MTR_TEMPLATE_FROM);
    if (has_windows && !(checking->uses & times))
        source_fault(checking->reading, MTR_FINDING_SOURCE_WINDOW_UNUSED, path,
                     "does not say which window is asked for: write {from}, {to} or {last} where the vendor "
                     "takes it");
    if (has_windows && source->map.counter_before_us && is_asked_from && !checking->tells_end)
        source_fault(checking->reading, MTR_FINDING_SOURCE_WINDOW_UNUSED, path,
                     "says {from} alone, which of a counter is ahead of the window by its `before`, and so "
                     "may name the day before: write {to} or {last}, too");
    if (has_both && !(checking->uses & period))
        source_fault(checking->reading, MTR_FINDING_SOURCE_WINDOW_UNUSED, path,
                     "does not say which of both periods is asked for: write {period}");
    if (source->each.kind != MTR_EACH_NONE && !(checking->uses & MTR_TEMPLATE_BIT(MTR_TEMPLATE_EACH)))
        source_fault(checking->reading, MTR_FINDING_SOURCE_FOR_EACH_UNUSED, path,
                     "`for_each` makes several requests that are all alike: write {each} where they differ");
}

/* Columns of the map that begin so are not of the row: for_each gives them. */
static void check_columns(struct checking *checking)
{
    const struct mtr_source *source = checking->source;
    const struct mtr_str prefix = MTR_STR("each.");
    for (uint32_t i = 0; i < source->map.column_count; i++) {
        const struct mtr_str column = source->map.columns[i];
        if (!mtr_str_starts_with(column, prefix)) continue;
        const struct mtr_str member = {column.data + prefix.size, column.size - prefix.size};
        if (!knows_member(&source->each, member))
            source_fault(checking->reading, MTR_FINDING_SOURCE_TEMPLATE, "map",
                         "`for_each` gives no `%.*s%s` for the column `%.*s%s`", MTR_STR_QUOTED(member),
                         MTR_STR_QUOTED(column));
    }
}

static uint32_t names_of_requests(const struct mtr_source *source)
{
    uint32_t allowed = MTR_TEMPLATE_REQUEST;
    if (source->each.kind == MTR_EACH_NONE) allowed &= ~MTR_TEMPLATE_BIT(MTR_TEMPLATE_EACH);
    if (source->window.length != MTR_LENGTH_PERIODS) allowed &= ~MTR_TEMPLATE_BIT(MTR_TEMPLATE_PERIOD);
    return allowed;
}

static void check_job(struct checking *checking, const struct mtr_source_job *job, uint32_t allowed)
{
    const uint32_t of_job = allowed | MTR_TEMPLATE_BIT(MTR_TEMPLATE_JOB_ID);
    check_request(checking, "job.submit", &job->submit, allowed);
    check_subject(checking, "job.submit");
    check_request(checking, "job.poll", &job->poll, of_job);
    if (!(checking->uses & MTR_TEMPLATE_BIT(MTR_TEMPLATE_JOB_ID)))
        source_fault(checking->reading, MTR_FINDING_SOURCE_TEMPLATE, "job.poll",
                     "does not say which job is asked for: write {job.id} where the vendor takes it");
    if (job->remove) check_request(checking, "job.delete", job->remove, of_job);
    if (!job->list) return;
    check_request(checking, "job.list", job->list, allowed);
    check_labels(checking, "job.list.match", job->list_match, job->list_match_count, MTR_TEMPLATE_IN_TEXT,
                 allowed);
}

static void check_auth(struct checking *checking, const struct mtr_source_auth *auth)
{
    const uint32_t secret = MTR_TEMPLATE_BIT(MTR_TEMPLATE_SECRET),
                   signature = MTR_TEMPLATE_BIT(MTR_TEMPLATE_SIGNATURE);
    if (auth->kind == MTR_AUTH_HEADER)
        check(checking, "auth.header.value", auth->header->value, MTR_TEMPLATE_IN_HEADER, secret);
    if (auth->kind == MTR_AUTH_QUERY)
        check(checking, "auth.query.value", auth->query->value, MTR_TEMPLATE_IN_QUERY, secret);
    if (auth->kind == MTR_AUTH_LOGIN) {
        check_request(checking, "auth.login.request", &auth->login->request, secret);
        if (!(checking->uses & secret))
            source_fault(checking->reading, MTR_FINDING_SOURCE_SECRET_WRITTEN, "auth.login.request",
                         "does not use {secret}: what stands in secret_file is put there");
        check(checking, "auth.login.send.value", auth->login->send_value, MTR_TEMPLATE_IN_HEADER,
              MTR_TEMPLATE_BIT(MTR_TEMPLATE_TOKEN));
    }
    if (auth->kind == MTR_AUTH_HMAC) {
        check(checking, "auth.hmac.sign", auth->hmac->sign, MTR_TEMPLATE_IN_TEXT, MTR_TEMPLATE_SIGNED);
        check_labels(checking, "auth.hmac.headers", auth->hmac->headers, auth->hmac->header_count,
                     MTR_TEMPLATE_IN_HEADER, MTR_TEMPLATE_SIGNED | signature);
    }
}

void source_check_templates(struct source_reading *reading, struct mtr_source *source)
{
    struct checking checking = {.reading = reading, .source = source};
    const uint32_t allowed = names_of_requests(source);
    if (source->job) check_job(&checking, source->job, allowed);
    else {
        check_request(&checking, "request", &source->request, allowed);
        check_subject(&checking, "request");
    }
    source->tells_end = checking.tells_end;
    source->asks_from = checking.asks_from;
    if (source->paging.kind == MTR_PAGING_PARTS && source->paging.parts->url_is_template)
        check(&checking, "paging.parts.url", source->paging.parts->url, MTR_TEMPLATE_IN_URL,
              allowed | MTR_TEMPLATE_BIT(MTR_TEMPLATE_ITEM));
    check_auth(&checking, &source->auth);
    check_columns(&checking);
}
