/*
 * Time zones: opening by name, and the questions asked of an open zone. Parsing is in tzif.c and tz_rule.c.
 *
 * A zone is never changed after open, so any thread may read it. Spans are maximal: two neighbours have
 * different offsets. Times before the last transition of the file come from its table (binary search), later
 * ones from the footer's rule.
 */
#include "meterd/core/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/core/time/tzif.h"

#define ZONE_DIRECTORY "/usr/share/zoneinfo/"

enum { NAME_BYTES_MAX = 64, OFFSET_ABS_MAX_S = 26 * 3600 };

struct mtr_zone {
    char name[NAME_BYTES_MAX + 1];
    struct mtr_tz_data data;
};

/* Components of letters, digits, '_', '+', '-', none of them empty: no way out of the directory. */
static bool is_name(struct mtr_str name)
{
    if (name.size == 0 || name.size > NAME_BYTES_MAX) return false;
    char before = '/';
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                     c == '+' || c == '-';
        if (!plain && !(c == '/' && before != '/')) return false;
        before = c;
    }
    return before != '/';
}

static int read_file(const char *path, char *bytes, size_t bytes_max, size_t *size)
{
    struct stat status;
    size_t used = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno == ENOTDIR ? MTR_ENOTFOUND : mtr_error_from_errno(errno);
    int rc = fstat(fd, &status) ? mtr_error_from_errno(errno) : MTR_OK;
    if (!rc && !S_ISREG(status.st_mode)) rc = MTR_ENOTFOUND;
    if (!rc && (uint64_t)status.st_size > bytes_max) rc = MTR_ECORRUPT;
    while (!rc && used < bytes_max) {
        ssize_t got = read(fd, bytes + used, bytes_max - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) rc = mtr_error_from_errno(errno);
        if (got <= 0) break;
        used += (size_t)got;
    }
    close(fd);
    *size = used;
    return rc;
}

static int load(struct mtr_str name, struct mtr_tz_data *data)
{
    char path[sizeof(ZONE_DIRECTORY) + NAME_BYTES_MAX];
    size_t size = 0;
    snprintf(path, sizeof(path), ZONE_DIRECTORY "%.*s", MTR_STR_ARGS(name));
    char *bytes = malloc(MTR_TZIF_BYTES_MAX);
    if (!bytes) return MTR_ENOMEM;
    int rc = read_file(path, bytes, MTR_TZIF_BYTES_MAX, &size);
    if (!rc) rc = tzif_parse((struct mtr_str){bytes, size}, data);
    free(bytes);
    return rc;
}

int zone_from_data(struct mtr_str name, struct mtr_tz_data *data, struct mtr_zone **out)
{
    MTR_ASSERT(name.size <= NAME_BYTES_MAX);
    struct mtr_zone *zone = calloc(1, sizeof(*zone));
    if (!zone) return MTR_ENOMEM;
    memcpy(zone->name, name.data, name.size);
    zone->data = *data;
    *data = (struct mtr_tz_data){0};
    *out = zone;
    return MTR_OK;
}

int mtr_zone_open(struct mtr_str name, struct mtr_zone **out)
{
    struct mtr_tz_data data = {0}; /* as it stands, UTC: it must be there without any tzdata */
    if (!is_name(name)) return MTR_EINVALID;
    int rc = mtr_str_equal(name, MTR_STR("UTC")) ? MTR_OK : load(name, &data);
    if (!rc) rc = zone_from_data(name, &data, out);
    tzif_release(&data);
    return rc;
}

void mtr_zone_close(struct mtr_zone *zone)
{
    if (!zone) return;
    tzif_release(&zone->data);
    free(zone);
}

const char *mtr_zone_name(const struct mtr_zone *zone)
{
    return zone->name;
}

/* How many transitions are at or before time_s. */
static uint32_t transitions_until(const struct mtr_tz_data *data, int64_t time_s)
{
    uint32_t low = 0, high = data->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (data->transitions[middle].time_s <= time_s) low = middle + 1;
        else high = middle;
    }
    return low;
}

static struct tz_span table_at(const struct mtr_tz_data *data, int64_t time_s)
{
    uint32_t index = transitions_until(data, time_s);
    return (struct tz_span){
        .start_s = index > 0 ? data->transitions[index - 1].time_s : INT64_MIN,
        .end_s = index < data->count ? data->transitions[index].time_s : INT64_MAX,
        .offset_s = index > 0 ? data->transitions[index - 1].offset_s : data->first_offset_s,
    };
}

static struct tz_span span_at(const struct mtr_zone *zone, int64_t time_s)
{
    const struct mtr_tz_data *data = &zone->data;
    struct tz_span table = table_at(data, time_s);
    if (!data->has_rule || table.end_s != INT64_MAX) return table;
    /* The table's last span and the rule's first meet at rule_from_s: one span when they agree, cut there
     * when not. */
    bool ruled = time_s >= data->rule_from_s;
    struct tz_span rule = tz_rule_at(&data->rule, ruled ? time_s : data->rule_from_s);
    bool first = rule.start_s <= data->rule_from_s;
    bool agree = first && rule.offset_s == table.offset_s;
    if (!ruled) {
        table.end_s = agree ? rule.end_s : data->rule_from_s;
        return table;
    }
    /* Without any transition rule_from_s is the beginning of time, and the rule speaks for all of it. */
    if (first) rule.start_s = agree ? table.start_s : data->rule_from_s;
    return rule;
}

static int64_t second_of(int64_t time_us)
{
    return time_us / MTR_US_PER_SECOND - (time_us % MTR_US_PER_SECOND < 0);
}

/* Seconds that no int64 of µs can name are the beginning and the end of time. */
static int64_t instant_of(int64_t time_s)
{
    if (time_s < INT64_MIN / MTR_US_PER_SECOND) return INT64_MIN;
    return time_s > INT64_MAX / MTR_US_PER_SECOND ? INT64_MAX : time_s * MTR_US_PER_SECOND;
}

struct mtr_zone_span mtr_zone_at(const struct mtr_zone *zone, int64_t time_us)
{
    const struct tz_span span = span_at(zone, second_of(time_us));
    return (struct mtr_zone_span){instant_of(span.start_s), instant_of(span.end_s), span.offset_s};
}

int32_t mtr_zone_standard_offset(const struct mtr_zone *zone, int64_t time_us)
{
    enum { YEAR_S = 365 * 86400 };
    const struct tz_span span = span_at(zone, second_of(time_us));
    int32_t least_s = span.offset_s;
    if (span.start_s == INT64_MIN || span.end_s == INT64_MAX || span.end_s - span.start_s >= YEAR_S)
        return least_s;
    const int32_t before_s = span_at(zone, span.start_s - 1).offset_s,
                  after_s = span_at(zone, span.end_s).offset_s;
    if (before_s < least_s) least_s = before_s;
    return after_s < least_s ? after_s : least_s;
}

struct mtr_hour mtr_zone_hour(const struct mtr_zone *zone, int64_t time_us)
{
    const int64_t time_s = second_of(time_us);
    const struct tz_span span = span_at(zone, time_s);
    const int64_t local_s = time_s + span.offset_s;
    const int64_t into_hour_s = local_s % 3600 + (local_s % 3600 < 0 ? 3600 : 0);
    const int64_t start_s = time_s - into_hour_s, end_s = start_s + 3600;
    return (struct mtr_hour){instant_of(mtr_time_later(start_s, span.start_s)),
                             instant_of(mtr_time_sooner(end_s, span.end_s))};
}

struct mtr_civil mtr_zone_to_civil(const struct mtr_zone *zone, int64_t time_us)
{
    const int64_t time_s = second_of(time_us);
    return mtr_civil_from_s(time_s + span_at(zone, time_s).offset_s);
}

/* Walks the spans from one that is surely before: the first whose local times reach past the wanted one
 * holds it, or begins where the gap ends. */
int64_t mtr_zone_from_civil(const struct mtr_zone *zone, struct mtr_civil civil)
{
    const int64_t local_s = mtr_civil_to_s(civil);
    struct tz_span span = span_at(zone, local_s - OFFSET_ABS_MAX_S);
    while (local_s - span.offset_s >= span.end_s) span = span_at(zone, span.end_s);
    return instant_of(mtr_time_later(local_s - span.offset_s, span.start_s));
}

int64_t mtr_zone_midnight(const struct mtr_zone *zone, int64_t days)
{
    struct mtr_civil civil = {0};
    unsigned month = 0, day = 0;
    mtr_civil_from_days(days, &civil.year, &month, &day);
    civil.month = (uint8_t)month;
    civil.day = (uint8_t)day;
    return mtr_zone_from_civil(zone, civil);
}

int64_t mtr_zone_next_midnight(const struct mtr_zone *zone, int64_t time_us)
{
    const struct mtr_civil civil = mtr_zone_to_civil(zone, time_us);
    int64_t days = mtr_days_from_civil(civil.year, civil.month, civil.day), midnight_us;
    do { /* once, unless the clock was turned back over midnight */
        midnight_us = mtr_zone_midnight(zone, ++days);
    } while (midnight_us <= time_us);
    return midnight_us;
}
