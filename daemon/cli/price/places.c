/*
 * A finding's field is a path in the request: its first name tells the option that was written, below `usage`
 * the index tells the row of the series, and below `rates` the document.
 */
#include "daemon/cli/price/places.h"

#include "daemon/cli/inputs.h"

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
        {"meter", "quantity"}, /* METER=N */
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

/* What is behind "usage[7]." where that is the list; *index is 7. NULL: it is another path. */
static const char *skip_item(const char *field, const char *list, uint64_t *index)
{
    const size_t size = strlen(list);
    char *end = NULL;
    if (strncmp(field, list, size) != 0 || field[size] != '[') return NULL;
    *index = strtoull(field + size + 1, &end, 10);
    return *end == ']' ? end + 1 + (end[1] == '.') : NULL;
}

struct mtr_str price_series_column(const void *context, unsigned i)
{
    static const char *const columns[] = {"time", "seconds", "component", "meter", "quantity", "reading"};
    (void)context;
    return mtr_str_from(i < sizeof(columns) / sizeof(*columns) ? columns[i] : NULL);
}

static const char dimension_path[] = "dimensions.";

/* A column that nothing is priced by is the header's fault, where there is one; it may be a misspelt one of
 * those that are no dimensions. */
static uint64_t find_column(const struct price_series *series, const char *field, uint64_t line,
                            const struct mtr_diagnostic *finding, char meant[MTR_MEANT_BYTES])
{
    const size_t size = sizeof(dimension_path) - 1;
    *meant = '\0';
    if (strncmp(field, dimension_path, size) != 0 || finding->code != MTR_FINDING_QUOTE_NAME_UNKNOWN)
        return line;
    if (!strstr(finding->text, "; did you mean"))
        mtr_str_meant(mtr_str_from(field + size), price_series_column, NULL, meant);
    return series->header_line ? series->header_line : line;
}

static void print_row(const struct price_series *series, uint64_t row, const char *field,
                      const struct mtr_diagnostic *finding)
{
    char meant[MTR_MEANT_BYTES];
    uint64_t line = 0;
    if (series->lines.size / sizeof(line) > row)
        memcpy(&line, series->lines.data + row * sizeof(line), sizeof(line));
    line = find_column(series, field, line, finding, meant);
    const struct mtr_str member = {field, strcspn(field, ".")};
    fprintf(stderr, "%s:%" PRIu64 ": error: %.*s%s%s%s [%s]\n", series->path, line, MTR_STR_ARGS(member),
            member.size ? ": " : "", finding->text, meant, mtr_finding_kind(finding->code)->code);
}

/* A document of a file, or a --rate, whose currency the sentence names. */
static void print_rates(const struct price_places *places, uint64_t index, const char *field,
                        const struct mtr_diagnostic *finding)
{
    struct price_rates_place place = {NULL, 0, 0};
    if (places->rates.size / sizeof(place) > index)
        memcpy(&place, places->rates.data + index * sizeof(place), sizeof(place));
    if (place.path)
        fprintf(stderr, "%s:%u:%u: error: %s%s%s [%s]\n", place.path, place.line, place.column, field,
                *field ? ": " : "", finding->text, mtr_finding_kind(finding->code)->code);
    else
        fprintf(stderr, "meterd price: --rate: %s [%s]\n", finding->text,
                mtr_finding_kind(finding->code)->code);
}

static const char documents_member[] = "documents";

bool price_is_of_documents(const struct price_places *places, const struct mtr_diagnostic *finding)
{
    const size_t size = sizeof(documents_member) - 1;
    return places->documents && strncmp(finding->field, documents_member, size) == 0 &&
           (finding->field[size] == '.' || !finding->field[size]);
}

/* At the place in their text. */
static void print_documents(const struct price_places *places, const struct mtr_diagnostic *finding)
{
    struct mtr_diagnostic own = *finding;
    const char *below = finding->field + sizeof(documents_member) - 1;
    snprintf(own.field, sizeof(own.field), "%s", below + (*below == '.'));
    cli_print_finding(places->documents, &own);
}

void price_print_finding(void *context, const struct mtr_diagnostic *finding)
{
    struct price_places *places = context;
    uint64_t index = 0;
    const char *code = mtr_finding_kind(finding->code)->code, *field = finding->field, *below;
    if (strcmp(field, "tariff") != 0) places->is_elsewhere = true;
    if (price_is_of_documents(places, finding)) {
        print_documents(places, finding);
        return;
    }
    if ((below = skip_item(field, "rates", &index)) != NULL) {
        print_rates(places, index, below, finding);
        return;
    }
    if ((below = skip_item(field, "usage", &index)) != NULL) {
        if (places->series.path) {
            print_row(&places->series, index, below, finding);
            return;
        }
        field = below;
    }
    const bool is_of_rows = strcmp(field, "usage") == 0 || strcmp(field, "quantity") == 0;
    if (places->series.path && is_of_rows) {
        fprintf(stderr, "%s: error: %s [%s]\n", places->series.path, finding->text, code);
        return;
    }
    const struct mtr_str member = {field, strcspn(field, ".[")};
    const char *option = option_of(member);
    const char *rest = field + member.size;
    if (*rest == '[') rest += strcspn(rest, "]") + 1;
    if (*rest == '.') rest++;
    if (mtr_str_equal(member, MTR_STR("dimensions"))) rest = ""; /* the sentence has the name */
    if (option)
        fprintf(stderr, "meterd price: --%s: %s%s%s [%s]\n", option, rest, *rest ? ": " : "", finding->text,
                code);
    else
        fprintf(stderr, "meterd price: %s%s%s [%s]\n", field, member.size ? ": " : "", finding->text, code);
}
