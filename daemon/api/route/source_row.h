/*
 * A source as it stands, in the list of all of them and alone. Private to routes.
 */
#ifndef METERD_DAEMON_API_ROUTE_SOURCE_ROW_H
#define METERD_DAEMON_API_ROUTE_SOURCE_ROW_H

#include "daemon/api/api.h"
#include "meterd/collector/poller.h"

/* The one that the path names; NULL: after answering that there is none. */
const struct mtr_source *source_of_path(struct api_call *call);

/* Of a MTR_MEMBER_WORD: which alarm; what a certificate, or a probe of it, came to. */
const char *source_alarm_choice(unsigned index);
const char *source_certificate_choice(unsigned index);

struct source_alarm_row {
    const char *alarm;
    struct mtr_str problem;
    int64_t since;
    uint32_t requests;
    bool has_since;
};

struct source_row {
    struct mtr_str source, vendor;
    const char *state, *alarm;
    struct mtr_str problem;
    struct mtr_list alarms; /* of struct source_alarm_row */
    bool has_alarm, has_problem, has_since, was_read, is_next;
    const char *certificate; /* NULL: none was made */
    bool has_certificate, certificate_is_current;
    int64_t since, read_at, next_at;
    uint32_t requests, reading;
    uint64_t readings, failures, rows, changes;
};
extern const struct mtr_shape source_row_shape;

/* What the row's texts are borrowed from. */
struct source_row_room {
    struct mtr_source_status status;
    struct source_alarm_row alarms[MTR_ALARM_COUNT];
};
struct source_row source_row_of(struct api_call *call, const struct mtr_source *source,
                                struct source_row_room *room);

#endif
