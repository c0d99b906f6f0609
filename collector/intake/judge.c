/*
 * The judge. Each check returns the first objection; the order of the checks is the contract
 * (docs/guide-vendors.md).
 *
 * Does not read a clock, does not touch the log or the dedup index, does not change the event.
 */
#include "collector/intake/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/catalog/meter_take.h"
#include "meterd/core/limits.h"

enum { REASON_BYTES = 400 };

/* Usage from `start_us` on belongs to a period that is open; known to hold until `until_us`. */
struct mtr_open_period {
    int64_t start_us;
    int64_t until_us;
    struct mtr_period before; /* one before it that was asked for; empty: none was */
};

static const struct mtr_verdict no_objection = {.code = MTR_RESULT_ACCEPTED};

static struct mtr_verdict objection(enum mtr_result_code code, enum mtr_finding_code finding,
                                    const char *field, const char *reason)
{
    return (struct mtr_verdict){.code = code, .field = field, .reason = reason, .finding = finding};
}

static struct mtr_verdict invalid(enum mtr_finding_code finding, const char *field, const char *reason)
{
    return objection(MTR_RESULT_INVALID, finding, field, reason);
}

/* Text in the arena; when there is no room, `fallback`. */
static const char *format_text(struct mtr_arena *arena, const char *fallback, const char *format, ...)
    MTR_PRINTF(3, 4);
static const char *format_text(struct mtr_arena *arena, const char *fallback, const char *format, ...)
{
    char text[REASON_BYTES];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (size < 0) return fallback;
    if ((size_t)size >= sizeof(text)) size = sizeof(text) - 1;
    const char *copy = mtr_arena_strdup(arena, (struct mtr_str){text, (size_t)size});
    return copy ? copy : fallback;
}

static const char *data_field(struct mtr_arena *arena, struct mtr_str name)
{
    return format_text(arena, "data", "data.%.*s", MTR_STR_ARGS(name));
}

void judge_init(struct mtr_judge *judge, const struct mtr_judge_options *options)
{
    *judge = (struct mtr_judge){.options = *options};
}

void judge_release(struct mtr_judge *judge)
{
    free(judge->periods);
    *judge = (struct mtr_judge){.options = judge->options};
}

int judge_begin(struct mtr_judge *judge, const struct mtr_catalog *catalog)
{
    uint64_t version = mtr_catalog_version(catalog);
    uint32_t count = mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION);
    if (version == judge->catalog_version && count == judge->period_count) return MTR_OK;
    struct mtr_open_period *periods = realloc(judge->periods, (count + 1) * sizeof(*periods));
    if (!periods) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count; i++) periods[i] = (struct mtr_open_period){.until_us = INT64_MIN};
    judge->periods = periods;
    judge->period_count = count;
    judge->catalog_version = version;
    return MTR_OK;
}

/* Whether the text of a field has 1 to so many bytes; `too_long` says how many. */
static bool fits(struct mtr_str text, size_t bytes_max, const char *field, const char *too_long,
                 struct mtr_verdict *out)
{
    if (text.size > bytes_max) *out = invalid(MTR_FINDING_EVENT_FIELD_LENGTH, field, too_long);
    else if (!text.size) *out = invalid(MTR_FINDING_EVENT_FIELD_MISSING, field, "must not be empty");
    return text.size && text.size <= bytes_max;
}

/* Other control characters are quoted wherever a text goes; NUL ends it in the databases and on the terminals
 * of those who read. */
static bool holds_nul(struct mtr_str text)
{
    return text.size && memchr(text.data, '\0', text.size) != NULL;
}

static struct mtr_verdict property_limits(const struct mtr_property *property, struct mtr_arena *arena)
{
    struct mtr_verdict fault;
    if (!fits(property->name, MTR_PROPERTY_NAME_BYTES_MAX, "data",
              "a property's name must not be longer than 64 bytes", &fault))
        return fault;
    if (property->kind == MTR_PROPERTY_STRING && property->text.size > MTR_PROPERTY_TEXT_BYTES_MAX)
        return invalid(MTR_FINDING_EVENT_FIELD_LENGTH, data_field(arena, property->name),
                       "must not be longer than 1024 bytes");
    if (property->kind == MTR_PROPERTY_STRING && holds_nul(property->text))
        return invalid(MTR_FINDING_EVENT_FIELD_TEXT, data_field(arena, property->name),
                       "must not hold the character U+0000");
    return no_objection;
}

_Static_assert(MTR_EVENT_ID_BYTES_MAX == 256 && MTR_EVENT_SOURCE_BYTES_MAX == 256,
               "as the sentences below say");
_Static_assert(MTR_EVENT_TYPE_BYTES_MAX == 128 && MTR_EVENT_SUBJECT_BYTES_MAX == 128,
               "as the sentences below say");
_Static_assert(MTR_PROPERTY_NAME_BYTES_MAX == 64 && MTR_PROPERTY_TEXT_BYTES_MAX == 1024,
               "as the sentences above say");
_Static_assert(MTR_EVENT_PROPERTIES_MAX == 64 && MTR_DIMENSIONS_BYTES_MAX == 384,
               "as the sentences below say");

struct mtr_verdict judge_limits(const struct mtr_event *event, struct mtr_arena *arena)
{
    static const char too_long_256[] = "must not be longer than 256 bytes";
    static const char too_long_128[] = "must not be longer than 128 bytes";
    struct mtr_verdict fault;
    MTR_ASSERT(event->vendor.size &&
               event->vendor.size <= MTR_KEY_BYTES_MAX); /* from the credential, never from the body */
    if (!fits(event->id, MTR_EVENT_ID_BYTES_MAX, "id", too_long_256, &fault) ||
        !fits(event->source, MTR_EVENT_SOURCE_BYTES_MAX, "source", too_long_256, &fault) ||
        !fits(event->type, MTR_EVENT_TYPE_BYTES_MAX, "type", too_long_128, &fault))
        return fault;
    /* A void names its target by id; a subject says nothing more. */
    bool is_void = mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_VOID));
    if (!fits(event->subject, MTR_EVENT_SUBJECT_BYTES_MAX, "subject", too_long_128, &fault) &&
        (event->subject.size || !is_void))
        return fault;
    if (event->property_count > MTR_EVENT_PROPERTIES_MAX)
        return invalid(MTR_FINDING_EVENT_LIMIT, "data", "must not have more than 64 properties");
    for (uint32_t i = 0; i < event->property_count; i++) {
        fault = property_limits(&event->properties[i], arena);
        if (fault.code != MTR_RESULT_ACCEPTED) return fault;
    }
    return no_objection;
}

struct mtr_verdict judge_names(const struct mtr_event *event)
{
    if (mtr_str_starts_with(event->source, MTR_STR(MTR_EVENT_SOURCE_OWN)))
        return invalid(MTR_FINDING_EVENT_RESERVED, "source",
                       "must not begin with \"meterd:\": so does what meterd polls itself");
    if (mtr_str_starts_with(event->type, MTR_STR(MTR_EVENT_TYPE_OWN)) &&
        !mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_VOID)))
        return invalid(MTR_FINDING_EVENT_RESERVED, "type",
                       "must not begin with \"meterd.\": of those only meterd.void is sent");
    return no_objection;
}

const struct mtr_verdict judge_is_conflict = {
    .code = MTR_RESULT_CONFLICT,
    .field = "id",
    .reason = "this id was used before with other content: kept in quarantine, not billed",
    .finding = MTR_FINDING_EVENT_CONFLICT};

const struct mtr_verdict judge_is_forgotten = {
    .code = MTR_RESULT_EXPIRED,
    .field = "time",
    .reason = "it lies before what was asked for, and longer ago than rows are known "
              "(`intake.dedup_window`): it may have counted before, so it does not now",
    .finding = MTR_FINDING_EVENT_EXPIRED};

const struct mtr_verdict judge_is_of_nothing = {
    .code = MTR_RESULT_INVALID,
    .field = "data.id",
    .reason = "no event of this source has this id, or it is too old: nothing to take back",
    .finding = MTR_FINDING_EVENT_VOID_TARGET};

const struct mtr_verdict judge_is_of_void = {
    .code = MTR_RESULT_INVALID,
    .field = "data.id",
    .reason = "a void cannot be taken back: send the usage again under a new id",
    .finding = MTR_FINDING_EVENT_VOID_TARGET};

struct mtr_verdict judge_void(const struct mtr_event *event, struct mtr_str *target_id)
{
    const struct mtr_property *id = mtr_event_property(event, MTR_STR("id"));
    if (!id)
        return invalid(MTR_FINDING_EVENT_VOID_TARGET, "data.id",
                       "missing: a void names the id of the event that it takes back");
    if (id->kind != MTR_PROPERTY_STRING)
        return invalid(MTR_FINDING_EVENT_VOID_TARGET, "data.id",
                       "must be a string: the id of the event to take back");
    if (!id->text.size || id->text.size > MTR_EVENT_ID_BYTES_MAX)
        return invalid(MTR_FINDING_EVENT_VOID_TARGET, "data.id", "must have 1 to 256 bytes");
    *target_id = id->text;
    return no_objection;
}

static const char *bound_text(const struct mtr_meter *meter, const struct mtr_taken *taken,
                              struct mtr_arena *arena)
{
    char quantity[MTR_DECIMAL_TEXT_BYTES], bound[MTR_DECIMAL_TEXT_BYTES];
    const bool is_above = taken->fault == MTR_FAULT_ABOVE_MAX;
    mtr_quantity_format(taken->quantity, quantity);
    mtr_quantity_format(is_above ? meter->max : meter->min, bound);
    return format_text(arena, "outside the bounds of its meter",
                       "%s is %s %s, the %s that the meter %.*s takes", quantity,
                       is_above ? "above" : "below", bound, is_above ? "most" : "least",
                       MTR_STR_ARGS(meter->key));
}

/* What stands there instead of a number. */
static const char *number_text(const struct mtr_meter *meter, const struct mtr_property *property,
                               struct mtr_arena *arena)
{
    char fault[MTR_NUMBER_FAULT_BYTES] = "a number is expected, not true or false";
    if (property && property->kind == MTR_PROPERTY_STRING) mtr_number_fault(property->text, fault);
    return format_text(arena, "must be a number", "%s; the meter %.*s adds it up", fault,
                       MTR_STR_ARGS(meter->key));
}

static const char *length_text(const struct mtr_property *property, struct mtr_arena *arena)
{
    static const char plain[] = "must be a length of 0 to 2764800 seconds (32 days): usage is spread over it";
    if (!property || property->kind != MTR_PROPERTY_STRING) return plain;
    return format_text(arena, plain,
                       "must be a length of 0 to 2764800 seconds (32 days), not `%.*s%s`: usage is spread "
                       "over it",
                       MTR_STR_QUOTED(property->text));
}

static bool is_length(const struct mtr_meter *meter, const struct mtr_taken *taken)
{
    return meter->spread_over.size && mtr_str_equal(taken->property, meter->spread_over);
}

static const char *missing_text(const struct mtr_meter *meter, const struct mtr_taken *taken,
                                struct mtr_arena *arena)
{
    return format_text(arena, "missing: a meter needs it", "missing: the meter %.*s needs it%s",
                       MTR_STR_ARGS(meter->key),
                       is_length(meter, taken) ? ": a length of 0 to 2764800 seconds (32 days)" : "");
}

static const char *fault_text(const struct mtr_meter *meter, const struct mtr_taken *taken,
                              const struct mtr_event *event, struct mtr_arena *arena)
{
    switch (taken->fault) {
    case MTR_FAULT_BELOW_MIN:
    case MTR_FAULT_ABOVE_MAX: return bound_text(meter, taken, arena);
    case MTR_FAULT_PRODUCT_DIGITS:
        return format_text(arena, "more than 12 digits after the point, times the factor of its meter",
                           "more than 12 digits after the point, times the factor of the meter %.*s: it "
                           "cannot be kept exactly",
                           MTR_STR_ARGS(meter->key));
    case MTR_FAULT_LENGTH_BEYOND: return "a length from this time on may lead beyond the year 2199";
    default: break;
    }
    const struct mtr_property *property = mtr_event_property(event, taken->property);
    if (taken->fault == MTR_FAULT_MISSING) return missing_text(meter, taken, arena);
    if (is_length(meter, taken)) return length_text(property, arena);
    switch (taken->fault) {
    case MTR_FAULT_DIMENSION_BYTE:
        return "must not hold the control character U+001F: usage is grouped by it";
    case MTR_FAULT_DIMENSIONS_LONG:
        return format_text(arena, "too long to group by",
                           "the values that the meter %.*s groups by are longer than 384 bytes together",
                           MTR_STR_ARGS(meter->key));
    case MTR_FAULT_DIGITS: return "more than 12 digits after the point: it cannot be kept exactly";
    case MTR_FAULT_TOO_LARGE:
        return meter->has_factor ? "larger than 10^16 in magnitude, times the factor of its meter"
                                 : "larger than 10^16 in magnitude";
    case MTR_FAULT_TIME: return "outside the years 1970 to 2199";
    default: break;
    }
    return number_text(meter, property, arena);
}

static enum mtr_finding_code fault_code(const struct mtr_meter *meter, const struct mtr_taken *taken)
{
    switch (taken->fault) {
    case MTR_FAULT_BELOW_MIN:
    case MTR_FAULT_ABOVE_MAX: return MTR_FINDING_EVENT_METER_BOUNDS;
    case MTR_FAULT_PRODUCT_DIGITS: return MTR_FINDING_EVENT_METER_DIGITS;
    case MTR_FAULT_LENGTH_BEYOND: return MTR_FINDING_EVENT_TIME_RANGE;
    default: break;
    }
    if (taken->fault == MTR_FAULT_MISSING) return MTR_FINDING_EVENT_METER_MISSING;
    if (is_length(meter, taken)) return MTR_FINDING_EVENT_METER_LENGTH;
    switch (taken->fault) {
    case MTR_FAULT_DIMENSION_BYTE:
    case MTR_FAULT_DIMENSIONS_LONG: return MTR_FINDING_EVENT_METER_DIMENSIONS;
    case MTR_FAULT_DIGITS: return MTR_FINDING_EVENT_METER_DIGITS;
    case MTR_FAULT_TOO_LARGE: return MTR_FINDING_EVENT_METER_RANGE;
    case MTR_FAULT_TIME: return MTR_FINDING_EVENT_TIME_RANGE;
    default: return MTR_FINDING_EVENT_METER_NUMBER;
    }
}

static struct mtr_verdict fault_of(const struct mtr_meter *meter, const struct mtr_taken *taken,
                                   const struct mtr_event *event, struct mtr_arena *arena)
{
    const char *field = taken->fault == MTR_FAULT_TIME ? "time" : data_field(arena, taken->property);
    return invalid(fault_code(meter, taken), field, fault_text(meter, taken, event, arena));
}

/* The meters that pass over an event, for its answer. */
struct passed_over {
    const struct mtr_meter *meters[MTR_NOT_COUNTED_MAX];
    uint32_t count; /* also of those for which there is no room */
};

static struct mtr_list list_keys(const struct passed_over *passed_over, struct mtr_arena *arena)
{
    struct mtr_list list = {NULL, 0};
    const uint32_t count =
        passed_over->count < MTR_NOT_COUNTED_MAX ? passed_over->count : MTR_NOT_COUNTED_MAX;
    struct mtr_str *keys = count ? mtr_arena_calloc(arena, count, sizeof(*keys)) : NULL;
    if (!keys) return list; /* also without memory: the event is stored either way */
    list.items = keys;
    while (list.count < count &&
           !mtr_arena_copy(arena, passed_over->meters[list.count]->key, &keys[list.count]))
        list.count++;
    return list;
}

/* Of an event that only meters would count which are retired by its time. */
static struct mtr_verdict judge_retired(const struct mtr_meter *meter, struct mtr_arena *arena)
{
    const char *reason =
        format_text(arena, "every meter that would count it was retired before",
                    "the meter %.*s was retired from %.*s on, and no other one counts it",
                    MTR_STR_ARGS(meter->key), MTR_STR_ARGS(meter->retired.text));
    return objection(MTR_RESULT_NOT_ACTIVE, MTR_FINDING_EVENT_METER_RETIRED, "time", reason);
}

/* What is taken of an event, is some of it used from that time on? What is spread is, as long as it lasts. */
static bool reaches(const struct mtr_taken *taken, const struct mtr_event *event, int64_t begins_us)
{
    return event->time_us >= begins_us ||
           taken->length_s.e12 > MTR_QUANTITY_OF_US(begins_us - event->time_us).e12;
}

static bool any_reaches(const struct mtr_meter *const *meters, uint32_t count, const struct mtr_event *event,
                        int64_t begins_us)
{
    struct mtr_taken taken;
    for (uint32_t i = 0; i < count; i++)
        if (meters[i]->spread_over.size && mtr_meter_take(meters[i], event, &taken) == MTR_TAKE_COUNTS &&
            reaches(&taken, event, begins_us))
            return true;
    return false;
}

static void pass_over(struct passed_over *passed_over, const struct mtr_meter *meter)
{
    if (passed_over->count < MTR_NOT_COUNTED_MAX) passed_over->meters[passed_over->count] = meter;
    passed_over->count++;
}

/* Each meter of the event's type that can take it counts it, of use from begins_us on; one fault is a fault
 * of the event, and when all that would count it lack a property, the first of them says so. */
static struct mtr_verdict judge_meters(const struct mtr_meter *const *meters, uint32_t count,
                                       const struct mtr_event *event, int64_t begins_us,
                                       struct mtr_arena *arena)
{
    struct mtr_taken taken;
    struct passed_over passed_over;
    struct mtr_str lacking = {NULL, 0};
    const struct mtr_meter *retired = NULL;
    bool counts = false;
    passed_over.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        switch (mtr_meter_take(meters[i], event, &taken)) {
        case MTR_TAKE_COUNTS:
            if (reaches(&taken, event, begins_us)) counts = true;
            else pass_over(&passed_over, meters[i]);
            break;
        case MTR_TAKE_IS_FILTERED: break;
        case MTR_TAKE_RETIRED: retired = meters[i]; break;
        case MTR_TAKE_LACKS:
            if (!passed_over.count) lacking = taken.property;
            pass_over(&passed_over, meters[i]);
            break;
        case MTR_TAKE_FAULT: return fault_of(meters[i], &taken, event, arena);
        }
    }
    if (retired && !counts) return judge_retired(retired, arena);
    if (!passed_over.count) return no_objection;
    if (counts)
        return (struct mtr_verdict){.code = MTR_RESULT_ACCEPTED,
                                    .not_counted = list_keys(&passed_over, arena)};
    taken.fault = MTR_FAULT_MISSING;
    taken.property = lacking;
    return fault_of(passed_over.meters[0], &taken, event, arena);
}

static struct mtr_verdict late(struct mtr_period period)
{
    return (struct mtr_verdict){
        .code = MTR_RESULT_LATE, .finding = MTR_FINDING_EVENT_LATE, .corrected = period};
}

const char *judge_late_reason(const struct mtr_verdict *verdict, struct mtr_arena *arena)
{
    char start[MTR_TIME_TEXT_BYTES], end[MTR_TIME_TEXT_BYTES];
    mtr_time_format(verdict->corrected.start_us, start);
    mtr_time_format(verdict->corrected.end_us, end);
    return format_text(arena, "corrects a closed billing period",
                       "corrects the closed billing period %s to %s", start, end);
}

/* The billing period that holds a time, as long as the subscription lasts. */
static struct mtr_period period_at(const struct mtr_subscription *subscription, int64_t time_us)
{
    struct mtr_period period = mtr_period_at(&subscription->billing, time_us);
    period.start_us = mtr_time_later(period.start_us, subscription->start_us);
    period.end_us = mtr_time_sooner(period.end_us, subscription->end_us);
    return period;
}

/* A period is closed when its end plus the grace is past: when it ended before now - grace. */
static bool is_closed(int64_t end_us, int64_t border_us)
{
    return end_us < border_us;
}

/* The oldest that is not closed is the one that holds the border; with the subscription's end all are. */
static struct mtr_open_period find_open_period(const struct mtr_subscription *subscription, int64_t border_us)
{
    if (is_closed(subscription->end_us, border_us))
        return (struct mtr_open_period){.start_us = INT64_MAX, .until_us = INT64_MAX};
    const struct mtr_period period = period_at(subscription, border_us);
    return (struct mtr_open_period){.start_us = period.start_us, .until_us = period.end_us};
}

static struct mtr_verdict judge_lateness(struct mtr_judge *judge, const struct mtr_subscription *subscription,
                                         int64_t time_us, int64_t now_us)
{
    MTR_ASSERT(subscription->number && subscription->number <= judge->period_count);
    struct mtr_open_period of_phase = {.until_us = INT64_MIN};
    struct mtr_open_period *open =
        subscription->phases ? &of_phase : &judge->periods[subscription->number - 1];
    int64_t border_us = now_us - judge->options.grace_us;
    if (border_us >= open->until_us) *open = find_open_period(subscription, border_us);
    if (time_us >= open->start_us) return no_objection;
    if (time_us < open->before.start_us || time_us >= open->before.end_us)
        open->before = period_at(subscription, time_us);
    return is_closed(open->before.end_us, border_us) ? late(open->before) : no_objection;
}

/* The next of the same subject and service; NULL without one. */
static const struct mtr_subscription *next_of_subject(const struct mtr_subscription *subscription)
{
    for (uint32_t i = 0; i + 1 < subscription->same_subject_count; i++) {
        const struct mtr_subscription *next = subscription->same_subject[i + 1];
        if (subscription->same_subject[i]->number == subscription->number)
            return next->service == subscription->service ? next : NULL;
    }
    return NULL;
}

static struct mtr_verdict judge_term(const struct mtr_subscription *subscription, int64_t time_us,
                                     struct mtr_arena *arena)
{
    const bool is_early = time_us < subscription->start_us;
    if (!is_early && time_us < subscription->end_us) return no_objection;
    char border[MTR_TIME_TEXT_BYTES], again[MTR_TIME_TEXT_BYTES] = "";
    const struct mtr_subscription *next = is_early ? NULL : next_of_subject(subscription);
    mtr_time_format(is_early ? subscription->start_us : subscription->end_us, border);
    if (next) mtr_time_format(next->start_us, again);
    const char *verb = is_early ? "starts" : "ended";
    return objection(MTR_RESULT_NOT_ACTIVE, MTR_FINDING_EVENT_NOT_ACTIVE, "time",
                     format_text(arena, "outside the subscription's term", "the subscription %s at %s%s%s",
                                 verb, border, next ? ", and the next of this subject starts at " : "",
                                 again));
}

struct mtr_verdict judge_usage(struct mtr_judge *judge, const struct mtr_catalog *catalog,
                               const struct mtr_event *event, int64_t now_us, struct mtr_arena *arena)
{
    const struct mtr_subscription *subscription =
        mtr_catalog_find_subject(catalog, &(struct mtr_event_address){event->vendor, event->subject,
                                                                      event->type, event->time_us});
    if (!subscription) {
        if (!mtr_catalog_is_foreign_subject(catalog, event->vendor, event->subject))
            return (struct mtr_verdict){.code = MTR_RESULT_HELD};
        return objection(MTR_RESULT_NOT_AUTHORIZED, MTR_FINDING_EVENT_NOT_AUTHORIZED, "subject",
                         "the subscription belongs to another vendor");
    }
    const struct mtr_meter *const *meters;
    const uint32_t count = mtr_catalog_find_meters(catalog, subscription->service, event->type, &meters);
    const int64_t start_us = subscription->start_us;
    struct mtr_verdict verdict = judge_term(subscription, event->time_us, arena);
    if (verdict.code != MTR_RESULT_ACCEPTED &&
        (event->time_us >= start_us || !any_reaches(meters, count, event, start_us)))
        return verdict;
    if (!count) return (struct mtr_verdict){.code = MTR_RESULT_HELD};
    verdict = judge_meters(meters, count, event, start_us, arena);
    if (verdict.code != MTR_RESULT_ACCEPTED) return verdict;
    const struct mtr_list not_counted = verdict.not_counted;
    const int64_t used_us = mtr_time_later(event->time_us, start_us);
    verdict = judge_lateness(judge, subscription, used_us, now_us);
    verdict.not_counted = not_counted;
    return verdict;
}
