/*
 * The certificate of a source: what its vendor's API was seen to do, probe by probe, before anybody is billed
 * by it. Each probe is one or more readings that count for nothing (daemon/trying.h), of the source's own
 * document or of one in which a single thing is another.
 *
 *   rc = certificate_make(&options, &certificate);     blocking: some dozens of requests
 *   certificate_write(&certificate, json);
 *   certificate_release(&certificate);
 *
 * It holds for the document whose hash it bears, and for no other. One thread.
 */
#ifndef METERD_DAEMON_CERTIFICATE_H
#define METERD_DAEMON_CERTIFICATE_H

#include "daemon/trying.h"
#include "meterd/core/json_writer.h"

/* name, what it asks */
#define CERTIFICATE_PROBES(X)                                                                                \
    X(ADDRESS, "address", "somebody answers at base_url, and proves by TLS who it is")                       \
    X(LOGIN, "login", "the credentials are accepted")                                                        \
    X(WRONG_SECRET, "wrong_secret", "wrong credentials are refused")                                         \
    X(ROWS, "rows", "rows are read, and all of them become events")                                          \
    X(IDS, "ids", "no two rows have one id")                                                                 \
    X(PAGES, "pages", "small pages have the rows of large ones")                                             \
    X(AGREE, "agree", "a second reading is equal to the first")                                              \
    X(PARTS, "parts", "a window has the rows of its parts")                                                  \
    X(BORDER, "border", "a row on a border is in one of two neighbours: which is measured")                  \
    X(RANGE, "range", "what is answered is what was asked for, and nothing else")                            \
    X(EMPTY, "empty", "a window without usage is answered, and has no rows")                                 \
    X(UNKNOWN, "unknown", "an account that does not exist has no rows")                                      \
    X(TOTALS, "totals", "what the vendor says of count, sum and completeness is true of the rows")           \
    X(QUANTITY, "quantity", "digits, sign and unit of quantities are plausible")                             \
    X(AGE, "age", "the newest row is as new as the document expects")                                        \
    X(CLOCK, "clock", "the vendor's clock is ours")                                                          \
    X(RATE, "rate", "a refusal for too many requests says when to come again")                               \
    X(RESTATED, "restated", "what was read in the last month is what the vendor says of it now")

enum certificate_probe {
#define CERTIFICATE_PROBE_ROW(name, text, doc) CERTIFICATE_##name,
    CERTIFICATE_PROBES(CERTIFICATE_PROBE_ROW)
#undef CERTIFICATE_PROBE_ROW
        CERTIFICATE_PROBE_COUNT
};

enum certificate_result {
    CERTIFICATE_NOT_OFFERED, /* the API or the document has no such thing, or it was not seen */
    CERTIFICATE_PASSED,
    CERTIFICATE_WARNED,
    CERTIFICATE_FAILED
};

enum { CERTIFICATE_TEXT_BYTES = 400, CERTIFICATE_URL_BYTES = 300, CERTIFICATE_EVIDENCE_MAX = 8 };

/* A reading that a finding rests on. */
struct certificate_evidence {
    struct mtr_window window;        /* both 0: of a feed */
    char url[CERTIFICATE_URL_BYTES]; /* of its first request, masked; cut */
    unsigned status;
    uint64_t rows;
};

struct certificate_finding {
    enum certificate_result result;
    char text[CERTIFICATE_TEXT_BYTES];
    struct certificate_evidence evidence[CERTIFICATE_EVIDENCE_MAX]; /* the first ones */
    uint32_t evidence_count;
};

struct certificate {
    struct mtr_str source; /* key; borrowed from the source */
    int64_t made_us;
    const char *sandbox; /* borrowed; NULL: made of the vendor itself */
    uint32_t requests;
    struct certificate_finding findings[CERTIFICATE_PROBE_COUNT];
};

struct certificate_options {
    struct trying_options trying; /* without hooks and secret */
    struct mtr_str each;          /* of for_each */
    const struct mtr_subscription *subscription;
    struct mtr_window window; /* that is looked at; both 0: the newest that is over and has rows */
    /* What was read of the source, for RESTATED: as of trying; ledger NULL: nothing is at hand. */
    struct mtr_ledger *ledger;
    struct mtr_log *log;
    const uint8_t *event_key;
    const char *sandbox; /* that the document's base_url was exchanged for; NULL: it was not */
    void *context;
    void (*on_probe)(void *context, enum certificate_probe probe); /* begins; NULL: nobody is told */
};

/* MTR_ENOMEM, MTR_EIO …: *diagnostic says why there is none. */
int certificate_make(const struct certificate_options *options, struct certificate *out,
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* The worst of its findings. */
enum certificate_result certificate_result_of(const struct certificate *certificate);

const char *certificate_probe_name(enum certificate_probe probe);
const char *certificate_probe_doc(enum certificate_probe probe);
const char *certificate_result_name(enum certificate_result result);
/* One JSON value. document: the hash that it is bound to, hex. */
void certificate_write(const struct certificate *certificate, const char *document,
                       struct mtr_json_writer *json);

#endif
