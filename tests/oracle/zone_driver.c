/*
 * Answers questions about zones for test_zone_oracle.py. One question a line, one answer a line:
 *   zone NAME            opens it: "ok"
 *   at S                 offset of an instant, its span: "offset start end"
 *   hour S               "start end"
 *   civil Y M D h m s    instant of a local time
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "meterd/core/zone.h"

/* The ends of time stay what they are. */
static int64_t seconds(int64_t time_us)
{
    if (time_us == INT64_MIN || time_us == INT64_MAX) return time_us;
    return time_us / MTR_US_PER_SECOND - (time_us % MTR_US_PER_SECOND < 0);
}

static int answer(const char *line, struct mtr_zone **zone)
{
    char name[80];
    int64_t time_s;
    int y, mo, d, h, mi, s;
    if (sscanf(line, "zone %79s", name) == 1) {
        mtr_zone_close(*zone);
        *zone = NULL;
        int rc = mtr_zone_open(mtr_str_from(name), zone);
        puts(rc ? mtr_error_name(rc) : "ok");
    } else if (sscanf(line, "at %" SCNd64, &time_s) == 1) {
        struct mtr_zone_span span = mtr_zone_at(*zone, time_s * MTR_US_PER_SECOND);
        printf("%" PRId32 " %" PRId64 " %" PRId64 "\n", span.offset_s, seconds(span.start_us),
               seconds(span.end_us));
    } else if (sscanf(line, "hour %" SCNd64, &time_s) == 1) {
        struct mtr_hour hour = mtr_zone_hour(*zone, time_s * MTR_US_PER_SECOND);
        printf("%" PRId64 " %" PRId64 "\n", seconds(hour.start_us), seconds(hour.end_us));
    } else if (sscanf(line, "civil %d %d %d %d %d %d", &y, &mo, &d, &h, &mi, &s) == 6) {
        struct mtr_civil civil = {y, (uint8_t)mo, (uint8_t)d, (uint8_t)h, (uint8_t)mi, (uint8_t)s};
        printf("%" PRId64 "\n", seconds(mtr_zone_from_civil(*zone, civil)));
    } else {
        return 1;
    }
    return 0;
}

int main(void)
{
    char line[256];
    struct mtr_zone *zone = NULL;
    int rc = 0;
    while (!rc && fgets(line, sizeof(line), stdin)) rc = answer(line, &zone);
    mtr_zone_close(zone);
    return rc;
}
