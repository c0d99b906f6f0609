/*
 * Rows of findings in what people write: documents, tariffs and what they say of one another
 * (finding_codes.h).
 */
#ifndef METERD_CORE_FINDING_ROWS_OF_DOCUMENTS_H
#define METERD_CORE_FINDING_ROWS_OF_DOCUMENTS_H

/* Any text that somebody writes: YAML, JSON, CSV, and its fields against their rows. */
#define MTR_FINDINGS_OF_DOCUMENTS(X)                                                                         \
    X(DOCUMENT_SYNTAX, ERROR, "document.syntax", "the text is no YAML or JSON at that place",                \
      "look at the place, and at the line before it")                                                        \
    X(DOCUMENT_TEXT, ERROR, "document.text", "the text has bytes that are no UTF-8, or no character",        \
      "write the text in UTF-8, without NUL")                                                                \
    X(DOCUMENT_UNSUPPORTED, ERROR, "document.unsupported",                                                   \
      "tags, anchors, aliases and second documents are not read", "write the values out, in one document")   \
    X(DOCUMENT_LIMIT, ERROR, "document.limit", "the text is too large, or nested too deep",                  \
      "split the document")                                                                                  \
    X(DOCUMENT_KEY_REPEATED, ERROR, "document.key.repeated", "a map has one key twice",                      \
      "remove one of them")                                                                                  \
    X(CSV_QUOTE, ERROR, "csv.quote", "a quote stands where CSV has none, or is not closed",                  \
      "quote the whole cell, and double the quotes in it")                                                   \
    X(CSV_LIMIT, ERROR, "csv.limit", "a record is too long, or has too many cells",                          \
      "look for a quote that is not closed")                                                                 \
    X(FIELD_UNKNOWN, ERROR, "field.unknown", "the document has no such key",                                 \
      "take the key that the sentence names, or see the reference")                                          \
    X(FIELD_MISSING, ERROR, "field.missing", "a key that is needed is not there", "write it")                \
    X(FIELD_KIND, ERROR, "field.kind", "another kind of value is expected there",                            \
      "write what the sentence asks for")                                                                    \
    X(FIELD_NUMBER, ERROR, "field.number", "what stands there is not read as a number",                      \
      "write digits with a decimal point, and nothing else")                                                 \
    X(FIELD_DIGITS, ERROR, "field.digits", "a number has more digits after the point than are kept",         \
      "round it yourself: nothing is rounded in silence")                                                    \
    X(FIELD_RANGE, ERROR, "field.range", "a value is outside what is allowed",                               \
      "take one within the range that is named")                                                             \
    X(FIELD_LENGTH, ERROR, "field.length", "a text or a list is too short or too long",                      \
      "keep to the length that is named")                                                                    \
    X(FIELD_TIME, ERROR, "field.time", "what stands there is no date and no instant",                        \
      "write 2026-03-01 or 2026-03-01T12:00:00Z")                                                            \
    X(FIELD_CHOICE, ERROR, "field.choice", "the word is none of those that are known there",                 \
      "take one of those that are named")                                                                    \
    X(FIELD_KEY, ERROR, "field.key", "a key has other characters than keys may have, or is too long",        \
      "write letters, digits and . _ : -")                                                                   \
    X(INPUT_UNREADABLE, ERROR, "input.unreadable", "a file cannot be read",                                  \
      "look at its path and its permissions")

/* What a tariff says. */
#define MTR_FINDINGS_OF_TARIFFS(X)                                                                           \
    X(TARIFF_ACCOUNT_CURRENCY, ERROR, "tariff.account.currency", "account limits need amounts of one money", \
      "leave `account` out, or `exchange` and `pricing_currency`")                                           \
    X(TARIFF_ACCOUNT_WHOSE, ERROR, "tariff.account.whose",                                                   \
      "account limits are of a customer, not of one subscription",                                           \
      "write `account` in an override of the customer")                                                      \
    X(TARIFF_ACROSS_WITHOUT_USE, ERROR, "tariff.across.without_use",                                         \
      "what is due without use cannot be across a customer's subscriptions",                                 \
      "write it as a component of its own")                                                                  \
    X(TARIFF_ALLOWANCE_COMPONENT, ERROR, "tariff.allowance.component",                                       \
      "an allowance of units names a component without units of a period", "give the allowance an amount")   \
    X(TARIFF_CALENDAR_CIRCLE, ERROR, "tariff.calendar.circle", "a mask is made of itself",                   \
      "take one of the masks out of the circle")                                                             \
    X(TARIFF_CALENDAR_DATES, ERROR, "tariff.calendar.dates",                                                 \
      "a date of a mask is none, or a range ends before it begins",                                          \
      "write dates as 2026-12-25 or 12-25, or ranges of them")                                               \
    X(TARIFF_CALENDAR_DAYS, ERROR, "tariff.calendar.days", "a day or month of a mask is none",               \
      "write it as the sentence shows")                                                                      \
    X(TARIFF_CALENDAR_HOURS, ERROR, "tariff.calendar.hours", "the hours of a mask are no part of the day",   \
      "write two times of the clock, as \"22:00-06:00\"")                                                    \
    X(TARIFF_CALENDAR_UNKNOWN, ERROR, "tariff.calendar.unknown", "there is no mask of that name",            \
      "name one that stands in `calendar`")                                                                  \
    X(TARIFF_CALENDAR_WHEN, ERROR, "tariff.calendar.when",                                                   \
      "`when` is neither a mask's name nor {not: NAME}", "name one mask")                                    \
    X(TARIFF_CALENDAR_ZONE, ERROR, "tariff.calendar.zone", "a zone is given where no clock is looked at",    \
      "remove it, or write it at the mask that has hours")                                                   \
    X(TARIFF_CAPACITY_METERS, ERROR, "tariff.capacity.meters",                                               \
      "the steps of a capacity do not bound the same meters", "name the same meters in each step")           \
    X(TARIFF_COMMITMENT_IDLE, WARNING, "tariff.commitment.idle", "a commitment changes nothing",             \
      "give it an overage factor or a true-up, or remove it")                                                \
    X(TARIFF_COMPONENT_UNKNOWN, ERROR, "tariff.component.unknown", "the version has no such component",      \
      "name one that it has")                                                                                \
    X(TARIFF_CURRENCY_LIMIT, ERROR, "tariff.currency.limit", "a tariff has too many currencies",             \
      "split the tariff")                                                                                    \
    X(TARIFF_CURRENCY_NOT_LISTED, ERROR, "tariff.currency.not_listed",                                       \
      "nothing is charged in that currency", "remove it, or give prices in it")                              \
    X(TARIFF_CURRENCY_UNKNOWN, ERROR, "tariff.currency.unknown", "the code is no currency of ISO 4217",      \
      "write three capitals, as EUR")                                                                        \
    X(TARIFF_FIELD_CONFLICT, ERROR, "tariff.field.conflict",                                                 \
      "two keys say different things about one matter", "remove one of them")                                \
    X(TARIFF_FIELD_EMPTY, ERROR, "tariff.field.empty", "a map is there and says nothing",                    \
      "write one of its keys, or remove it")                                                                 \
    X(TARIFF_FIELD_ONE_OF, ERROR, "tariff.field.one_of", "exactly one of two keys is needed",                \
      "write one of them")                                                                                   \
    X(TARIFF_FIELD_OTHER_CURVE, ERROR, "tariff.field.other_curve",                                           \
      "the component's curve has no use for that key", "remove the key, or take another curve")              \
    X(TARIFF_FIELD_REQUIRED, ERROR, "tariff.field.required", "a key is needed beside what is written",       \
      "write it")                                                                                            \
    X(TARIFF_GROUP_BY_LIMIT, ERROR, "tariff.group_by.limit",                                                 \
      "more dimensions, or longer names, than a meter has", "name fewer, or shorten them")                   \
    X(TARIFF_GROUP_BY_MISSING, ERROR, "tariff.group_by.missing",                                             \
      "a key is of each line, and the component has one line", "write `group_by`, or the key of the whole")  \
    X(TARIFF_INCREMENTS_STEPS, ERROR, "tariff.increments.steps",                                             \
      "a row of increments does not begin at a step of the row before", "move it by whole steps")            \
    X(TARIFF_KEY_REPEATED, ERROR, "tariff.key.repeated", "two parts of a price have one key",                \
      "choose another")                                                                                      \
    X(TARIFF_KEY_RESERVED, ERROR, "tariff.key.reserved",                                                     \
      "the key belongs to lines that meterd makes itself", "choose another")                                 \
    X(TARIFF_LIMITS_CROSSED, ERROR, "tariff.limits.crossed", "a minimum is more than the maximum or cap",    \
      "change one of them")                                                                                  \
    X(TARIFF_LIMITS_ROUNDING, ERROR, "tariff.limits.rounding",                                               \
      "a limit is finer than what is charged is rounded to", "round the limit in the same way")              \
    X(TARIFF_MATRIX_DIMENSION, ERROR, "tariff.matrix.dimension",                                             \
      "a matrix looks at a dimension that its lines do not have", "add it to `group_by`")                    \
    X(TARIFF_MATRIX_MATCH, ERROR, "tariff.matrix.match",                                                     \
      "a row's `match` is no map of dimensions and values", "write values, or lists of them")                \
    X(TARIFF_NAME_REPEATED, ERROR, "tariff.name.repeated", "a list names the same thing twice",              \
      "remove one")                                                                                          \
    X(TARIFF_NUMBER_DIGITS, ERROR, "tariff.number.digits", "a number has more digits than are kept",         \
      "round it yourself")                                                                                   \
    X(TARIFF_NUMBER_MALFORMED, ERROR, "tariff.number.malformed",                                             \
      "what stands there is no number of the kind that is needed", "write one as the sentence says")         \
    X(TARIFF_NUMBER_NEGATIVE, ERROR, "tariff.number.negative", "the number must not be below 0",             \
      "write 0 or more")                                                                                     \
    X(TARIFF_NUMBER_NOT_POSITIVE, ERROR, "tariff.number.not_positive", "the number must be above 0",         \
      "write one above 0")                                                                                   \
    X(TARIFF_NUMBER_RANGE, ERROR, "tariff.number.range", "the number is larger than it may be",              \
      "take a smaller one")                                                                                  \
    X(TARIFF_OVERRIDE_LIMIT, ERROR, "tariff.override.limit", "overrides times components come to too many",  \
      "move some into a tariff of their own")                                                                \
    X(TARIFF_OVERRIDE_REPEATED, ERROR, "tariff.override.repeated",                                           \
      "one customer or subscription has two overrides in a version", "make one of them")                     \
    X(TARIFF_PRICE_CURRENCY_FOREIGN, ERROR, "tariff.price.currency_foreign",                                 \
      "a price is in a currency that the tariff does not have",                                              \
      "remove it, or add the currency to all prices")                                                        \
    X(TARIFF_PRICE_CURRENCY_MISSING, ERROR, "tariff.price.currency_missing",                                 \
      "a price lacks one of the tariff's currencies", "add it")                                              \
    X(TARIFF_PRICE_FALLS, WARNING, "tariff.price.falls", "more use costs less at a bound",                   \
      "raise the price above the bound, or lower the one below")                                             \
    X(TARIFF_PRICE_MISSING, ERROR, "tariff.price.missing", "there is no price",                              \
      "write one of the keys that are named")                                                                \
    X(TARIFF_PRICE_NEGATIVE, WARNING, "tariff.price.negative", "a price pays the customer",                  \
      "remove the sign if that is not meant")                                                                \
    X(TARIFF_PRICE_OF_PRICING_CURRENCY, ERROR, "tariff.price.of_pricing_currency",                           \
      "an amount of the pricing currency is one number", "write one number")                                 \
    X(TARIFF_PRICE_ONE_NUMBER, ERROR, "tariff.price.one_number", "one number stands for several currencies", \
      "write a map with one for each")                                                                       \
    X(TARIFF_PRICE_SEVERAL, ERROR, "tariff.price.several", "a component has more than one curve",            \
      "split it in two")                                                                                     \
    X(TARIFF_PRICING_CURRENCY_DIFFERS, ERROR, "tariff.pricing_currency.differs",                             \
      "versions of a tariff have prices in different units", "keep the unit of the first")                   \
    X(TARIFF_PRICING_CURRENCY_IS_MONEY, ERROR, "tariff.pricing_currency.is_money",                           \
      "the pricing currency has the name of money", "write it as the tariff's `currency`")                   \
    X(TARIFF_PRORATE_NOTHING, ERROR, "tariff.prorate.nothing", "there is no minimum to prorate",             \
      "remove `minimum_prorate`, or write the minimum")                                                      \
    X(TARIFF_SCOPE_WRONG, ERROR, "tariff.scope.wrong", "what the component says cannot be in its scope",     \
      "take the scope that the sentence names")                                                              \
    X(TARIFF_TERM_CALENDAR, ERROR, "tariff.term.calendar", "the calendar has no such term",                  \
      "leave the anchor out, or take months that make a year")                                               \
    X(TARIFF_TIERS_GAP, ERROR, "tariff.tiers.gap", "some use has no price",                                  \
      "leave the bound of the last one out, or begin at 0")                                                  \
    X(TARIFF_TIERS_OVERLAP, ERROR, "tariff.tiers.overlap", "bounds of tiers do not ascend",                  \
      "put them in order")                                                                                   \
    X(TARIFF_TIERS_UNREACHABLE, ERROR, "tariff.tiers.unreachable",                                           \
      "no use or line ever comes to what stands there", "give what stands before it a bound, or remove one") \
    X(TARIFF_VERSION_FROM, ERROR, "tariff.version.from", "a version's begin is no date or instant",          \
      "write it as 2026-01-01 or 2026-01-01T00:00:00Z")                                                      \
    X(TARIFF_VERSION_ORDER, ERROR, "tariff.version.order", "versions do not ascend in every time zone",      \
      "let each begin a day after the one before")                                                           \
    X(TARIFF_VERSION_PAST, WARNING, "tariff.version.past",                                                   \
      "a version that begins in the past is new or changed",                                                 \
      "let it begin later, if closed periods are to stay")

/* What a source says. */
#define MTR_FINDINGS_OF_SOURCES(X)                                                                           \
    X(SOURCE_AUTH_PLAIN, WARNING, "source.auth.plain",                                                       \
      "secrets would go over the network unencrypted",                                                       \
      "write https://")                                                                                      \
    X(SOURCE_CIRCLE, ERROR, "source.circle",                                                                 \
      "sources wait for one another in a circle, or too deep",                                               \
      "let one of them name values, or subscriptions")                                                       \
    X(SOURCE_FOR_EACH_NO_LIST, ERROR, "source.for_each.no_list",                                             \
      "a for_each goes over the rows of a source that is no list",                                           \
      "give that source the type `=meterd.item`, and windows")                                               \
    X(SOURCE_FOR_EACH_UNUSED, WARNING, "source.for_each.unused",                                             \
      "the requests of a for_each are all alike",                                                            \
      "write {each} where they differ")                                                                      \
    X(SOURCE_HEADER, ERROR, "source.header",                                                                 \
      "a header has a name that is none, or more than one line",                                             \
      "write one line, and a name of letters and dashes")                                                    \
    X(SOURCE_HOST, ERROR, "source.host",                                                                     \
      "a host is none",                                                                                      \
      "write its name alone, as files.acme.example or *.blob.example")                                       \
    X(SOURCE_KEY_CONFLICT, ERROR, "source.key.conflict",                                                     \
      "a key has no meaning beside another one",                                                             \
      "remove one of them")                                                                                  \
    X(SOURCE_KEY_IDLE, WARNING, "source.key.idle",                                                           \
      "a key changes nothing beside another one",                                                            \
      "remove it, or what keeps it from meaning something")                                                  \
    X(SOURCE_KEY_MISSING, ERROR, "source.key.missing",                                                       \
      "a key is needed beside those that are written",                                                       \
      "write it as the sentence says")                                                                       \
    X(SOURCE_KEY_SEVERAL, ERROR, "source.key.several",                                                       \
      "keys are written of which one alone can hold",                                                        \
      "keep one of them")                                                                                    \
    X(SOURCE_OTHER_VENDOR, ERROR, "source.other_vendor",                                                     \
      "what a source goes over is of another vendor",                                                        \
      "name one of the source's own vendor")                                                                 \
    X(SOURCE_PATH, ERROR, "source.path",                                                                     \
      "a path to a value is not understood",                                                                 \
      "write names and places, as data.items[0].amount")                                                     \
    X(SOURCE_PRESET, ERROR, "source.preset",                                                                 \
      "there is no such preset",                                                                             \
      "take one that the sentence names")                                                                    \
    X(SOURCE_RATE, ERROR, "source.rate",                                                                     \
      "a rate or a share is not understood",                                                                 \
      "write 10/1s, or 20%")                                                                                 \
    X(SOURCE_REREADS, ERROR, "source.rereads",                                                               \
      "readings of a closed window do not ascend, or are not understood",                                    \
      "write them ascending, as [6h, 10d, month_end+6d]")                                                    \
    X(SOURCE_ROWS_PLACE, WARNING, "source.rows.place",                                                       \
      "rows are looked for in the whole answer, and something else is named in it",                          \
      "name where they stand, as rows: \"data[]\"")                                                          \
    X(SOURCE_SECRET_MISSING, ERROR, "source.secret.missing",                                                 \
      "a secret is used, and no file is named that holds it",                                                \
      "name the file")                                                                                       \
    X(SOURCE_SECRET_WRITTEN, ERROR, "source.secret.written",                                                 \
      "a secret stands in the document, or is not used",                                                     \
      "write it to a file, and {secret} where it is sent")                                                   \
    X(SOURCE_SEND, ERROR, "source.send",                                                                     \
      "it is not said where of a request a value goes",                                                      \
      "write query.NAME, header.NAME or body.PATH")                                                          \
    X(SOURCE_TIME, ERROR, "source.time",                                                                     \
      "a time of a schedule or a window is not understood, or does not fit",                                 \
      "write it as the sentence shows")                                                                      \
    X(SOURCE_URL, ERROR, "source.url",                                                                       \
      "a URL or a path of one is none",                                                                      \
      "write one that starts with https://, or a path that starts with a slash")                             \
    X(SOURCE_VALUE_REPEATED, ERROR, "source.value.repeated",                                                 \
      "a value stands twice where each means something of its own",                                          \
      "remove one")                                                                                          \
    X(SOURCE_WINDOW, ERROR, "source.window",                                                                 \
      "the length of a window is not understood",                                                            \
      "write hour, day, month, a duration, cursor, current or last")                                         \
    X(SOURCE_WINDOW_UNUSED, WARNING, "source.window.unused",                                                 \
      "a request does not say which window it asks for",                                                     \
      "write {from}, {to}, {last} or {period} where the vendor takes it")                                    \
    X(SOURCE_TEMPLATE, ERROR, "source.template",                                                             \
      "a template has a name, format or zone that is none, or a brace that is not closed",                   \
      "mend it as the sentence says, and write `{{` for a brace")

/* What documents say about one another. */
#define MTR_FINDINGS_OF_CATALOG(X)                                                                           \
    X(CATALOG_API_KEY_LAST, ERROR, "catalog.api_key.last",                                                   \
      "no API key would be left that administers, or only such that end",                                    \
      "make another one of scope `admin`, without a vendor and an end, before or with the change")           \
    X(CATALOG_API_KEY_REPEATED, ERROR, "catalog.api_key.repeated", "two keys have one secret",               \
      "make a new secret")                                                                                   \
    X(CATALOG_API_KEY_SCOPE, ERROR, "catalog.api_key.scope",                                                 \
      "a key's scopes are unknown, or lack the vendor", "take known scopes; `ingest` needs a vendor")        \
    X(CATALOG_API_KEY_SECRET, ERROR, "catalog.api_key.secret",                                               \
      "the secret's SHA-256 is no 64 hexadecimal digits", "take what `sha256sum` prints")                    \
    X(CATALOG_BILLING_ANCHOR, ERROR, "catalog.billing.anchor", "the billing period cannot begin there",      \
      "write the anchor as the sentence shows")                                                              \
    X(CATALOG_CHANGE_EMPTY, ERROR, "catalog.change.empty", "a dated change changes nothing",                 \
      "say what changes, or remove it")                                                                      \
    X(CATALOG_CHANGE_LOG_GONE, ERROR, "catalog.change.log_gone",                                             \
      "stored use would be counted otherwise, and the log no longer has its events",                         \
      "let it hold from a later time on")                                                                    \
    X(CATALOG_CHANGE_ORDER, ERROR, "catalog.change.order", "dated changes do not ascend",                    \
      "give each a later `from`")                                                                            \
    X(CATALOG_CHANGE_REFUSED, ERROR, "catalog.change.refused",                                               \
      "a change of the catalog has errors, which are listed", "mend them")                                   \
    X(CATALOG_COMPONENT_CELLS, ERROR, "catalog.component.cells",                                             \
      "windows of a mask do not begin and end with the meter's cells",                                       \
      "take a finer `cell`, or other windows")                                                               \
    X(CATALOG_COMPONENT_SCOPE, ERROR, "catalog.component.scope",                                             \
      "the meter cannot give what the component's scope needs", "change the scope, or the meter")            \
    X(CATALOG_COMPONENT_UNIT, ERROR, "catalog.component.unit",                                               \
      "the price is per another unit than the meter counts", "write a `convert`, or the meter's unit")       \
    X(CATALOG_COMPONENT_UNKNOWN, ERROR, "catalog.component.unknown", "the tariff has no such component",     \
      "name one that it has")                                                                                \
    X(CATALOG_COST_TARIFF, ERROR, "catalog.cost.tariff",                                                     \
      "a tariff of costs has what needs a bill of its own", "leave it out of the cost tariff")               \
    X(CATALOG_CREDIT_CURRENCY, ERROR, "catalog.credit.currency",                                             \
      "a credit is in another currency than the subscription is charged in", "give it that currency")        \
    X(CATALOG_CREDIT_KEY, ERROR, "catalog.credit.key", "a credit has the key of a line that it would pay",   \
      "choose another key")                                                                                  \
    X(CATALOG_CREDIT_KIND, ERROR, "catalog.credit.kind", "a credit mixes money and units, or has neither",   \
      "give an amount with its currency, or a quantity with its meter")                                      \
    X(CATALOG_CREDIT_WHOSE, ERROR, "catalog.credit.whose", "a credit names no holder, or two",               \
      "name a subscription or a customer")                                                                   \
    X(CATALOG_CURRENCY_CHARGED, ERROR, "catalog.currency.charged",                                           \
      "a subscription's currency changes under charges that were made", "write from when, in `changes`")     \
    X(CATALOG_CURRENCY_UNKNOWN, ERROR, "catalog.currency.unknown", "the code is no currency of ISO 4217",    \
      "write three capitals, as EUR")                                                                        \
    X(CATALOG_CUSTOMER_UNKNOWN, WARNING, "catalog.customer.unknown",                                         \
      "a credit or an override is for a customer whom no subscription has",                                  \
      "mend the name, unless his subscription comes later")                                                  \
    X(CATALOG_DELETE_KIND, ERROR, "catalog.delete.kind", "documents of that kind cannot be deleted",         \
      "end or retire them")                                                                                  \
    X(CATALOG_DELETE_USED, ERROR, "catalog.delete.used", "it was charged or counted with",                   \
      "retire it from a date on")                                                                            \
    X(CATALOG_DESTINATION_KIND, ERROR, "catalog.destination.kind", "there is no such kind of destination",   \
      "take a webhook; who pulls needs no document")                                                         \
    X(CATALOG_DESTINATION_URL, ERROR, "catalog.destination.url", "the URL of a destination is none",         \
      "write one that starts with https://")                                                                 \
    X(CATALOG_DIMENSION_UNKNOWN, ERROR, "catalog.dimension.unknown", "the meter has no such dimension",      \
      "name one of its `group_by`")                                                                          \
    X(CATALOG_DOCUMENT_SHAPE, ERROR, "catalog.document.shape",                                               \
      "a document or a list of them has another shape", "write a map of kinds, with lists of documents")     \
    X(CATALOG_FIELD_CONFLICT, ERROR, "catalog.field.conflict",                                               \
      "two keys say different things about one matter", "remove one of them")                                \
    X(CATALOG_FIELD_FROZEN, ERROR, "catalog.field.frozen", "use was folded with the value, which stays",     \
      "make a new document")                                                                                 \
    X(CATALOG_KEY_MALFORMED, ERROR, "catalog.key.malformed",                                                 \
      "a key has other characters than keys may have", "write letters, digits and . _ : -")                  \
    X(CATALOG_KEY_MISSING, ERROR, "catalog.key.missing", "a document has no key", "write `key`")             \
    X(CATALOG_KEY_PATH, ERROR, "catalog.key.path", "the document's key is not the one in the path",          \
      "make them the same")                                                                                  \
    X(CATALOG_KEY_REPEATED, ERROR, "catalog.key.repeated", "two documents of a kind have one key",           \
      "rename one, or write the service of both")                                                            \
    X(CATALOG_KIND_UNKNOWN, ERROR, "catalog.kind.unknown", "there is no such kind of document",              \
      "take one that the sentence names")                                                                    \
    X(CATALOG_METER_AGGREGATION, ERROR, "catalog.meter.aggregation", "the key is of another aggregation",    \
      "remove it, or change the aggregation")                                                                \
    X(CATALOG_METER_BOUNDS, ERROR, "catalog.meter.bounds", "`min` and `max` leave no quantity",              \
      "change one of them")                                                                                  \
    X(CATALOG_METER_EVENT_TYPE, ERROR, "catalog.meter.event_type", "that type of event cannot be counted",   \
      "take the vendor's own type")                                                                          \
    X(CATALOG_METER_FILTER, ERROR, "catalog.meter.filter", "a filter is not understood",                     \
      "write a map of properties and values or comparisons")                                                 \
    X(CATALOG_METER_GROUP_BY, ERROR, "catalog.meter.group_by",                                               \
      "a dimension is named twice, or its name is too long, or has = , or \\", "name each once")            \
    X(CATALOG_METER_QUOTA, ERROR, "catalog.meter.quota",                                                     \
      "a quota of dimension values is below what is counted, or the meter has no dimensions",                \
      "raise it, or remove it")                                                                              \
    X(CATALOG_METER_RETIRED, ERROR, "catalog.meter.retired",                                                 \
      "the meter's end would move across use that was or was not counted",                                   \
      "retire it later, or make a new meter")                                                                \
    X(CATALOG_METER_VALUE, ERROR, "catalog.meter.value",                                                     \
      "the aggregation needs a property for its quantity, or has none", "write or remove `value`")           \
    X(CATALOG_METER_WINDOW, ERROR, "catalog.meter.window", "the window does not divide an hour",             \
      "take 5m, 15m or 1h")                                                                                  \
    X(CATALOG_NUMBER_NOT_POSITIVE, ERROR, "catalog.number.not_positive", "the number must be above 0",       \
      "write one above 0")                                                                                   \
    X(CATALOG_NUMBER_RANGE, ERROR, "catalog.number.range", "the number is outside what is allowed",          \
      "take one within the range that is named")                                                             \
    X(CATALOG_OPENING_DIMENSION, ERROR, "catalog.opening.dimension", "no event could have such a dimension", \
      "shorten it")                                                                                          \
    X(CATALOG_OPENING_METER, ERROR, "catalog.opening.meter", "the meter has neither a level nor a counter",  \
      "remove the opening")                                                                                  \
    X(CATALOG_OPENING_REPEATED, ERROR, "catalog.opening.repeated",                                           \
      "two openings are of the same dimensions", "remove one")                                               \
    X(CATALOG_OPENING_VALUE, ERROR, "catalog.opening.value", "the meter cannot begin with that value",       \
      "write one that it can have")                                                                          \
    X(CATALOG_RATES_MISSING, WARNING, "catalog.rates.missing",                                               \
      "a tariff is exchanged at rates of which there are none yet", "load rates; its charges wait for them") \
    X(CATALOG_REFERENCE_AMBIGUOUS, ERROR, "catalog.reference.ambiguous", "several documents have that key",  \
      "write SERVICE/KEY")                                                                                   \
    X(CATALOG_REFERENCE_OTHER_SERVICE, ERROR, "catalog.reference.other_service",                             \
      "what is named is of another service", "name one of the same service")                                 \
    X(CATALOG_REFERENCE_RETIRED, ERROR, "catalog.reference.retired", "what is named is retired by then",     \
      "name another")                                                                                        \
    X(CATALOG_REFERENCE_UNKNOWN, ERROR, "catalog.reference.unknown", "nothing has that key",                 \
      "name what the catalog has, or add it to the same text")                                               \
    X(CATALOG_SUBJECT_TAKEN, ERROR, "catalog.subject.taken",                                                 \
      "an event of the subject would be of two subscriptions", "end one before the other starts")            \
    X(CATALOG_SUBSCRIPTION_BILLING, ERROR, "catalog.subscription.billing",                                   \
      "the tariff has fees or terms that the billing period does not fit",                                   \
      "change the billing period or the tariff")                                                             \
    X(CATALOG_SUBSCRIPTION_CURRENCY, ERROR, "catalog.subscription.currency",                                 \
      "the tariff has no prices in the subscription's currency",                                             \
      "change the currency, or give the tariff an `exchange`")                                               \
    X(CATALOG_SUBSCRIPTION_INSTANTS, ERROR, "catalog.subscription.instants",                                 \
      "too many instants inside hours cut the subscription's use", "let versions begin at full hours")       \
    X(CATALOG_TIME_MALFORMED, ERROR, "catalog.time.malformed",                                               \
      "what stands there is no date and no instant", "write 2026-03-01 or 2026-03-01T12:00:00Z")             \
    X(CATALOG_TIME_ORDER, ERROR, "catalog.time.order", "an end comes before its begin",                      \
      "change one of them")                                                                                  \
    X(CATALOG_TRIAL_END, ERROR, "catalog.trial.end", "a trial has no end", "write `end` or `days`")          \
    X(CATALOG_ZONE_UNKNOWN, ERROR, "catalog.zone.unknown", "there is no such time zone on this system",      \
      "write one of the IANA data base, as Europe/Berlin")                                                   \
    X(RATES_DAY, ERROR, "rates.day", "a day of rates is none, or is missing",                                \
      "write it as the sentence shows")                                                                      \
    X(RATES_EMPTY, ERROR, "rates.empty", "a file has no rates of that bank",                                 \
      "look whether it is the right file")                                                                   \
    X(RATES_LIMIT, ERROR, "rates.limit", "a file of rates is larger than banks send", "split it by days")    \
    X(RATES_QUOTE, ERROR, "rates.quote", "a rate is not understood",                                         \
      "write a number above 0 of at most 18 digits")                                                         \
    X(RATES_REPEATED, ERROR, "rates.repeated", "a day or a currency is there twice", "remove one")           \
    X(RATES_XML, ERROR, "rates.xml", "the file is no XML as banks send it", "fetch it again")

#endif
