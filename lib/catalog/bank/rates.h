/*
 * Rates as central banks publish them, in XML. A bank is a const struct with two hooks, a file, and a row in
 * the registry of bank/rates.c. Private to lib/catalog and the command that imports rates.
 *
 * The XML is hostile until read: no document type and so no entity of anybody's making, no depth, no length
 * without a bound.
 */
#ifndef METERD_LIB_CATALOG_BANK_RATES_H
#define METERD_LIB_CATALOG_BANK_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/json_writer.h"

enum {
    BANK_XML_BYTES_MAX = 32 << 20, /* all of the ECB since 1999 is 8 MiB */
    BANK_DEPTH_MAX = 16,
    BANK_TEXT_BYTES_MAX = 64,      /* of an element's text; what is longer is no rate */
    BANK_DAYS_MAX = 20000,
    BANK_QUOTES_MAX = 500,         /* of one day */
    BANK_CODE_BYTES = 4            /* with NUL */
};

struct bank_quote {
    char currency[BANK_CODE_BYTES]; /* three capitals; not always one of ISO 4217 */
    struct mtr_decimal value;       /* > 0 */
    uint64_t nominal; /* so much of the currency is `value` of the base; 0: 1 of the base is `value` of the
                         currency */
};

struct bank_day {
    int64_t day; /* since 1970-01-01 */
    struct bank_quote *quotes;
    uint32_t quote_count, quote_capacity;
};

struct bank_rates {
    struct bank_day *days; /* ascending, each once */
    uint32_t day_count, day_capacity;
};

struct bank_reader; /* bank/reader.h */

struct bank {
    const char *name;      /* as --format takes it, and the source unless another is given */
    const char *base;      /* currency */
    const char *full_name; /* for people */
    /* An element begins; `attributes` are names and values in turn, ending with NULL. Prefixes of
     * namespaces are off. */
    void (*on_begin)(struct bank_reader *reader, const char *element, const char *const *attributes);
    /* It ends; `text` is what stood in it, empty where that is longer than BANK_TEXT_BYTES_MAX or has
     * elements in it. */
    void (*on_end)(struct bank_reader *reader, const char *element, const char *text);
};
extern const struct bank bank_ecb, bank_cbr;
const struct bank *bank_find(const char *name); /* NULL: unknown */

/* From the arena. MTR_EINVALID with the diagnostic, MTR_ELIMIT (of the arena, too), MTR_ENOMEM. */
int bank_read(const struct bank *bank, struct mtr_str xml, struct mtr_arena *arena, struct bank_rates *out,
              struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* {"rates": [{"key","source","date","base","quotes"}, …]} of the days from since_day on: what the catalog
 * takes. Currencies that are none of ISO 4217, or have no minor unit, are left out; their codes go to
 * `skipped`, each once. Returns how many days were written. */
enum { BANK_SKIPPED_BYTES = 400 };
uint32_t bank_write_documents(const struct bank *bank, const char *source, const struct bank_rates *rates,
                              int64_t since_day, struct mtr_json_writer *json,
                              char skipped[BANK_SKIPPED_BYTES]);

#endif
