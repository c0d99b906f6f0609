/*
 * A finding's field is a path in the request: its first name tells the option that was written, and below
 * `usage` the index tells the row of the series.
 */
#include "daemon/cli/price/places.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The option that makes a member of the request; NULL: none does. */
static const char *option_of(struct mtr_str member)
{
    static const struct {
        const char *member, *option;
    } made[] = {
        {"at", "at"},
        {"billing", "billing"},
        {"component", "component"},
        {"cost", "cost"},
        {"credits", "credit"},
        {"currency", "currency"},
        {"customer", "customer"},
        {"dimensions", "dim"},
        {"end", "end"},
        {"quantity", "quantity"},
        {"rates", "rates"},
        {"start", "start"},
        {"subscription", "subscription"},
        {"trial", "trial"},
        {"usage", "quantity"},
        {"zone", "zone"},
    };
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        if (mtr_str_equal(member, mtr_str_from(made[i].member))) return made[i].option;
    return NULL;
}

/* What is behind "usage[7]."; *row is 7. NULL: it is no path of a row. */
static const char *skip_row(const char *field, uint64_t *row)
{
    static const char usage[] = "usage[";
    char *end = NULL;
    if (strncmp(field, usage, sizeof(usage) - 1) != 0) return NULL;
    *row = strtoull(field + sizeof(usage) - 1, &end, 10);
    return *end == ']' ? end + 1 + (end[1] == '.') : NULL;
}

static void print_row(const struct price_series *series, uint64_t row, const char *field,
                      const struct mtr_diagnostic *finding)
{
    uint64_t line = 0;
    if (series->lines.size / sizeof(line) > row)
        memcpy(&line, series->lines.data + row * sizeof(line), sizeof(line));
    fprintf(stderr, "%s:%" PRIu64 ": error: %s%s%s [%s]\n", series->path, line, field, *field ? ": " : "",
            finding->text, mtr_finding_kind(finding->code)->code);
}

void price_print_finding(void *context, const struct mtr_diagnostic *finding)
{
    const struct price_series *series = context;
    uint64_t row = 0;
    const char *code = mtr_finding_kind(finding->code)->code;
    const char *of_row = skip_row(finding->field, &row), *field = of_row ? of_row : finding->field;
    if (of_row && series->path) {
        print_row(series, row, field, finding);
        return;
    }
    if (series->path && strcmp(field, "usage") == 0) {
        fprintf(stderr, "%s: error: %s [%s]\n", series->path, finding->text, code);
        return;
    }
    const struct mtr_str member = {field, strcspn(field, ".[")};
    const char *option = option_of(member);
    const char *rest = field + member.size;
    if (*rest == '[') rest += strcspn(rest, "]") + 1;
    if (*rest == '.') rest++;
    if (option)
        fprintf(stderr, "meterd price: --%s: %s%s%s [%s]\n", option, rest, *rest ? ": " : "", finding->text,
                code);
    else
        fprintf(stderr, "meterd price: %s%s%s [%s]\n", field, member.size ? ": " : "", finding->text, code);
}
