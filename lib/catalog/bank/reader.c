/*
 * The frame of reading banks' XML: expat with everything off that could make a small document large, one
 * element's text at a time, and the first thing that is wrong ends it with a sentence and its place.
 */
#include "lib/catalog/bank/reader.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "meterd/core/time.h"
#include "meterd/tariff/rates.h"

void bank_fail(struct mtr_bank_reader *reader, enum mtr_finding_code code, const char *format, ...)
{
    char text[sizeof(reader->diagnostic->text)];
    va_list args;
    if (reader->error) return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    reader->error = MTR_EINVALID;
    mtr_diagnostic_set(reader->diagnostic, code, (uint32_t)XML_GetCurrentLineNumber(reader->parser),
                       (uint32_t)XML_GetCurrentColumnNumber(reader->parser) + 1, NULL, "%s", text);
    (void)XML_StopParser(reader->parser, XML_FALSE);
}

static void fail_memory(struct mtr_bank_reader *reader)
{
    bank_fail(reader, MTR_FINDING_PROGRAM_MEMORY, "out of memory");
    reader->error = MTR_ENOMEM;
}

const char *bank_attribute(const char *const *attributes, const char *name)
{
    for (; attributes[0]; attributes += 2)
        if (strcmp(attributes[0], name) == 0) return attributes[1];
    return NULL;
}

bool bank_digits(const char *text, unsigned digits, unsigned *out)
{
    unsigned value = 0;
    for (unsigned i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *out = value;
    return true;
}

void bank_begin_day(struct mtr_bank_reader *reader, int32_t year, unsigned month, unsigned day)
{
    struct mtr_bank_rates *rates = &reader->rates;
    if (year < 1970 || year > 2199 || month < 1 || month > 12 || day < 1 ||
        day > mtr_days_in_month(year, month)) {
        bank_fail(reader, MTR_FINDING_RATES_DAY, "%d-%u-%u is no day", (int)year, month, day);
        return;
    }
    const int64_t days = mtr_days_from_civil(year, month, day);
    if (rates->day_count == MTR_BANK_DAYS_MAX) {
        bank_fail(reader, MTR_FINDING_RATES_LIMIT, "more than %d days", MTR_BANK_DAYS_MAX);
        return;
    }
    if (mtr_arena_make_room(reader->arena, (void **)&rates->days, rates->day_count, &rates->day_capacity,
                            sizeof(*rates->days))) {
        fail_memory(reader);
        return;
    }
    rates->days[rates->day_count++] = (struct mtr_bank_day){.day = days};
}

static bool is_code(const char *text)
{
    for (unsigned i = 0; i < MTR_BANK_CODE_BYTES - 1; i++)
        if (text[i] < 'A' || text[i] > 'Z') return false;
    return text[MTR_BANK_CODE_BYTES - 1] == '\0';
}

static struct mtr_bank_quote *new_quote(struct mtr_bank_reader *reader, struct mtr_bank_day *day)
{
    if (mtr_arena_make_room(reader->arena, (void **)&day->quotes, day->quote_count, &day->quote_capacity,
                            sizeof(*day->quotes)))
        return NULL;
    return &day->quotes[day->quote_count++];
}

void bank_add_quote(struct mtr_bank_reader *reader, const char *currency, const char *value, uint64_t nominal)
{
    struct mtr_decimal number;
    if (reader->error) return;
    if (reader->rates.day_count == 0) {
        bank_fail(reader, MTR_FINDING_RATES_DAY, "a rate without a day");
        return;
    }
    struct mtr_bank_day *day = &reader->rates.days[reader->rates.day_count - 1];
    if (!is_code(currency)) {
        bank_fail(reader, MTR_FINDING_RATES_QUOTE, "`%.20s` is no code of a currency", currency);
    } else if (mtr_decimal_parse(mtr_str_from(value), &number) || number.mantissa <= 0 ||
               number.scale > MTR_RATES_FRACTION_MAX || number.mantissa >= (mtr_int128)1000000000000000000) {
        bank_fail(reader, MTR_FINDING_RATES_QUOTE,
                  "%s: `%.40s` is no rate: a number above zero of at most %d digits is expected", currency,
                  value, MTR_RATES_DIGITS_MAX);
    } else if (day->quote_count == MTR_BANK_QUOTES_MAX) {
        bank_fail(reader, MTR_FINDING_RATES_LIMIT, "more than %d rates in a day", MTR_BANK_QUOTES_MAX);
    }
    for (uint32_t i = 0; !reader->error && i < day->quote_count; i++)
        if (strcmp(day->quotes[i].currency, currency) == 0)
            bank_fail(reader, MTR_FINDING_RATES_REPEATED, "%s is there twice", currency);
    if (reader->error) return;
    struct mtr_bank_quote *quote = new_quote(reader, day);
    if (!quote) {
        fail_memory(reader);
        return;
    }
    *quote = (struct mtr_bank_quote){.value = number, .nominal = nominal};
    memcpy(quote->currency, currency, MTR_BANK_CODE_BYTES);
}

struct frame {
    struct mtr_bank_reader reader;
    const struct mtr_bank *bank;
    unsigned depth;
    char text[MTR_BANK_TEXT_BYTES_MAX + 1];
    size_t text_size;
    bool is_text; /* of the element at hand, whole and alone */
};

static const char *local_name(const char *name)
{
    const char *colon = strchr(name, ':');
    return colon ? colon + 1 : name;
}

static void XMLCALL on_begin(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct frame *frame = context;
    if (frame->reader.error) return;
    frame->text_size = 0;
    frame->is_text = true;
    if (++frame->depth > MTR_BANK_DEPTH_MAX)
        bank_fail(&frame->reader, MTR_FINDING_RATES_LIMIT, "elements are nested more than %d deep",
                  MTR_BANK_DEPTH_MAX);
    else frame->bank->on_begin(&frame->reader, local_name(name), attributes);
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct frame *frame = context;
    if (frame->reader.error) return;
    frame->depth--;
    frame->text[frame->text_size] = '\0';
    frame->bank->on_end(&frame->reader, local_name(name), frame->is_text ? frame->text : "");
    frame->is_text = false;
    frame->text_size = 0;
}

static void XMLCALL on_text(void *context, const XML_Char *text, int size)
{
    struct frame *frame = context;
    const size_t left = MTR_BANK_TEXT_BYTES_MAX - frame->text_size;
    const size_t taken = (size_t)size < left ? (size_t)size : left;
    if (taken < (size_t)size) frame->is_text = false;
    memcpy(frame->text + frame->text_size, text, taken);
    frame->text_size += taken;
}

/* Entities are declared in a document type, so that without one there is nothing to expand. */
static void XMLCALL on_document_type(void *context, const XML_Char *name, const XML_Char *system_id,
                                     const XML_Char *public_id, int has_subset)
{
    struct frame *frame = context;
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_subset;
    bank_fail(&frame->reader, MTR_FINDING_RATES_XML, "a document type is not accepted: banks send none");
}

/* Windows-1251, the upper half; -1: no character. */
static const int cyrillic[128] = {
    0x402, 0x403,  0x201A, 0x453, 0x201E, 0x2026, 0x2020, 0x2021, 0x20AC, 0x2030, 0x409,  0x2039, 0x40A,
    0x40C, 0x40B,  0x40F,  0x452, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, -1,     0x2122,
    0x459, 0x203A, 0x45A,  0x45C, 0x45B,  0x45F,  0xA0,   0x40E,  0x45E,  0x408,  0xA4,   0x490,  0xA6,
    0xA7,  0x401,  0xA9,   0x404, 0xAB,   0xAC,   0xAD,   0xAE,   0x407,  0xB0,   0xB1,   0x406,  0x456,
    0x491, 0xB5,   0xB6,   0xB7,  0x451,  0x2116, 0x454,  0xBB,   0x458,  0x405,  0x455,  0x457,  0x410,
    0x411, 0x412,  0x413,  0x414, 0x415,  0x416,  0x417,  0x418,  0x419,  0x41A,  0x41B,  0x41C,  0x41D,
    0x41E, 0x41F,  0x420,  0x421, 0x422,  0x423,  0x424,  0x425,  0x426,  0x427,  0x428,  0x429,  0x42A,
    0x42B, 0x42C,  0x42D,  0x42E, 0x42F,  0x430,  0x431,  0x432,  0x433,  0x434,  0x435,  0x436,  0x437,
    0x438, 0x439,  0x43A,  0x43B, 0x43C,  0x43D,  0x43E,  0x43F,  0x440,  0x441,  0x442,  0x443,  0x444,
    0x445, 0x446,  0x447,  0x448, 0x449,  0x44A,  0x44B,  0x44C,  0x44D,  0x44E,  0x44F,
};

static int XMLCALL on_encoding(void *context, const XML_Char *name, XML_Encoding *info)
{
    (void)context;
    if (strcasecmp(name, "windows-1251") != 0) return XML_STATUS_ERROR;
    for (int i = 0; i < 128; i++) {
        info->map[i] = i;
        info->map[128 + i] = cyrillic[i];
    }
    info->data = NULL;
    info->convert = NULL;
    info->release = NULL;
    return XML_STATUS_OK;
}

static int parse(struct frame *frame, struct mtr_str xml)
{
    struct mtr_bank_reader *reader = &frame->reader;
    XML_Parser parser = XML_ParserCreate(NULL);
    if (!parser) return MTR_ENOMEM;
    reader->parser = parser;
    XML_SetUserData(parser, frame);
    XML_SetElementHandler(parser, on_begin, on_end);
    XML_SetCharacterDataHandler(parser, on_text);
    XML_SetStartDoctypeDeclHandler(parser, on_document_type);
    XML_SetUnknownEncodingHandler(parser, on_encoding, NULL);
    if (XML_Parse(parser, xml.size ? xml.data : "", (int)xml.size, XML_TRUE) != XML_STATUS_OK)
        bank_fail(reader, MTR_FINDING_RATES_XML, "no well-formed XML: %s",
                  XML_ErrorString(XML_GetErrorCode(parser)));
    XML_ParserFree(parser);
    reader->parser = NULL;
    return reader->error;
}

static int compare_days(const void *a, const void *b)
{
    const struct mtr_bank_day *x = a, *y = b;
    return (x->day > y->day) - (x->day < y->day);
}

/* In order of time, each once, and not without a rate. */
static int check_days(const struct mtr_bank *bank, struct mtr_bank_rates *rates,
                      struct mtr_diagnostic *diagnostic)
{
    char date[MTR_DATE_TEXT_BYTES];
    uint32_t quotes = 0;
    if (rates->day_count > 1) qsort(rates->days, rates->day_count, sizeof(*rates->days), compare_days);
    for (uint32_t i = 0; i < rates->day_count; i++) {
        quotes += rates->days[i].quote_count;
        if (i == 0 || rates->days[i].day != rates->days[i - 1].day) continue;
        mtr_rate_day_format(rates->days[i].day, date);
        mtr_diagnostic_set(diagnostic, MTR_FINDING_RATES_REPEATED, 0, 0, NULL, "the day %s is there twice",
                           date);
        return MTR_EINVALID;
    }
    if (quotes) return MTR_OK;
    mtr_diagnostic_set(diagnostic, MTR_FINDING_RATES_EMPTY, 0, 0, NULL, "holds no rates of %s",
                       bank->full_name);
    return MTR_EINVALID;
}

int mtr_bank_read(const struct mtr_bank *bank, struct mtr_str xml, struct mtr_arena *arena,
                  struct mtr_bank_rates *out, struct mtr_diagnostic *diagnostic)
{
    struct frame frame = {.reader = {.arena = arena, .diagnostic = diagnostic}, .bank = bank};
    if (xml.size > MTR_BANK_XML_BYTES_MAX) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_RATES_LIMIT, 0, 0, NULL, "is larger than %d bytes",
                           MTR_BANK_XML_BYTES_MAX);
        return MTR_ELIMIT;
    }
    int rc = parse(&frame, xml);
    if (!rc) rc = check_days(bank, &frame.reader.rates, diagnostic);
    if (!rc) *out = frame.reader.rates;
    return rc;
}
