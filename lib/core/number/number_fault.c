/*
 * What people write for numbers that are none, and what they should write instead. It reads a text once,
 * keeping digits and marks, and asks mtr_decimal_parse whether what it is about to propose is a number.
 */
#include "meterd/core/decimal.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/currency.h"

enum { KEPT_BYTES = 64, NUMBER_BYTES = KEPT_BYTES + 1, SHOWN_BYTES = 40, CODE_BYTES = 3, FAULTS_BYTES = 128 };

/* What stands beside the digits. */
struct marks {
    char kept[KEPT_BYTES]; /* sign, digits, points and commas */
    size_t size;
    unsigned digits, points, commas;
    bool has_currency, has_percent, has_separators, has_unit, has_sign;
};

static size_t match(struct mtr_str rest, const char *const *words)
{
    for (; *words; words++)
        if (mtr_str_starts_with(rest, mtr_str_from(*words))) return strlen(*words);
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of the sign, code or separator at that place; 0: it is none. A space beside a sign separates
 * nothing. */
static size_t take_mark(struct mtr_str text, size_t at, struct marks *marks)
{
    static const char *const currencies[] = {"$", "€", "£", "¥", "₹", "₽", "₩", "₺", "₴", "₪", "₫", NULL};
    static const char *const separators[] = {" ", "\t", "'", "’", "_", "\u00a0", "\u2009", "\u202f", NULL};
    const struct mtr_str rest = {text.data + at, text.size - at};
    size_t size = match(rest, currencies);
    const bool is_code =
        !size && rest.size >= CODE_BYTES && mtr_currency_find((struct mtr_str){rest.data, CODE_BYTES});
    if (is_code) size = CODE_BYTES;
    if (size) {
        marks->has_currency = true;
        return size;
    }
    if (*rest.data == '%') {
        marks->has_percent = true;
        return 1;
    }
    size = match(rest, separators);
    if (size && size < rest.size && at && is_digit(text.data[at - 1]) && is_digit(rest.data[size]))
        marks->has_separators = true;
    return size;
}

/* "5 GB": the rest of the text is letters. */
static bool is_unit(struct mtr_str rest)
{
    for (size_t i = 0; i < rest.size; i++)
        if (!((rest.data[i] | 0x20) >= 'a' && (rest.data[i] | 0x20) <= 'z') && rest.data[i] != '/')
            return false;
    return rest.size > 0;
}

/* What bookkeepers write for a number below zero: (5), 5- and −5; and +5. The rest of it. */
static struct mtr_str take_sign(struct mtr_str text, struct marks *marks)
{
    static const struct mtr_str minus = {"\u2212", 3};
    const char last = text.size > 1 ? text.data[text.size - 1] : '\0';
    const bool is_wrapped = last == ')' && *text.data == '(', is_behind = last == '-' && is_digit(*text.data),
               is_minus = mtr_str_starts_with(text, minus), has_plus = text.size > 1 && *text.data == '+';
    const size_t before = is_minus ? minus.size : is_wrapped || has_plus, behind = is_wrapped || is_behind;
    marks->has_sign = before || behind;
    if (is_wrapped || is_behind || is_minus) marks->kept[marks->size++] = '-';
    return (struct mtr_str){text.data + before, text.size - before - behind};
}

static bool read_marks(struct mtr_str text, struct marks *marks)
{
    text = take_sign(text, marks);
    for (size_t at = 0; at < text.size;) {
        const char c = text.data[at];
        const bool is_kept = is_digit(c) || c == '.' || c == ',' || (c == '-' && !marks->size);
        if (is_kept) {
            if (marks->size + 1 == sizeof(marks->kept)) return false;
            marks->points += c == '.';
            marks->commas += c == ',';
            marks->digits += is_digit(c);
            marks->kept[marks->size++] = c;
            at++;
            continue;
        }
        const struct mtr_str rest = {text.data + at, text.size - at};
        size_t used = take_mark(text, at, marks);
        if (!used && marks->digits && is_unit(rest)) {
            marks->has_unit = true;
            used = rest.size;
        }
        if (!used) return false;
        at += used;
    }
    return true;
}

/* The kept text with a point in the place of the last `decimal` mark, and without the other marks and the
 * zeros in front; decimal 0: without any mark. */
static bool propose(const struct marks *marks, char decimal, char out[NUMBER_BYTES])
{
    struct mtr_decimal number;
    const char *point = decimal ? memrchr(marks->kept, decimal, marks->size) : NULL;
    const size_t end = marks->size, sign = marks->kept[0] == '-',
                 last = point ? (size_t)(point - marks->kept) : end;
    size_t size = 0;
    for (size_t i = 0; i < end; i++) {
        const char c = marks->kept[i];
        if (i == last && size == sign) out[size++] = '0';
        if (i == last && i + 1 < end) out[size++] = '.';
        const bool is_zero_in_front = c == '0' && size == sign && i + 1 < end && i + 1 != last;
        if (c != '.' && c != ',' && !is_zero_in_front) out[size++] = c;
    }
    out[size] = '\0';
    return mtr_decimal_parse((struct mtr_str){out, size}, &number) == MTR_OK;
}

/* "1,000" is a thousand to one half of the world, and one to the other. */
static bool is_ambiguous(const struct marks *marks)
{
    const char *comma = memchr(marks->kept, ',', marks->size);
    const size_t before = comma ? (size_t)(comma - marks->kept) : 0;
    return marks->commas == 1 && !marks->points && before >= 1 && before <= 3 && marks->kept[0] != '0' &&
           marks->size - before == 4;
}

/* The mark that stands before the fraction; 0: there is none. */
static char decimal_of(const struct marks *marks)
{
    const char *kept = marks->kept, *comma = memrchr(kept, ',', marks->size),
               *point = memrchr(kept, '.', marks->size);
    if (marks->points > 1 && marks->commas > 1) return 0;
    if (comma && point) return comma > point ? ',' : '.';
    if (comma) return marks->commas == 1 ? ',' : 0;
    return marks->points == 1 ? '.' : 0;
}

/* "no currency, no percent sign" */
static void list_faults(const struct marks *marks, bool has_comma, char out[FAULTS_BYTES])
{
    const struct {
        bool is_there;
        const char *words;
    } faults[] = {
        {has_comma, "a decimal point"},
        {marks->has_currency, "no currency"},
        {marks->has_percent, "no percent sign"},
        {marks->has_unit, "no unit"},
        {marks->has_sign, "the sign is - in front, or none"},
        {marks->has_separators, "no spaces or separators"},
    };
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
        if (faults[i].is_there)
            used += (size_t)snprintf(out + used, FAULTS_BYTES - used, "%s%s", used ? ", " : "",
                                     faults[i].words);
}

void mtr_number_fault(struct mtr_str text, char out[MTR_NUMBER_FAULT_BYTES])
{
    struct marks marks = {.size = 0};
    char number[NUMBER_BYTES], whole[NUMBER_BYTES], faults[FAULTS_BYTES];
    const struct mtr_str quoted = mtr_str_quoted(text, SHOWN_BYTES);
    const char *rest = quoted.size < text.size ? "…" : "";
    const bool is_read = read_marks(text, &marks) && marks.digits;
    const char decimal = is_read ? decimal_of(&marks) : 0;
    if (!is_read || !propose(&marks, decimal, number)) {
        snprintf(out, MTR_NUMBER_FAULT_BYTES, "a number is expected, as 12 or 0.05, not `%.*s%s`",
                 MTR_STR_ARGS(quoted), rest);
        return;
    }
    const bool both = is_ambiguous(&marks) && propose(&marks, 0, whole);
    marks.has_separators = marks.has_separators || marks.points + marks.commas > (decimal != 0);
    list_faults(&marks, decimal == ',', faults);
    snprintf(out, MTR_NUMBER_FAULT_BYTES, "`%.*s%s` is no number: write %s%s%s%s%s%s", MTR_STR_ARGS(quoted),
             rest, both ? whole : "", both ? " or " : "", number, faults[0] ? " (" : "", faults,
             faults[0] ? ")" : "");
}

void mtr_factor_fault(struct mtr_str text, char out[MTR_NUMBER_FAULT_BYTES])
{
    const struct mtr_str quoted = mtr_str_quoted(text, SHOWN_BYTES);
    if (!text.size || !memchr(text.data, '%', text.size)) mtr_number_fault(text, out);
    else
        snprintf(out, MTR_NUMBER_FAULT_BYTES, "a factor is expected, as 1.2 for 120 %%, not `%.*s%s`",
                 MTR_STR_ARGS(quoted), quoted.size < text.size ? "…" : "");
}
