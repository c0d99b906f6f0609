/*
 * The registry of banks, and the documents that their rates make.
 */
#include "meterd/catalog/bank.h"

#include <stdio.h>
#include <string.h>

#include "lib/catalog/bank/reader.h"
#include "meterd/core/currency.h"
#include "meterd/tariff/rates.h"

static const struct mtr_bank *const banks[] = {&mtr_bank_ecb, &mtr_bank_cbr};

const struct mtr_bank *mtr_bank_find(const char *name)
{
    for (size_t i = 0; i < sizeof(banks) / sizeof(banks[0]); i++)
        if (strcmp(banks[i]->name, name) == 0) return banks[i];
    return NULL;
}

static void write_decimal(struct mtr_json_writer *json, struct mtr_decimal value)
{
    char text[MTR_DECIMAL_TEXT_BYTES];
    mtr_decimal_format(value, text);
    mtr_json_cstr(json, text);
}

static void write_quote(struct mtr_json_writer *json, const struct mtr_bank_quote *quote)
{
    mtr_json_name(json, quote->currency);
    if (!quote->nominal) {
        write_decimal(json, quote->value);
        return;
    }
    mtr_json_map(json);
    mtr_json_named_u64(json, "nominal", quote->nominal);
    mtr_json_name(json, "value");
    write_decimal(json, quote->value);
    mtr_json_map_end(json);
}

static bool is_known(const struct mtr_bank *bank, const struct mtr_bank_quote *quote,
                     char skipped[MTR_BANK_SKIPPED_BYTES])
{
    if (strcmp(quote->currency, bank->base) == 0) return false;
    if (mtr_currency_find(mtr_str_from(quote->currency))) return true;
    size_t size = strlen(skipped);
    if (!strstr(skipped, quote->currency) && size + MTR_BANK_CODE_BYTES + 2 < MTR_BANK_SKIPPED_BYTES)
        snprintf(skipped + size, MTR_BANK_SKIPPED_BYTES - size, "%s%s", size ? ", " : "", quote->currency);
    return false;
}

static bool write_day(const struct mtr_bank *bank, const char *source, const struct mtr_bank_day *day,
                      struct mtr_json_writer *json, char skipped[MTR_BANK_SKIPPED_BYTES])
{
    char date[MTR_DATE_TEXT_BYTES], key[128];
    uint32_t known = 0;
    for (uint32_t i = 0; i < day->quote_count; i++) known += is_known(bank, &day->quotes[i], skipped);
    if (known == 0) return false;
    mtr_rate_day_format(day->day, date);
    snprintf(key, sizeof(key), "%s-%s", source, date);
    mtr_json_map(json);
    mtr_json_named_cstr(json, "key", key);
    mtr_json_named_cstr(json, "source", source);
    mtr_json_named_cstr(json, "date", date);
    mtr_json_named_cstr(json, "base", bank->base);
    mtr_json_name(json, "quotes");
    mtr_json_map(json);
    for (uint32_t i = 0; i < day->quote_count; i++)
        if (is_known(bank, &day->quotes[i], skipped)) write_quote(json, &day->quotes[i]);
    mtr_json_map_end(json);
    mtr_json_map_end(json);
    return true;
}

uint32_t mtr_bank_write_documents(const struct mtr_bank *bank, const char *source,
                                  const struct mtr_bank_rates *rates, int64_t since_day,
                                  struct mtr_json_writer *json, char skipped[MTR_BANK_SKIPPED_BYTES])
{
    uint32_t written = 0;
    skipped[0] = '\0';
    mtr_json_map(json);
    mtr_json_name(json, "rates");
    mtr_json_list(json);
    for (uint32_t i = 0; i < rates->day_count; i++)
        if (rates->days[i].day >= since_day)
            written += write_day(bank, source, &rates->days[i], json, skipped);
    mtr_json_list_end(json);
    mtr_json_map_end(json);
    return written;
}
