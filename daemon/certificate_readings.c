/*
 * Readings of a certificate, and their rows as sets.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "daemon/certificate_state.h"

/* ---- what comes ---- */

static void on_request(void *context, const struct mtr_trial_request *request)
{
    struct probe_reading *at = ((struct probing *)context)->at;
    ((struct probing *)context)->out->requests++;
    if (request->is_token || at->url[0]) return;
    snprintf(at->url, sizeof(at->url), "%.*s",
             MTR_STR_ARGS(mtr_str_quoted(request->url, sizeof(at->url) - 1)));
    XXH3_state_t *state = XXH3_createState();
    if (!state) return;
    (void)XXH3_128bits_reset(state);
    (void)XXH3_128bits_update(state, request->method.data, request->method.size);
    (void)XXH3_128bits_update(state, request->url.data, request->url.size);
    if (request->body.size) (void)XXH3_128bits_update(state, request->body.data, request->body.size);
    const XXH128_hash_t digest = XXH3_128bits_digest(state);
    at->asked = (struct mtr_hash128){digest.high64, digest.low64};
    XXH3_freeState(state);
}

static bool has_header(struct mtr_str lines, const char *name)
{
    const size_t size = strlen(name);
    while (lines.size) {
        const char *end = memchr(lines.data, '\n', lines.size);
        const size_t line = end ? (size_t)(end - lines.data) + 1 : lines.size;
        const struct mtr_str head = {lines.data, line < size ? line : size};
        if (line > size && lines.data[size] == ':' && mtr_str_equal_lower(head, mtr_str_from(name)))
            return true;
        lines = (struct mtr_str){lines.data + line, lines.size - line};
    }
    return false;
}

static void on_answer(void *context, const struct mtr_trial_answer *answer)
{
    struct probing *probing = context;
    probing->at->answers += answer->status != 0;
    if (answer->status != 429) return;
    probing->busy++;
    probing->busy_said += has_header(answer->headers, "retry-after");
}

static void on_begin(void *context)
{
    struct probe_reading *at = ((struct probing *)context)->at;
    at->row_count = at->outside = at->negative = 0;
    at->quantity = (struct mtr_decimal){0};
    at->digits_max = 0;
}

static void look_at_numbers(struct probe_reading *at, const struct mtr_event *event)
{
    struct mtr_decimal sum;
    for (uint32_t i = 0; i < event->property_count; i++) {
        const struct mtr_property *property = &event->properties[i];
        if (property->kind != MTR_PROPERTY_NUMBER) continue;
        at->negative += property->number.mantissa < 0;
        if (property->number.scale > (int)at->digits_max) at->digits_max = (unsigned)property->number.scale;
        if (!mtr_decimal_add(at->quantity, property->number, &sum)) at->quantity = sum;
    }
}

static int on_row(void *context, const struct mtr_trial_row *row)
{
    struct probe_reading *at = ((struct probing *)context)->at;
    if (at->row_count == PROBE_ROWS_MAX) return MTR_ELIMIT;
    if (at->row_count == at->row_capacity) {
        const uint64_t capacity = at->row_capacity ? at->row_capacity * 2 : 256;
        struct probe_row *rows = realloc(at->rows, capacity * sizeof(*rows));
        if (!rows) return MTR_ENOMEM;
        at->rows = rows;
        at->row_capacity = capacity;
    }
    at->rows[at->row_count++] =
        (struct probe_row){row->key, row->digest, row->event->time_us, row->is_outside};
    at->outside += row->is_outside;
    if (!row->is_unmapped) look_at_numbers(at, row->event);
    return MTR_OK;
}

static int open_trying(struct probing *probing, const struct trying_options *given, struct trying **out,
                       struct mtr_diagnostic *diagnostic)
{
    const struct trying_hooks hooks = {.context = probing,
                                       .on_request = on_request,
                                       .on_answer = on_answer,
                                       .on_begin = on_begin,
                                       .on_row = on_row};
    struct trying_options options = *given;
    options.hooks = &hooks;
    return trying_open(&options, out, diagnostic);
}

int probe_open(struct probing *probing, enum mtr_trial_secret secret, struct trying **out,
               struct mtr_diagnostic *diagnostic)
{
    struct trying_options options = probing->options->trying;
    options.secret = secret;
    return open_trying(probing, &options, out, diagnostic);
}

int probe_open_beside(struct probing *probing, struct trying **out, struct mtr_diagnostic *diagnostic)
{
    struct trying_options options = probing->options->trying;
    options.ledger = probing->options->ledger;
    options.log = probing->options->log;
    options.event_key = probing->options->event_key;
    return open_trying(probing, &options, out, diagnostic);
}

/* ---- sets of rows ---- */

static int compare_keys(const void *a, const void *b)
{
    const struct probe_row *first = a, *second = b;
    if (first->key.high != second->key.high) return first->key.high < second->key.high ? -1 : 1;
    if (first->key.low != second->key.low) return first->key.low < second->key.low ? -1 : 1;
    return 0;
}

static void make_set(struct probe_reading *reading)
{
    uint64_t count = 0;
    if (reading->row_count) qsort(reading->rows, reading->row_count, sizeof(*reading->rows), compare_keys);
    for (uint64_t i = 0; i < reading->row_count; i++)
        if (!count || compare_keys(&reading->rows[count - 1], &reading->rows[i]))
            reading->rows[count++] = reading->rows[i];
    reading->row_count = count;
}

int probe_read(struct probing *probing, struct trying *trying, const struct mtr_trial_ask *ask,
               struct probe_reading *out)
{
    struct mtr_trial_ask full = *ask;
    *out = (struct probe_reading){.window = ask->window};
    if (!full.each.data) full.each = probing->options->each;
    if (!full.subscription) full.subscription = probing->options->subscription;
    probing->at = out;
    int rc = trying_read(trying, &full, &out->report);
    probing->at = NULL;
    make_set(out);
    return rc == MTR_EINVALID || rc == MTR_EEXISTS ? MTR_OK : rc;
}

void probe_release(struct probe_reading *reading)
{
    free(reading->rows);
    *reading = (struct probe_reading){0};
}

bool probe_is_whole(const struct probe_reading *reading)
{
    return reading->report.result != MTR_TRIAL_FAILED && reading->report.alarm != MTR_ALARM_LOOP &&
           reading->report.alarm != MTR_ALARM_TRUNCATED;
}

const struct probe_row *probe_find(const struct probe_reading *reading, const struct probe_row *row)
{
    return reading->row_count ? bsearch(row, reading->rows, reading->row_count, sizeof(*row), compare_keys)
                              : NULL;
}

struct probe_difference probe_compare(const struct probe_reading *wanted, const struct probe_reading *got)
{
    struct probe_difference out = {0};
    for (uint64_t i = 0; i < wanted->row_count; i++) {
        const struct probe_row *row = probe_find(got, &wanted->rows[i]);
        out.lacking += !row;
        out.other += row && row->digest != wanted->rows[i].digest;
    }
    for (uint64_t i = 0; i < got->row_count; i++)
        out.more += !probe_find(wanted, &got->rows[i]);
    return out;
}

bool probe_unite(struct probe_reading *into, const struct probe_reading *more, uint64_t *common)
{
    *common = 0;
    if (!more->row_count) return true;
    struct probe_row *rows = realloc(into->rows, (into->row_count + more->row_count) * sizeof(*rows));
    if (!rows) return false;
    into->rows = rows;
    memcpy(rows + into->row_count, more->rows, more->row_count * sizeof(*rows));
    const uint64_t all = into->row_count + more->row_count;
    into->row_count = into->row_capacity = all;
    make_set(into);
    *common = all - into->row_count;
    return true;
}

/* ---- what is said ---- */

const char *probe_reason(const struct probe_reading *reading)
{
    return reading->report.text[0] ? reading->report.text : "it was not read";
}

void probe_say(struct probing *probing, enum certificate_probe probe, enum certificate_result result,
               const char *format, ...)
{
    struct certificate_finding *finding = &probing->out->findings[probe];
    va_list args;
    va_start(args, format);
    vsnprintf(finding->text, sizeof(finding->text), format, args);
    va_end(args);
    finding->result = result;
}

void probe_show(struct probing *probing, enum certificate_probe probe, const struct probe_reading *reading)
{
    struct certificate_finding *finding = &probing->out->findings[probe];
    if (finding->evidence_count == CERTIFICATE_EVIDENCE_MAX) return;
    struct certificate_evidence *evidence = &finding->evidence[finding->evidence_count++];
    *evidence = (struct certificate_evidence){
        .window = reading->window, .status = reading->report.last_status, .rows = reading->report.rows};
    memcpy(evidence->url, reading->url, sizeof(evidence->url));
}
