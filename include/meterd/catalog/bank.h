/*
 * Rates of exchange as central banks publish them: a file of XML becomes documents of the catalog.
 *
 *   XML of the bank ──mtr_bank_read──▶ days with their quotes ──mtr_bank_write_documents──▶ {"rates": […]}
 *
 *   const struct mtr_bank *bank = mtr_bank_find("ecb");
 *   int rc = mtr_bank_read(bank, xml, &arena, &rates, &diagnostic);
 *   if (!rc) mtr_bank_write_documents(bank, "ecb", &rates, since_day, &json, skipped);
 *
 * Formats: the European Central Bank's euro foreign exchange reference rates (gesmes:Envelope, Cube elements
 * by time and currency) and the Bank of Russia's daily rates (ValCurs with Valute, Nominal and Value). A bank
 * is a const struct with two hooks, a file, and a row in the registry of lib/catalog/bank/bank.c.
 *
 * The XML is hostile until read: no document type and so no entity of anybody's making, no depth, no length
 * without a bound. Days count since 1970-01-01. Pure functions, any thread; what is read lives in the
 * caller's arena.
 */
#ifndef METERD_CATALOG_BANK_H
#define METERD_CATALOG_BANK_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/json_writer.h"

enum {
    MTR_BANK_XML_BYTES_MAX = 32 << 20, /* all of the ECB since 1999 is 8 MiB */
    MTR_BANK_DEPTH_MAX = 16,
    MTR_BANK_TEXT_BYTES_MAX = 64,      /* of an element's text; what is longer is no rate */
    MTR_BANK_DAYS_MAX = 20000,
    MTR_BANK_QUOTES_MAX = 500,         /* of one day */
    MTR_BANK_CODE_BYTES = 4            /* with NUL */
};

struct mtr_bank_quote {
    char currency[MTR_BANK_CODE_BYTES]; /* three capitals; not always one of ISO 4217 */
    struct mtr_decimal value;       /* > 0 */
    uint64_t nominal; /* so much of the currency is `value` of the base; 0: 1 of the base is `value` of the
                         currency */
};

struct mtr_bank_day {
    int64_t day; /* since 1970-01-01 */
    struct mtr_bank_quote *quotes;
    uint32_t quote_count, quote_capacity;
};

struct mtr_bank_rates {
    struct mtr_bank_day *days; /* ascending, each once */
    uint32_t day_count, day_capacity;
};

struct mtr_bank_reader; /* private to lib/catalog/bank */

struct mtr_bank {
    const char *name;      /* as --format takes it, and the source unless another is given */
    const char *base;      /* currency */
    const char *full_name; /* for people */
    /* An element begins; `attributes` are names and values in turn, ending with NULL. Prefixes of
     * namespaces are off. */
    void (*on_begin)(struct mtr_bank_reader *reader, const char *element, const char *const *attributes);
    /* It ends; `text` is what stood in it, empty where that is longer than MTR_BANK_TEXT_BYTES_MAX or has
     * elements in it. */
    void (*on_end)(struct mtr_bank_reader *reader, const char *element, const char *text);
};
extern const struct mtr_bank mtr_bank_ecb, mtr_bank_cbr;
const struct mtr_bank *mtr_bank_find(const char *name); /* NULL: unknown */

/* From the arena. MTR_EINVALID with the diagnostic, MTR_ELIMIT (of the arena, too), MTR_ENOMEM. */
int mtr_bank_read(const struct mtr_bank *bank, struct mtr_str xml, struct mtr_arena *arena,
                  struct mtr_bank_rates *out, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* {"rates": [{"key","source","date","base","quotes"}, …]} of the days from since_day on: what the catalog
 * takes. Currencies that are none of ISO 4217, or have no minor unit, are left out; their codes go to
 * `skipped`, each once. Returns how many days were written. */
enum { MTR_BANK_SKIPPED_BYTES = 400 };
uint32_t mtr_bank_write_documents(const struct mtr_bank *bank, const char *source,
                                  const struct mtr_bank_rates *rates, int64_t since_day,
                                  struct mtr_json_writer *json, char skipped[MTR_BANK_SKIPPED_BYTES]);

#endif
