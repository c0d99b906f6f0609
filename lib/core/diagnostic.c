/*
 * Diagnostics: formatted findings about somebody's input. A full list counts what it drops.
 */
#include "meterd/core/diagnostic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/line.h"

#define KIND_ROW(name, severity, code, meaning, advice) {code, MTR_SEVERITY_##severity, meaning, advice},
static const struct mtr_finding_kind kinds[] = {{.code = ""}, MTR_FINDING_CODES(KIND_ROW)};
#undef KIND_ROW

const struct mtr_finding_kind *mtr_finding_kind(enum mtr_finding_code code)
{
    MTR_ASSERT((unsigned)code < MTR_FINDING_CODE_COUNT);
    return &kinds[code];
}

enum mtr_finding_code mtr_finding_code_find(const char *code)
{
    for (unsigned i = MTR_FINDING_NONE + 1; i < MTR_FINDING_CODE_COUNT; i++)
        if (strcmp(kinds[i].code, code) == 0) return (enum mtr_finding_code)i;
    return MTR_FINDING_NONE;
}

static void fill(struct mtr_diagnostic *d, const char *field, const char *format, va_list args)
    MTR_PRINTF(3, 0);

static void fill(struct mtr_diagnostic *d, const char *field, const char *format, va_list args)
{
    static const char ellipsis[] = "…";
    snprintf(d->field, sizeof(d->field), "%s", field ? field : "");
    const int size = vsnprintf(d->text, sizeof(d->text), format, args);
    if (size >= (int)sizeof(d->text)) {
        size_t end = sizeof(d->text) - sizeof(ellipsis);
        while (end && ((unsigned char)d->text[end] & 0xC0) == 0x80) end--; /* within a character */
        memcpy(d->text + end, ellipsis, sizeof(ellipsis));
    }
    mtr_line_make(d->text);
}

static struct mtr_diagnostic begin(enum mtr_finding_code code, uint32_t line, uint32_t column)
{
    MTR_ASSERT(code != MTR_FINDING_NONE);
    return (struct mtr_diagnostic){
        .code = code, .severity = mtr_finding_kind(code)->severity, .line = line, .column = column};
}

void mtr_diagnostic_set(struct mtr_diagnostic *diagnostic, enum mtr_finding_code code, uint32_t line,
                        uint32_t column, const char *field, const char *format, ...)
{
    va_list args;
    *diagnostic = begin(code, line, column);
    va_start(args, format);
    fill(diagnostic, field, format, args);
    va_end(args);
}

void mtr_diagnostics_init(struct mtr_diagnostics *list, size_t count_max)
{
    *list = (struct mtr_diagnostics){.count_max = count_max};
}

void mtr_diagnostics_release(struct mtr_diagnostics *list)
{
    free(list->items);
    mtr_diagnostics_init(list, list->count_max);
}

bool mtr_diagnostics_drop(struct mtr_diagnostics *list, enum mtr_finding_code code)
{
    if (!mtr_diagnostics_is_full(list)) return false;
    list->errors += mtr_finding_kind(code)->severity == MTR_SEVERITY_ERROR;
    list->dropped++;
    return true;
}

/* The same at the same place: what is read once for each currency, or checked for each phase of a
 * subscription, is wrong once. */
static bool is_there(const struct mtr_diagnostics *list, const struct mtr_diagnostic *diagnostic)
{
    for (size_t i = 0; diagnostic->line && i < list->count; i++) {
        const struct mtr_diagnostic *item = &list->items[i];
        if (item->line == diagnostic->line && item->column == diagnostic->column &&
            item->code == diagnostic->code && item->severity == diagnostic->severity &&
            strcmp(item->field, diagnostic->field) == 0 && strcmp(item->text, diagnostic->text) == 0)
            return true;
    }
    return false;
}

void mtr_diagnostics_add(struct mtr_diagnostics *list, const struct mtr_diagnostic *diagnostic)
{
    if (is_there(list, diagnostic)) return;
    if (diagnostic->severity == MTR_SEVERITY_ERROR) list->errors++;
    if (!list->items) list->items = calloc(list->count_max, sizeof(*list->items));
    if (!list->items || list->count == list->count_max) {
        list->dropped++;
        return;
    }
    list->items[list->count++] = *diagnostic;
}

void mtr_diagnostics_addf(struct mtr_diagnostics *list, enum mtr_finding_code code, uint32_t line,
                          uint32_t column, const char *field, const char *format, ...)
{
    struct mtr_diagnostic diagnostic = begin(code, line, column);
    va_list args;
    va_start(args, format);
    fill(&diagnostic, field, format, args);
    va_end(args);
    mtr_diagnostics_add(list, &diagnostic);
}

const char *mtr_severity_name(enum mtr_severity severity)
{
    return severity == MTR_SEVERITY_ERROR ? "error" : "warning";
}

int mtr_diagnostic_write(struct mtr_buffer *out, const char *input_name,
                         const struct mtr_diagnostic *diagnostic)
{
    const char *severity = mtr_severity_name(diagnostic->severity);
    const char *colon = diagnostic->field[0] ? ": " : "";
    int rc = diagnostic->line
                 ? mtr_buffer_printf(out, "%s:%u:%u", input_name, diagnostic->line, diagnostic->column)
                 : mtr_buffer_append_str(out, mtr_str_from(input_name));
    if (rc) return rc;
    rc = mtr_buffer_printf(out, ": %s: %s%s%s", severity, diagnostic->field, colon, diagnostic->text);
    if (rc || diagnostic->code == MTR_FINDING_NONE) return rc ? rc : mtr_buffer_append_char(out, '\n');
    return mtr_buffer_printf(out, " [%s]\n", mtr_finding_kind(diagnostic->code)->code);
}
