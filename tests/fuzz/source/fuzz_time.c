/*
 * Times as vendors and people write them. What is read lies in the years that meterd knows, is written as the same
 * instant again, and what is refused has a sentence. The first byte chooses the zone; up to a NUL stands a form or a
 * pattern, behind it the text.
 */
#include <stdint.h>
#include <string.h>

#include "meterd/core/time.h"
#include "meterd/source/time_pattern.h"
#include "meterd/source/time_style.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Open for the life of the process. */
static const struct mtr_zone *zone_of(uint8_t choice)
{
    static const char *const names[] = {"Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"};
    static struct mtr_zone *zones[3];
    if (choice % 4 == 3) return NULL;
    struct mtr_zone **zone = &zones[choice % 4];
    int rc = *zone ? MTR_OK : mtr_zone_open(mtr_str_from(names[choice % 4]), zone);
    MTR_ASSERT(rc == MTR_OK);
    return *zone;
}

static bool is_known(int64_t time_us)
{
    return time_us >= 0 && time_us < MTR_TIME_US_MAX;
}

static void check_instant(struct mtr_str text)
{
    int64_t time_us, fine_us, again_us;
    char written[MTR_TIME_TEXT_BYTES], fault[MTR_DATE_FAULT_BYTES] = "";
    int rc = mtr_time_parse(text, &time_us);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_EINVALID || rc == MTR_EPRECISION || rc == MTR_EOVERFLOW);
    if (rc == MTR_EINVALID) MTR_ASSERT(mtr_time_fault(text)[0]);
    int rc_fine = mtr_time_parse_fine(text, &fine_us);
    MTR_ASSERT(rc == MTR_EPRECISION || rc == rc_fine);
    if (!rc) {
        MTR_ASSERT(is_known(time_us) && fine_us == time_us);
        int length = mtr_time_format(time_us, written);
        rc = mtr_time_parse((struct mtr_str){written, (size_t)length}, &again_us);
        MTR_ASSERT(rc == MTR_OK && again_us == time_us);
        for (int32_t offset_s = -43200; offset_s <= 43200; offset_s += 20700) { /* by 5:45 */
            length = mtr_time_format_offset(time_us, offset_s, written);
            rc = mtr_time_parse((struct mtr_str){written, (size_t)length}, &again_us);
            MTR_ASSERT((rc == MTR_OK && again_us == time_us) || !is_known(time_us + offset_s * MTR_US_PER_SECOND));
        }
    }
    if (mtr_time_parse_date(text, &time_us) == MTR_OK) {
        MTR_ASSERT(is_known(time_us));
    } else {
        mtr_date_fault(text, fault);
        MTR_ASSERT(fault[0]);
    }
    rc = mtr_duration_parse(text, &time_us);
    MTR_ASSERT(rc || time_us >= 0);
}

static bool has_any(const struct mtr_time_pattern *pattern, const char *directives)
{
    for (const char *p = pattern->text; (p = strchr(p, '%')) != NULL; p += 2)
        if (strchr(directives, p[1])) return true;
    return false;
}

/* All that makes an instant, in one way: its fraction, when it is there, not right before other digits. */
static bool is_complete(const struct mtr_time_pattern *pattern)
{
    if (has_any(pattern, "fpIZ")) return false;
    return has_any(pattern, "s") || (has_any(pattern, "YyFD") && has_any(pattern, "FD") && has_any(pattern, "TR"));
}

static void check_pattern(struct mtr_str form, struct mtr_str text, const struct mtr_zone *zone)
{
    struct mtr_time_pattern pattern;
    struct mtr_time_style style;
    struct mtr_buffer written;
    char example[MTR_TIME_EXAMPLE_BYTES] = "", style_fault[MTR_TIME_STYLE_FAULT_BYTES] = "";
    const char *fault = "";
    int64_t time_us, again_us;
    int rc = mtr_time_pattern_make(form, zone, &pattern, &fault);
    int rc_style = mtr_time_style_make(form, zone, &style, style_fault);
    MTR_ASSERT((rc == MTR_OK || fault[0]) && (rc_style == MTR_OK || style_fault[0]));
    if (rc) return;
    mtr_time_pattern_example(&pattern, example);
    MTR_ASSERT(example[0]);
    rc = mtr_time_pattern_read(&pattern, text, &time_us);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_EINVALID || rc == MTR_EOVERFLOW);
    if (rc) return;
    MTR_ASSERT(is_known(time_us));
    if (rc_style || (style.kind == MTR_TIME_STYLE_PATTERN && !is_complete(&pattern))) return;
    mtr_buffer_init(&written, 4096);
    rc = mtr_time_style_write(&style, time_us, &written);
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_time_pattern_read(&pattern, mtr_buffer_str(&written), &again_us);
    const bool is_cut = style.kind == MTR_TIME_STYLE_PATTERN && !has_any(&pattern, "sT");
    MTR_ASSERT(rc == MTR_OK && again_us <= time_us);
    MTR_ASSERT(time_us - again_us < (is_cut ? 60 : 1) * MTR_US_PER_SECOND || (zone && !has_any(&pattern, "zs")));
    mtr_buffer_release(&written);
}

/* Any instant, as every style writes it. */
static void check_written(struct mtr_str form, int64_t time_us, const struct mtr_zone *zone)
{
    struct mtr_time_style style;
    struct mtr_buffer written;
    char fault[MTR_TIME_STYLE_FAULT_BYTES];
    if (mtr_time_style_make(form, zone, &style, fault)) return;
    mtr_buffer_init(&written, 4096);
    int rc = mtr_time_style_write(&style, time_us, &written);
    MTR_ASSERT(rc == (is_known(time_us) ? MTR_OK : MTR_EOVERFLOW));
    mtr_buffer_release(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t number = 0;
    if (!size || size > 1024) return 0;
    const struct mtr_zone *zone = zone_of(data[0]);
    const char *from = (const char *)data + 1, *nul = size > 1 ? memchr(from, '\0', size - 1) : NULL;
    const struct mtr_str form = {from, nul ? (size_t)(nul - from) : size - 1};
    const struct mtr_str text = nul ? (struct mtr_str){nul + 1, size - 2 - form.size} : form;
    check_instant(text);
    check_pattern(form, text, zone);
    if (text.size >= sizeof(number)) memcpy(&number, text.data, sizeof(number));
    check_written(form, (int64_t)number, zone);
    check_written(form, (int64_t)(number % (uint64_t)MTR_TIME_US_MAX), zone);
    return 0;
}
