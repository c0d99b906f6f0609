/*
 * What would become of an event, by whose it is, what it is of and what it says.
 */
#include <string.h>

#include "collector/intake/judge.h"
#include "meterd/catalog/meter_take.h"

static bool is_last(const struct judge_last *last, const struct mtr_event *event)
{
    const struct mtr_subscription *subscription = last->subscription;
    const struct mtr_str subject = {last->subject, last->subject_size}, type = {last->type, last->type_size};
    return subject.size && mtr_str_equal(event->subject, subject) && mtr_str_equal(event->type, type) &&
           (!subscription ||
            (event->time_us >= subscription->start_us && event->time_us < subscription->end_us));
}

static void find(const struct mtr_catalog *catalog, const struct mtr_event *event, struct judge_last *last)
{
    const struct mtr_event_address address = {event->vendor, event->subject, event->type, event->time_us};
    const bool fits = event->subject.size <= sizeof(last->subject) && event->type.size <= sizeof(last->type);
    last->subscription = mtr_catalog_find_subject(catalog, &address);
    last->is_foreign = !last->subscription &&
                       mtr_catalog_is_foreign_subject(catalog, event->vendor, event->subject);
    last->meter_count = last->subscription ? mtr_catalog_find_meters(catalog, last->subscription->service,
                                                                     event->type, &last->meters)
                                           : 0;
    last->subject_size = fits ? (uint32_t)event->subject.size : 0;
    last->type_size = fits ? (uint32_t)event->type.size : 0;
    if (!last->subject_size) return;
    memcpy(last->subject, event->subject.data, last->subject_size);
    memcpy(last->type, event->type.data, last->type_size);
}

/* As judge_meters: one fault is a fault of the event, and so is it when all that would count it lack a
 * property. A meter that is retired is meant. */
static enum judge_outlook of_meters(const struct judge_last *last, const struct mtr_event *event)
{
    struct mtr_taken taken;
    bool lacks = false, counts = false;
    for (uint32_t i = 0; i < last->meter_count; i++) {
        const enum mtr_take take = mtr_meter_take(last->meters[i], event, &taken);
        if (take == MTR_TAKE_FAULT) return JUDGE_WOULD_REFUSE;
        lacks = lacks || take == MTR_TAKE_LACKS;
        counts = counts || take == MTR_TAKE_COUNTS || take == MTR_TAKE_RETIRED;
    }
    return counts ? JUDGE_WOULD_COUNT : lacks ? JUDGE_WOULD_REFUSE : JUDGE_WOULD_PASS;
}

enum judge_outlook judge_outlook_of(const struct mtr_catalog *catalog, const struct mtr_event *event,
                                    struct judge_last *last)
{
    if (!is_last(last, event)) find(catalog, event, last);
    if (!last->subscription) return last->is_foreign ? JUDGE_WOULD_REFUSE : JUDGE_WOULD_HOLD;
    if (!last->meter_count) return JUDGE_WOULD_HOLD;
    return of_meters(last, event);
}
