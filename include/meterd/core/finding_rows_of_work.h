/*
 * Rows of findings in what meterd is asked and told, and in its own stores (finding_codes.h).
 */
#ifndef METERD_CORE_FINDING_ROWS_OF_WORK_H
#define METERD_CORE_FINDING_ROWS_OF_WORK_H

/* Requests, imports, questions and quotes. */
#define MTR_FINDINGS_OF_USE(X)                                                                               \
    X(IMPORT_ANSWER, ERROR, "import.answer", "an answer of a vendor says that it failed, or is not whole",   \
      "ask again, or mend the question")                                                                     \
    X(IMPORT_BYTES, ERROR, "import.bytes", "a file is no text, is damaged, or is packed in an unknown way",  \
      "do what the sentence says")                                                                           \
    X(IMPORT_CELLS, ERROR, "import.cells", "a row has other cells than the header",                          \
      "quote a cell that holds the delimiter")                                                               \
    X(IMPORT_COLUMN, ERROR, "import.column", "a column that the mapping names is not in the file",           \
      "take the one that the sentence names")                                                                \
    X(IMPORT_EMPTY, ERROR, "import.empty", "a file has no header or no rows",                                \
      "look whether it is the right file")                                                                   \
    X(IMPORT_LINE, ERROR, "import.line", "a line has no values for the mapped columns",                      \
      "name paths that lead to texts and numbers")                                                           \
    X(IMPORT_MAP, ERROR, "import.map", "the mapping of columns is not understood",                           \
      "see the reference of `meterd import`")                                                                \
    X(IMPORT_REPEATED, WARNING, "import.repeated", "rows of a file have the id of an earlier one",           \
      "say `multiset: true` where equal rows are usage of their own")                                        \
    X(IMPORT_RESTATED, WARNING, "import.restated", "the id of a row holds its quantity",                     \
      "give restated files by `meterd import --source`")                                                     \
    X(IMPORT_VALUE, ERROR, "import.value", "a cell of a row has no value that the event could have",         \
      "mend the row, or the mapping")                                                                        \
    X(REQUEST_ACCEPT, ERROR, "request.accept",                                                               \
      "the answer has none of the types or codings that are asked for", "ask for one that is named")         \
    X(REQUEST_AMBIGUOUS, ERROR, "request.ambiguous", "a name in the request is of several documents",        \
      "write SERVICE/KEY")                                                                                   \
    X(REQUEST_BODY, ERROR, "request.body", "the body does not say what the call needs",                      \
      "send what the sentence shows")                                                                        \
    X(REQUEST_BUSY, ERROR, "request.busy", "there is no room for the request at the moment",                 \
      "send the same again in a moment")                                                                     \
    X(REQUEST_CLOCK, ERROR, "request.clock", "the machine's clock moved while it was accepted",              \
      "look again (GET /v1/clock)")                                                                          \
    X(REQUEST_CODING, ERROR, "request.coding", "a body is not of the coding that its header says",           \
      "send identity, gzip or zstd")                                                                         \
    X(REQUEST_CURSOR_LOST, ERROR, "request.cursor.lost",                                                     \
      "charges that the caller may have are gone: the stores were put back",                                 \
      "take back those behind `valid_up_to`, and go on from what you still have")                            \
    X(REQUEST_FILE_REFUSED, ERROR, "request.file.refused", "a source takes no file for that window",         \
      "see why in the sentence")                                                                             \
    X(REQUEST_FILE_UNREADABLE, ERROR, "request.file.unreadable", "a file that was given cannot be read",     \
      "see the line, and the source's `format` and `map`")                                                   \
    X(REQUEST_FILE_WINDOW, ERROR, "request.file.window",                                                     \
      "the rows of a file do not say of which window it is", "name the window")                              \
    X(REQUEST_FORBIDDEN, ERROR, "request.forbidden", "the API key may not do that",                          \
      "take a key that has the scope, and the vendor or none")                                               \
    X(REQUEST_HTTP, ERROR, "request.http", "the request is no HTTP that is understood",                      \
      "look at what sends it")                                                                               \
    X(REQUEST_LIMITED, ERROR, "request.limited", "more was asked for than the API key, or the address, may", \
      "send the same again after Retry-After seconds")                                                       \
    X(REQUEST_METHOD, ERROR, "request.method", "the path has no such method", "take one that is named")      \
    X(REQUEST_NOT_READY, ERROR, "request.not_ready", "the daemon starts, stops or has failed",               \
      "try again, and look at its log")                                                                      \
    X(REQUEST_PARAMETER_NEEDED, ERROR, "request.parameter.needed", "a query parameter is needed", "add it")  \
    X(REQUEST_PARAMETER_REPEATED, ERROR, "request.parameter.repeated", "a query parameter is given twice",   \
      "give it once")                                                                                        \
    X(REQUEST_PARAMETER_UNKNOWN, ERROR, "request.parameter.unknown", "the call has no such query parameter", \
      "see the OpenAPI document")                                                                            \
    X(REQUEST_PARAMETER_VALUE, ERROR, "request.parameter.value", "a query parameter cannot have that value", \
      "write what the sentence asks for")                                                                    \
    X(REQUEST_PATH, ERROR, "request.path", "there is nothing at that path", "see the OpenAPI document")      \
    X(REQUEST_REPLAY, ERROR, "request.replay", "the pages of a window cannot be gone through once more",     \
      "see why in the sentence")                                                                             \
    X(REQUEST_SIZE, ERROR, "request.size", "a request is larger than one may be", "send smaller batches")    \
    X(REQUEST_SYNTAX, ERROR, "request.syntax", "a body is not of the type that its header says",             \
      "look at the byte that is named")                                                                      \
    X(REQUEST_TIMEOUT, ERROR, "request.timeout", "the request or its answer took too long",                  \
      "try again, or ask for less")                                                                          \
    X(REQUEST_TYPE, ERROR, "request.type", "the content type is not understood",                             \
      "send JSON, NDJSON, msgpack or CloudEvents")                                                           \
    X(REQUEST_UNAUTHORIZED, ERROR, "request.unauthorized", "there is no API key, or none that is valid",     \
      "send one that is known and enabled")                                                                  \
    X(REQUEST_UNKNOWN, ERROR, "request.unknown", "nothing has the key or id that the request names",         \
      "take the one that the sentence names, or list what there is")                                         \
    X(QUERY_CALLED_OFF, ERROR, "query.called_off", "its client left before a query was answered",            \
      "keep the connection open until the answer comes")                                                     \
    X(QUERY_CPU, ERROR, "query.cpu", "a query takes more CPU time than one may", "ask for less")             \
    X(QUERY_CUT_GONE, ERROR, "query.cut_gone", "hours cannot be counted again: the log lost their events",   \
      "ask from full hours")                                                                                 \
    X(QUERY_CUT_LIMIT, ERROR, "query.cut_limit", "cutting hours would count too many events again",          \
      "ask from full hours, or for less")                                                                    \
    X(QUERY_CUT_MOVING, ERROR, "query.cut_moving", "use of an hour is still changing",                       \
      "ask in a moment, or from full hours")                                                                 \
    X(QUERY_DIMENSION_UNKNOWN, ERROR, "query.dimension.unknown", "no meter has that dimension",              \
      "take the one that the sentence names")                                                                \
    X(QUERY_LIMIT, ERROR, "query.limit", "the answer is larger than one may be", "ask for less")             \
    X(QUERY_MEMORY, ERROR, "query.memory", "a query takes more memory than one may", "ask for less")         \
    X(QUERY_MEMORY_TOTAL, ERROR, "query.memory_total", "other queries hold all the memory that there is",    \
      "try again")                                                                                           \
    X(QUOTE_BILLING, ERROR, "quote.billing", "the billing period fits no fee or term of the tariff",         \
      "change one of them")                                                                                  \
    X(QUOTE_CREDIT, ERROR, "quote.credit", "a credit of the quote is negative, or has a taken key",          \
      "mend it")                                                                                             \
    X(QUOTE_CURRENCY, ERROR, "quote.currency", "the tariff is not priced in the currency",                   \
      "ask for another")                                                                                     \
    X(QUOTE_DIMENSION_OTHER, ERROR, "quote.dimension.other",                                                 \
      "what is priced has no such dimension, another component has",                                         \
      "leave it out, or name the other component")                                                           \
    X(QUOTE_DIMENSION_VALUE, ERROR, "quote.dimension.value",                                                 \
      "no event can have such a value of a dimension", "shorten it")                                         \
    X(QUOTE_FEE, ERROR, "quote.fee", "a fee takes no quantity",                                              \
      "leave the row out: fees are priced by themselves")                                                    \
    X(QUOTE_LIMIT, ERROR, "quote.limit", "a quote has too many rows", "ask for less at once")                \
    X(QUOTE_METER, ERROR, "quote.meter", "the component does not price the meter, or its cells do not fit",  \
      "name another")                                                                                        \
    X(QUOTE_NAME_AMBIGUOUS, ERROR, "quote.name.ambiguous", "a name could mean several things",               \
      "name the component, or SERVICE/KEY")                                                                  \
    X(QUOTE_NAME_UNKNOWN, ERROR, "quote.name.unknown", "nothing has that name",                              \
      "take the one that the sentence names")                                                                \
    X(QUOTE_QUANTITY, ERROR, "quote.quantity", "the quantity that is asked about is none",                   \
      "write a number above 0")                                                                              \
    X(QUOTE_READING, ERROR, "quote.reading", "a row's reading is none of a counter",                         \
      "write its quantity")                                                                                  \
    X(QUOTE_REFUSED, ERROR, "quote.refused", "a quote has errors, which are listed", "mend them")            \
    X(QUOTE_SECONDS, ERROR, "quote.seconds", "a row's seconds do not fit it",                                \
      "leave them out, or shorten them")                                                                     \
    X(QUOTE_SUBSCRIPTION, ERROR, "quote.subscription",                                                       \
      "something is said beside a subscription that is priced as it is",                                    \
      "leave it out, write it into the document, or name a tariff")                                          \
    X(QUOTE_TIME, ERROR, "quote.time", "a row's or question's time does not fit",                            \
      "give all rows times, within the subscription")                                                        \
    X(PERIODS_CLOSED_FURTHER, WARNING, "periods.closed.further",                                             \
      "there are further closed periods that would be rated again", "`meterd price --what-if` tells of all") \
    X(PERIODS_CLOSED_RATED, WARNING, "periods.closed.rated", "a change rates closed periods again",          \
      "look at the sums before it is applied")                                                               \
    X(PERIODS_CLOSED_REFUSED, ERROR, "periods.closed.refused",                                               \
      "a change without a date would rate closed periods again", "say from when, or ask for it by name")     \
    X(RATING_LOSS, WARNING, "rating.loss", "a charge is below its cost",                                     \
      "look at the price and at the cost")                                                                   \
    X(RATING_PERIOD, ERROR, "rating.period", "a period cannot be rated",                                     \
      "mend what the sentence names: it is tried again")                                                     \
    X(RATING_RANGE, ERROR, "rating.range", "an amount or quantity is out of range",                          \
      "ask for less, or in larger units")                                                                    \
    X(RATING_RATE_MISSING, ERROR, "rating.rate_missing", "a period waits for a rate of exchange",            \
      "load rates")                                                                                          \
    X(RATING_SIZE, ERROR, "rating.size", "a period is larger than may be held at once",                      \
      "choose a coarser scope for what prices each event")                                                   \
    X(RATING_SOURCE, WARNING, "rating.source", "a period waits for a source, or closed without it",          \
      "`meterd source windows` says what its source lacks")                                                  \
    X(OUTBOX_MESSAGE_STATE, ERROR, "outbox.message.state", "the state of the message does not allow it",     \
      "wait for its outcome")

/* Single events of a request, in their results. */
#define MTR_FINDINGS_OF_EVENTS(X)                                                                            \
    X(EVENT_CLOUDEVENTS, ERROR, "event.cloudevents",                                                         \
      "an attribute of CloudEvents has a value that is not understood",                                      \
      "send CloudEvents 1.0 with a map as data")                                                             \
    X(EVENT_CONFLICT, ERROR, "event.conflict", "the id was used before with other content",                  \
      "give the event an id of its own")                                                                     \
    X(EVENT_EXPIRED, ERROR, "event.expired", "the event is older than the accepted lateness",                \
      "look at the clock of who sends it")                                                                   \
    X(EVENT_FIELD_KIND, ERROR, "event.field.kind", "another kind of value is expected there",                \
      "send what the sentence asks for")                                                                     \
    X(EVENT_FIELD_LENGTH, ERROR, "event.field.length", "a text is longer than is kept", "shorten it")        \
    X(EVENT_FIELD_MISSING, ERROR, "event.field.missing", "a field that every event has is missing or empty", \
      "send it")                                                                                             \
    X(EVENT_FIELD_NAME, ERROR, "event.field.name", "the name of a property is empty, too long or no text",   \
      "choose another")                                                                                      \
    X(EVENT_FIELD_NUMBER, ERROR, "event.field.number", "a number cannot be kept exactly",                    \
      "send a decimal number, as text in msgpack")                                                           \
    X(EVENT_FIELD_REPEATED, ERROR, "event.field.repeated", "a field is given twice", "send it once")         \
    X(EVENT_FIELD_TEXT, ERROR, "event.field.text",                                                           \
      "a text is not UTF-8, or has control characters or a broken escape", "send plain text")                \
    X(EVENT_FUTURE, ERROR, "event.future", "the event is further ahead than clocks may differ",              \
      "look at the clock of who sends it")                                                                   \
    X(EVENT_LATE, WARNING, "event.late", "the event corrects a period that is closed",                       \
      "nothing: it becomes a correction")                                                                    \
    X(EVENT_LIMIT, ERROR, "event.limit",                                                                     \
      "the event has more fields than one may have, or is nested too deep", "send less in one event")        \
    X(EVENT_MALFORMED, ERROR, "event.malformed", "the line of the event cannot be read",                     \
      "look at the byte that is named")                                                                      \
    X(EVENT_METER_BOUNDS, ERROR, "event.meter.bounds",                                                       \
      "the quantity is outside the `min` and `max` of its meter", "look at who measures it")                 \
    X(EVENT_METER_DIGITS, ERROR, "event.meter.digits", "the quantity has more digits than are kept",         \
      "round it yourself")                                                                                   \
    X(EVENT_METER_DIMENSIONS, ERROR, "event.meter.dimensions",                                               \
      "the values that a meter groups by are too long, or have U+001F", "shorten them")                      \
    X(EVENT_METER_LENGTH, ERROR, "event.meter.length",                                                       \
      "the length over which the quantity is spread is none", "send 0 to 2764800 seconds")                   \
    X(EVENT_METER_MISSING, ERROR, "event.meter.missing", "a property that a meter needs is missing",         \
      "send it, or let the meter skip such events")                                                          \
    X(EVENT_METER_NUMBER, ERROR, "event.meter.number", "a meter needs a number there", "send one")           \
    X(EVENT_METER_RANGE, ERROR, "event.meter.range", "the quantity is larger than is counted",               \
      "send it in larger units")                                                                             \
    X(EVENT_METER_RETIRED, ERROR, "event.meter.retired",                                                     \
      "the meters that would count it were retired by then", "send what the service counts now")             \
    X(EVENT_NOT_ACTIVE, ERROR, "event.not_active", "the event is outside the subscription",                  \
      "look at the time, and at start and end")                                                              \
    X(EVENT_NOT_AUTHORIZED, ERROR, "event.not_authorized", "the subscription belongs to another vendor",     \
      "take that vendor's API key")                                                                          \
    X(EVENT_RESERVED, ERROR, "event.reserved", "a name that only meterd itself uses", "take another")        \
    X(EVENT_TIME_MALFORMED, ERROR, "event.time.malformed", "what stands there is no time of RFC 3339",       \
      "write it as 2026-03-01T12:00:00Z")                                                                    \
    X(EVENT_TIME_RANGE, ERROR, "event.time.range", "the time is outside the years that are kept",            \
      "look at the clock, and at the unit of a number")                                                      \
    X(EVENT_UNPROCESSED, ERROR, "event.unprocessed",                                                         \
      "the event is not known to be stored, through no fault of its own", "send the same again")             \
    X(EVENT_VOID_TARGET, ERROR, "event.void.target", "what a void names cannot be taken back",               \
      "name the id of an event of the same source")

/* Configuration, stores and the program itself. */
#define MTR_FINDINGS_OF_OPERATION(X)                                                                         \
    X(CONFIG_CONFLICT, ERROR, "config.conflict", "two settings contradict one another",                      \
      "change one of them")                                                                                  \
    X(CONFIG_SET, ERROR, "config.set", "--set is not understood", "write --set SECTION.KEY=VALUE")           \
    X(STORE_COPY, ERROR, "store.copy", "a store cannot be copied",                                           \
      "look at the path, its permissions and the room on the disk")                                          \
    X(STORE_DAMAGED, ERROR, "store.damaged", "a store has bytes that it did not write",                      \
      "run `meterd repair`, or restore all stores from one backup")                                          \
    X(STORE_DEDUP_WINDOW, ERROR, "store.dedup_window",                                                       \
      "more segments are in the window of duplicates than it can number",                                    \
      "make segments larger, or the window shorter")                                                         \
    X(STORE_FULL, ERROR, "store.full", "there is no room on the disk", "make some")                          \
    X(STORE_IN_USE, ERROR, "store.in_use", "another process writes there", "stop it first")                  \
    X(STORE_LOG_REMOVED, ERROR, "store.log_removed", "the log no longer has its first events",               \
      "restore the rollups from a backup: they cannot be made of the log")                                   \
    X(STORE_MISSING, ERROR, "store.missing", "a store or key file is not there",                             \
      "restore it from a backup, or look at `data.directory`")                                               \
    X(STORE_OLDER, ERROR, "store.older", "a store is older than what was made of it",                        \
      "restore all stores from one backup")                                                                  \
    X(STORE_UNREADABLE, ERROR, "store.unreadable", "a store cannot be opened or read",                       \
      "look at its permissions and the machine's log")                                                       \
    X(STORE_UNWRITABLE, ERROR, "store.unwritable", "a store or file cannot be written",                      \
      "look at its permissions and the room on the disk")                                                    \
    X(STORE_VERSION, ERROR, "store.version", "a store has another format",                                   \
      "start the daemon, or take the meterd that wrote it")                                                  \
    X(TRAIL_BROKEN, ERROR, "trail.broken",                                                                   \
      "lines of the security log were changed, moved or taken away",                                         \
      "compare with a head or a copy that was kept elsewhere, and look who may write there")                 \
    X(AUDIT_BEHIND, ERROR, "audit.behind", "what is audited is not folded yet",                              \
      "try again when the daemon has folded it")                                                             \
    X(AUDIT_BROKEN_SUM, ERROR, "audit.broken_sum", "a line's sum is not the sum of its charges",             \
      "restore the charges, and keep what you have for a look")                                              \
    X(AUDIT_DIFFERENCE, ERROR, "audit.difference", "what was emitted is not the price of the use",           \
      "keep what you have for a look")                                                                       \
    X(AUDIT_NO_TARIFF, WARNING, "audit.no_tariff",                                                           \
      "use before the first version of its tariff is not charged",                                           \
      "let the version begin earlier, if it is to be")                                                       \
    X(AUDIT_OUTSIDE_TERM, WARNING, "audit.outside_term",                                                     \
      "use outside the term of its subscription is not charged", "move its start or end, if it is to be")    \
    X(AUDIT_POLLED_TWICE, ERROR, "audit.polled_twice", "a row of a source counts twice",                     \
      "let the window that it left be read again: `meterd source run`")                                      \
    X(AUDIT_POOL, ERROR, "audit.pool", "the ledger of a pool is not what its period draws",                  \
      "keep what you have for a look")                                                                       \
    X(AUDIT_PROBLEM, ERROR, "audit.problem", "a period cannot be priced", "mend what the sentence names")    \
    X(PROGRAM_CLOCK, ERROR, "program.clock", "the machine's clock says a time that cannot be",               \
      "set the clock, and start again")                                                                      \
    X(PROGRAM_FILES, ERROR, "program.files", "too many files are open", "raise `LimitNOFILE`, `ulimit -n`")  \
    X(PROGRAM_LISTEN, ERROR, "program.listen", "the address cannot be listened on",                          \
      "look who has the port, and at `listen`")                                                              \
    X(PROGRAM_MEMORY, ERROR, "program.memory", "memory ran out", "give the process more, or ask for less")   \
    X(PROGRAM_STAGE, ERROR, "program.stage", "a stage cannot go on", "look at the log of the daemon")        \
    X(PROGRAM_START, ERROR, "program.start", "the program cannot set itself up",                             \
      "look at its limits of threads and files")

#endif
