/*
 * Alarms of sources: why a window has not ended as `complete`, or what an operator must look at. They stand
 * in metrics, log lines and `GET /v1/sources`; their names stay. A source may have several at once.
 */
#ifndef METERD_COLLECTOR_SOURCE_ALARM_H
#define METERD_COLLECTOR_SOURCE_ALARM_H

#define MTR_ALARM_MAP(X)                                                                                     \
    X(GAP, "gap", "a window is past its time and was not read")                                              \
    X(STALE, "stale", "the newest row is older than `expect.freshness`")                                     \
    X(TRUNCATED, "truncated", "an answer met a limit of the vendor's, and there are rows behind it")         \
    X(LOOP, "loop", "a page or a token came twice: the pages never end")                                     \
    X(INCOMPLETE, "incomplete", "a reading could not prove that it is whole")                                \
    X(SUSPECT, "suspect", "a reading would take away, or add, too much: it waits until it is confirmed")     \
    X(DRIFT, "drift", "columns of the rows are not what they were")                                          \
    X(SKEW, "skew", "the vendor's clock and ours differ")                                                    \
    X(REFUSED, "refused", "rows are in quarantine")                                                          \
    X(UNKNOWN_SUBJECT, "unknown_subject", "rows are held: the catalog does not know whose they are")         \
    X(LIMIT, "limit", "a reading has more rows or bytes than the document allows")                           \
    X(FAILING, "failing", "the vendor cannot be asked, or answers with errors")                              \
    X(AUTH, "auth", "the vendor does not accept the credentials")                                            \
    X(REAUTHORIZE, "reauthorize", "the refresh token is used up: somebody must log in again")                \
    X(AFTER_END, "after_end", "rows of a subscription that has ended")                                       \
    X(RANGE, "range", "most rows are far from the window that was asked for")

enum mtr_alarm {
    MTR_ALARM_NONE,
#define MTR_ALARM_ROW(name, text, doc) MTR_ALARM_##name,
    MTR_ALARM_MAP(MTR_ALARM_ROW)
#undef MTR_ALARM_ROW
        MTR_ALARM_COUNT
};

const char *mtr_alarm_name(enum mtr_alarm alarm); /* "gap"; NONE: "" */
const char *mtr_alarm_doc(enum mtr_alarm alarm);
/* The graver alarm has the greater number: what stops usage, then what leaves it unproved, then the rest.
 * NONE: 0. */
unsigned mtr_alarm_gravity(enum mtr_alarm alarm);

#endif
