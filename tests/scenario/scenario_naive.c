/*
 * Usage recomputed from the log alone: every event, against the final catalog, in arrays. Written from the
 * contracts (event.h, catalog.h, rollups.h), not from the aggregator.
 */
#include "scenario/scenario.h"

enum { NAIVE_EVENTS_MAX = 8192, NAIVE_OPENINGS_MAX = SUBSCRIPTIONS_MAX * METERS_MAX };

/* ---- the log ---- */

static struct mtr_str copy_text(struct scenario *scenario, struct mtr_str text)
{
    struct mtr_str copy = {NULL, 0};
    if (text.size) CHECK_OK(scenario, mtr_arena_copy(&scenario->arena, text, &copy));
    return copy;
}

static struct mtr_event copy_event(struct scenario *scenario, const struct mtr_event *event)
{
    struct mtr_event copy = *event;
    struct mtr_property *properties = scenario_alloc(scenario, event->property_count, sizeof(*properties));
    copy.vendor = copy_text(scenario, event->vendor);
    copy.source = copy_text(scenario, event->source);
    copy.id = copy_text(scenario, event->id);
    copy.type = copy_text(scenario, event->type);
    copy.subject = copy_text(scenario, event->subject);
    for (uint32_t i = 0; i < event->property_count; i++) {
        properties[i] = event->properties[i];
        properties[i].name = copy_text(scenario, properties[i].name);
        if (properties[i].kind == MTR_PROPERTY_STRING)
            properties[i].text = copy_text(scenario, properties[i].text);
    }
    copy.properties = properties;
    return copy;
}

static void read_log(struct scenario *scenario, struct naive *naive)
{
    struct mtr_block_header header;
    struct mtr_diagnostic diagnostic = {0};
    const struct mtr_event *events;
    naive->events = scenario_alloc(scenario, NAIVE_EVENTS_MAX, sizeof(*naive->events));
    naive->received_us = scenario_alloc(scenario, NAIVE_EVENTS_MAX, sizeof(*naive->received_us));
    naive->void_seqs = scenario_alloc(scenario, NAIVE_EVENTS_MAX, sizeof(*naive->void_seqs));
    for (;;) {
        int rc = mtr_log_read(scenario->stores.reader, naive->event_count + 1, &header, &events, &diagnostic);
        if (rc == MTR_ENOTFOUND) break;
        CHECK(scenario, !rc, "%s", diagnostic.text);
        CHECK(scenario, header.first_seq == naive->event_count + 1, "a hole in the log");
        CHECK(scenario, naive->event_count + header.count <= NAIVE_EVENTS_MAX, "too many events");
        for (uint32_t i = 0; i < header.count; i++) {
            naive->received_us[naive->event_count] = header.received_us;
            naive->events[naive->event_count++] = copy_event(scenario, &events[i]);
        }
    }
    CHECK(scenario, naive->event_count == mtr_log_last_seq(scenario->stores.log), "the log's end");
}

/* ---- what an event gives to a meter ---- */

static const struct mtr_property *property_of(const struct mtr_event *event, struct mtr_str name)
{
    for (uint32_t i = 0; i < event->property_count; i++)
        if (mtr_str_equal(event->properties[i].name, name)) return &event->properties[i];
    return NULL;
}

struct mtr_str scenario_property_text(struct scenario *scenario, const struct mtr_property *property)
{
    char text[MTR_DECIMAL_TEXT_BYTES];
    if (!property) return (struct mtr_str){NULL, 0};
    if (property->kind == MTR_PROPERTY_STRING) return property->text;
    if (property->kind == MTR_PROPERTY_TRUE) return MTR_STR("true");
    if (property->kind == MTR_PROPERTY_FALSE) return MTR_STR("false");
    mtr_decimal_format(property->number, text);
    return mtr_str_from(scenario_format(scenario, "%s", text));
}

static bool is_listed(struct scenario *scenario, const struct mtr_property *property,
                      const struct mtr_str *values, uint32_t count)
{
    bool found = false;
    for (uint32_t i = 0; i < count; i++)
        found |= mtr_str_equal(scenario_property_text(scenario, property), values[i]);
    return found;
}

/* Numbers here have few digits: a quantity holds them. */
static bool is_inside(const struct mtr_property *property, const struct mtr_filter *filter)
{
    struct mtr_quantity number = {0}, border = {0};
    if (!filter->above.given && !filter->below.given) return true;
    int rc = MTR_EINVALID;
    if (property->kind == MTR_PROPERTY_NUMBER) rc = mtr_quantity_from_decimal(property->number, &number);
    if (property->kind == MTR_PROPERTY_STRING) rc = mtr_quantity_parse(property->text, &number);
    bool inside = !rc;
    if (filter->above.given && !mtr_quantity_from_decimal(filter->above.at, &border))
        inside &= filter->above.inclusive ? number.e12 >= border.e12 : number.e12 > border.e12;
    if (filter->below.given && !mtr_quantity_from_decimal(filter->below.at, &border))
        inside &= filter->below.inclusive ? number.e12 <= border.e12 : number.e12 < border.e12;
    return inside;
}

static bool passes_filters(struct scenario *scenario, const struct mtr_meter *meter,
                           const struct mtr_event *event)
{
    bool passes = true;
    for (uint32_t i = 0; i < meter->filter_count; i++) {
        const struct mtr_filter *filter = &meter->filters[i];
        const struct mtr_property *property = property_of(event, filter->property);
        const bool asks = filter->value_count || filter->above.given || filter->below.given;
        if (!property) passes &= !asks;
        if (!property) continue;
        passes &= !filter->value_count || is_listed(scenario, property, filter->values, filter->value_count);
        passes &= !is_listed(scenario, property, filter->excluded, filter->excluded_count);
        passes &= is_inside(property, filter);
    }
    return passes;
}

static struct mtr_str cell_dimensions(struct scenario *scenario, const struct mtr_meter *meter,
                                      const struct mtr_event *event)
{
    char text[MTR_DIMENSIONS_BYTES_MAX];
    size_t size = 0;
    for (uint32_t i = 0; i < meter->group_by_count; i++) {
        struct mtr_str value = scenario_property_text(scenario, property_of(event, meter->group_by[i]));
        if (value.size) memcpy(text + size, value.data, value.size);
        size += value.size;
        text[size++] = 0x1F;
    }
    return copy_text(scenario, (struct mtr_str){text, size});
}

/* False: the meter cannot count the event. */
static bool read_value(struct scenario *scenario, const struct mtr_meter *meter,
                       const struct mtr_event *event, struct naive_use *use)
{
    const mtr_int128 most = (mtr_int128)10000000000000000 * 1000000000000;
    const struct mtr_property *property = property_of(event, meter->value);
    if (meter->aggregation == MTR_COUNT) return true;
    if (!property) return false;
    if (meter->aggregation == MTR_UNIQUE) {
        use->text = scenario_property_text(scenario, property);
        return true;
    }
    int rc = MTR_EINVALID;
    if (property->kind == MTR_PROPERTY_NUMBER)
        rc = mtr_quantity_from_decimal(property->number, &use->quantity);
    if (property->kind == MTR_PROPERTY_STRING) rc = mtr_quantity_parse(property->text, &use->quantity);
    if (rc || use->quantity.e12 > most || use->quantity.e12 < -most) return false;
    if (meter->has_factor) { /* one of eight: exact where the value has few digits */
        const mtr_int128 eighths = use->quantity.e12 * (meter->factor.e12 / (MTR_QUANTITY(1).e12 / 8));
        if (eighths % 8) return false;
        use->quantity.e12 = eighths / 8;
    }
    return (!meter->has_min || use->quantity.e12 >= meter->min.e12) &&
           (!meter->has_max || use->quantity.e12 <= meter->max.e12);
}

static void keep_use(struct scenario *scenario, struct naive *naive, const struct naive_use *use)
{
    CHECK(scenario, naive->use_count < NAIVE_USES_MAX, "too many uses");
    naive->uses[naive->use_count++] = *use;
}

/* numerator ÷ denominator, to the nearest, ties to even. */
mtr_int128 scenario_divide(mtr_int128 numerator, mtr_int128 denominator)
{
    mtr_int128 quotient = numerator / denominator, rest = numerator % denominator;
    if (rest < 0) rest += denominator, quotient--;
    if (rest * 2 > denominator || (rest * 2 == denominator && quotient % 2)) quotient++;
    return quotient;
}

static void cut(struct mtr_period *cell, int64_t time_us, int64_t cut_us)
{
    if (cut_us <= time_us && cut_us > cell->start_us) cell->start_us = cut_us;
    if (cut_us > time_us && cut_us < cell->end_us) cell->end_us = cut_us;
}

static void cut_by_tariff(const struct mtr_subscription *subscription,
                          const struct mtr_tariff_document *tariff, struct mtr_period *cell, int64_t time_us)
{
    for (uint32_t i = 0; tariff && i < tariff->version_count; i++) {
        const int64_t start_us = mtr_tariff_version_start(&tariff->versions[i], subscription->zone);
        if (start_us >= subscription->start_us && start_us <= subscription->end_us)
            cut(cell, time_us, start_us);
    }
}

static void cut_by_phase(const struct mtr_subscription *phase, struct mtr_period *cell, int64_t time_us)
{
    const int64_t bounds_us[] = {phase->start_us, phase->trial_end_us, phase->free_until_us,
                                 phase->charged_until_us, phase->end_us};
    for (size_t i = 0; i < sizeof(bounds_us) / sizeof(*bounds_us); i++)
        if (phase->start_us <= bounds_us[i] && bounds_us[i] <= phase->end_us) cut(cell, time_us, bounds_us[i]);
    cut_by_tariff(phase, phase->tariff, cell, time_us);
    cut_by_tariff(phase, phase->trial_tariff, cell, time_us);
    cut_by_tariff(phase, phase->cost_tariff, cell, time_us);
}

/* An hour of the zone, or a part or a window of it, as far as nothing begins or ends inside. */
static struct mtr_period cell_at(const struct mtr_subscription *subscription, const struct mtr_meter *meter,
                                 int64_t time_us)
{
    const struct mtr_hour hour = mtr_zone_hour(subscription->zone, time_us);
    struct mtr_period cell = {hour.start_us, hour.end_us};
    const int64_t length_us = meter->window_us ? meter->window_us : meter->cell_us;
    cell.start_us = time_us - (time_us - hour.start_us) % length_us;
    if (cell.start_us + length_us < cell.end_us) cell.end_us = cell.start_us + length_us;
    for (uint32_t i = 0; i < mtr_subscription_phase_count(subscription); i++)
        cut_by_phase(mtr_subscription_phase(subscription, i), &cell, time_us);
    return cell;
}

/* One use in each cell that the length touches. */
static bool spread_use(struct scenario *scenario, struct naive *naive, struct naive_use use)
{
    const struct mtr_property *property = property_of(use.event, use.meter->spread_over);
    const mtr_int128 quantity = use.quantity.e12, us = 1000000; /* in 10^-12 s */
    struct mtr_quantity length;
    mtr_int128 before = 0;
    int rc = MTR_EINVALID;
    if (property && property->kind == MTR_PROPERTY_NUMBER)
        rc = mtr_quantity_from_decimal(property->number, &length);
    if (property && property->kind == MTR_PROPERTY_STRING) rc = mtr_quantity_parse(property->text, &length);
    if (rc || length.e12 < 0) return false;
    scenario_seen[SEEN_SPREAD_USE]++;
    for (int64_t at_us = use.event->time_us;;) {
        const struct mtr_period cell = cell_at(use.subscription, use.meter, at_us);
        const mtr_int128 elapsed = (cell.end_us - use.event->time_us) * us;
        const bool ends = elapsed >= length.e12;
        const mtr_int128 after =
            ends ? quantity : scenario_divide(quantity * (elapsed / us), length.e12 / us);
        use.start_us = cell.start_us;
        use.quantity.e12 = after - before;
        keep_use(scenario, naive, &use);
        if (ends) return true;
        before = after;
        at_us = cell.end_us;
    }
}

static bool lacks_property(const struct mtr_meter *meter, const struct mtr_event *event)
{
    return (meter->aggregation != MTR_COUNT && !property_of(event, meter->value)) ||
           (meter->spread_over.size && !property_of(event, meter->spread_over));
}

/* What the meters of a type do with an event. */
struct naive_reception {
    bool taken, passed_over;
};

static void use_event(struct scenario *scenario, struct naive *naive, uint64_t seq,
                      const struct mtr_subscription *subscription, const struct mtr_meter *meter,
                      struct naive_reception *reception)
{
    const struct mtr_event *event = &naive->events[seq - 1];
    struct naive_use use = {.subscription = subscription,
                            .meter = meter,
                            .event = event,
                            .seq = seq,
                            .void_seq = naive->void_seqs[seq - 1]};
    if (!passes_filters(scenario, meter, event)) return;
    if (lacks_property(meter, event) && !meter->missing_is_invalid) {
        reception->passed_over = true;
        return;
    }
    if (meter->retired.text.size && event->time_us >= meter->retired.time_us) {
        reception->passed_over = true;
        scenario_seen[SEEN_RETIRED]++;
        return;
    }
    reception->taken = true;
    use.dimensions = cell_dimensions(scenario, meter, event);
    const uint32_t use_count = naive->use_count;
    bool counts = read_value(scenario, meter, event, &use);
    if (counts && meter->spread_over.size) {
        counts = spread_use(scenario, naive, use);
    } else if (counts) {
        use.start_us = cell_at(subscription, meter, event->time_us).start_us;
        keep_use(scenario, naive, &use);
    }
    if (counts && meter->group_by_count && !scenario_naive_admits(scenario, naive, &use)) {
        naive->use_count = use_count;
        naive->beyond_count++;
        scenario_seen[SEEN_BEYOND]++;
    }
    naive->quarantined_count += !counts;
    scenario_seen[SEEN_METER_REFUSES] += !counts;
}

/* Of two of one subject: the last that has begun, or the first of all before that. */
static bool serves_rather(const struct mtr_subscription *a, const struct mtr_subscription *b, int64_t time_us)
{
    const bool a_has_begun = a->start_us <= time_us, b_has_begun = b->start_us <= time_us;
    if (a_has_begun && b_has_begun) return a->start_us > b->start_us;
    return a_has_begun || (!b_has_begun && a->start_us < b->start_us);
}

static void resolve_event(struct scenario *scenario, struct naive *naive, uint64_t seq)
{
    const struct mtr_event *event = &naive->events[seq - 1];
    const struct mtr_catalog *catalog = scenario->stores.catalog;
    const struct mtr_subscription *subscription = NULL;
    struct naive_reception reception = {false, false};
    uint32_t meters = 0;
    for (uint32_t i = 1; i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *candidate = mtr_catalog_subscription(catalog, i);
        bool same = mtr_str_equal(candidate->subject, event->subject) &&
                    mtr_str_equal(candidate->service->vendor->key, event->vendor);
        if (!same) continue;
        scenario_seen[SEEN_SUBJECT_AGAIN] += subscription != NULL;
        if (!subscription || serves_rather(candidate, subscription, event->time_us)) subscription = candidate;
    }
    for (uint32_t i = 1; subscription && i <= mtr_catalog_count(catalog, MTR_KIND_METER); i++) {
        const struct mtr_meter *meter = mtr_catalog_meter(catalog, i);
        if (!meter || meter->service != subscription->service ||
            !mtr_str_equal(meter->event_type, event->type))
            continue;
        meters++;
        use_event(scenario, naive, seq, subscription, meter, &reception);
    }
    const bool waits = reception.passed_over && !reception.taken;
    scenario_seen[SEEN_PASSED_OVER] += reception.passed_over && reception.taken;
    scenario_seen[SEEN_LACKED_BY_ALL] += waits;
    if (meters && !waits) return;
    naive->held_count++;
    scenario_seen[SEEN_HELD_STILL]++;
    scenario_seen[SEEN_HELD_VOIDED] += naive->void_seqs[seq - 1] != 0;
}

static int compare_uses(const void *a, const void *b)
{
    const struct naive_use *x = a, *y = b;
    if (x->subscription->number != y->subscription->number)
        return x->subscription->number < y->subscription->number ? -1 : 1;
    if (x->meter->number != y->meter->number) return x->meter->number < y->meter->number ? -1 : 1;
    if (x->start_us != y->start_us) return x->start_us < y->start_us ? -1 : 1;
    int order = mtr_str_compare(x->dimensions, y->dimensions);
    return order ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

static bool is_before(const struct naive_use *a, const struct naive_use *b)
{
    return a->event->time_us != b->event->time_us ? a->event->time_us < b->event->time_us : a->seq < b->seq;
}

/* What the subscription began with of that meter and these dimensions; NULL: nothing. */
static const struct naive_use *opening_of(const struct naive *naive, const struct naive_use *use)
{
    for (uint32_t i = 0; i < naive->opening_count; i++) {
        const struct naive_use *opening = &naive->openings[i];
        if (opening->subscription == use->subscription && opening->meter == use->meter &&
            mtr_str_equal(opening->dimensions, use->dimensions))
            return opening;
    }
    return NULL;
}

/* As if it had been sent at the very start, before everything else. */
static void add_opening(struct scenario *scenario, struct naive *naive,
                        const struct mtr_subscription *subscription, const struct mtr_opening *opening)
{
    const struct mtr_meter *meter = opening->meter;
    struct mtr_property *properties = scenario_alloc(scenario, meter->group_by_count, sizeof(*properties));
    struct mtr_event *event = scenario_alloc(scenario, 1, sizeof(*event));
    const char *at = opening->dimensions.data;
    for (uint32_t i = 0; i < meter->group_by_count; i++) {
        const char *end = strchr(at, 0x1F);
        properties[i] = (struct mtr_property){.name = meter->group_by[i],
                                              .kind = MTR_PROPERTY_STRING,
                                              .text = copy_text(scenario, (struct mtr_str){at, (size_t)(end - at)})};
        at = end + 1;
    }
    *event = (struct mtr_event){.time_us = subscription->start_us,
                                .properties = properties,
                                .property_count = meter->group_by_count};
    CHECK(scenario, naive->opening_count < NAIVE_OPENINGS_MAX, "too many openings");
    naive->openings[naive->opening_count++] = (struct naive_use){.subscription = subscription,
                                                                 .meter = meter,
                                                                 .event = event,
                                                                 .start_us = subscription->start_us,
                                                                 .dimensions = opening->dimensions,
                                                                 .quantity = opening->value};
}

static void read_openings(struct scenario *scenario, struct naive *naive)
{
    const struct mtr_catalog *catalog = scenario->stores.catalog;
    for (uint32_t i = 1; i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(catalog, i);
        for (uint32_t k = 0; k < subscription->opening_count; k++)
            add_opening(scenario, naive, subscription, &subscription->openings[k]);
    }
}

/* What a counter grew by since the latest reading before this one, from a time on; which is left as it was
 * read. */
static mtr_int128 increase_of(const struct naive *naive, const struct naive_use *use, int64_t from_us,
                              const mtr_int128 *readings)
{
    const struct naive_use *previous = NULL;
    for (uint32_t i = 0; i < naive->use_count; i++) {
        const struct naive_use *other = &naive->uses[i];
        if (other->event->time_us >= from_us && other->subscription == use->subscription && other->meter == use->meter && !other->void_seq &&
            mtr_str_equal(other->dimensions, use->dimensions) && is_before(other, use) &&
            (!previous || is_before(previous, other)))
            previous = other;
    }
    const struct naive_use *opening = previous ? NULL : opening_of(naive, use);
    scenario_seen[SEEN_COUNTER_OPENED] += opening != NULL;
    if (!previous && !opening) return 0;
    const mtr_int128 reading = readings[use - naive->uses],
                     before = previous ? readings[previous - naive->uses] : opening->quantity.e12;
    scenario_seen[SEEN_COUNTER_RESET] += reading < before;
    scenario_seen[SEEN_COUNTER_GREW] += reading > before;
    return reading < before ? reading : reading - before;
}

static void measure_counters(struct scenario *scenario, struct naive *naive)
{
    mtr_int128 *readings = scenario_alloc(scenario, (size_t)naive->use_count + 1, sizeof(*readings));
    for (uint32_t i = 0; i < naive->use_count; i++) readings[i] = naive->uses[i].quantity.e12;
    naive->billed = scenario_alloc(scenario, (size_t)naive->use_count + 1, sizeof(*naive->billed));
    for (uint32_t i = 0; i < naive->use_count; i++) {
        struct naive_use *use = &naive->uses[i], *billed = &naive->billed[i];
        const int64_t begun_us = mtr_subscription_begun_us(use->subscription);
        *billed = *use;
        if (use->meter->aggregation != MTR_COUNTER_INCREASE || use->void_seq) continue;
        billed->quantity.e12 = use->event->time_us < begun_us ? 0 : increase_of(naive, use, begun_us, readings);
        use->quantity.e12 = increase_of(naive, use, INT64_MIN, readings);
        scenario_seen[SEEN_COUNTER_BEFORE_START] += billed->quantity.e12 != use->quantity.e12;
    }
}

void scenario_naive_read(struct scenario *scenario, struct naive *naive)
{
    *naive = (struct naive){
        .uses = scenario_alloc(scenario, NAIVE_USES_MAX, sizeof(*naive->uses)),
        .openings = scenario_alloc(scenario, NAIVE_OPENINGS_MAX, sizeof(*naive->openings))};
    read_openings(scenario, naive);
    read_log(scenario, naive);
    for (uint64_t seq = 1; seq <= naive->event_count; seq++) {
        const struct mtr_event *event = &naive->events[seq - 1];
        if (event->disposition == MTR_DISPOSITION_NORMAL) continue;
        scenario_seen[SEEN_VOID_TWICE] +=
            event->disposition == MTR_DISPOSITION_VOID && naive->void_seqs[event->target_seq - 1];
        if (event->disposition != MTR_DISPOSITION_VOID || naive->void_seqs[event->target_seq - 1])
            naive->quarantined_count++;
        else naive->void_seqs[event->target_seq - 1] = seq;
    }
    for (uint64_t seq = 1; seq <= naive->event_count; seq++)
        if (naive->events[seq - 1].disposition == MTR_DISPOSITION_NORMAL) resolve_event(scenario, naive, seq);
    if (naive->use_count) qsort(naive->uses, naive->use_count, sizeof(*naive->uses), compare_uses);
    measure_counters(scenario, naive);
}

/* ---- values ---- */

static uint32_t count_different(const struct naive_use *const *uses, uint32_t count)
{
    uint32_t different = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool is_new = !uses[i]->void_seq;
        for (uint32_t k = 0; k < i && is_new; k++)
            is_new = uses[k]->void_seq || !mtr_str_equal(uses[k]->text, uses[i]->text);
        different += is_new;
    }
    return different;
}

bool scenario_naive_value(struct scenario *scenario, const struct naive_use *const *uses, uint32_t count,
                          struct mtr_quantity *out)
{
    const struct naive_use *chosen = NULL;
    struct mtr_quantity sum = {0};
    uint32_t live = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct naive_use *use = uses[i];
        if (use->void_seq) continue;
        live++;
        CHECK_OK(scenario, mtr_quantity_add(sum, use->quantity, &sum));
        bool is_better = !chosen;
        if (chosen && use->meter->aggregation == MTR_MIN)
            is_better = use->quantity.e12 < chosen->quantity.e12;
        if (chosen && use->meter->aggregation == MTR_MAX)
            is_better = use->quantity.e12 > chosen->quantity.e12;
        if (chosen && (use->meter->aggregation == MTR_LAST || use->meter->aggregation == MTR_TIME_WEIGHTED))
            is_better = use->event->time_us > chosen->event->time_us ||
                        (use->event->time_us == chosen->event->time_us && use->seq > chosen->seq);
        if (is_better) chosen = use;
    }
    *out = (struct mtr_quantity){0};
    if (!live) return false;
    switch (chosen->meter->aggregation) {
    case MTR_SUM:
    case MTR_COUNTER_INCREASE:
    case MTR_PERCENTILE: *out = sum; break;
    case MTR_TIME_WEIGHTED: *out = chosen->meter->reports_changes ? sum : chosen->quantity; break;
    case MTR_COUNT: *out = MTR_QUANTITY(live); break;
    case MTR_UNIQUE: *out = MTR_QUANTITY(count_different(uses, count)); break;
    case MTR_MIN:
    case MTR_MAX:
    case MTR_LAST: *out = chosen->quantity; break;
    }
    return true;
}
