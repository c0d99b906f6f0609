/*
 * Rows of what another request of the same source asks for. A vendor that does not heed whom it is asked for
 * gives all rows to each request, and each row has as many windows that want it.
 *
 * It is the window's that has it already. Requests go on beside one another, so where none has, it is that
 * request's whose subject comes first: of all that have the same rows one takes them.
 */
#include "collector/source/reading/reading_state.h"

#include "meterd/catalog/catalog.h"

static bool is_noted(const struct reading *reading, struct mtr_str subject)
{
    for (uint32_t i = reading->other_count; i-- > 0;)
        if (mtr_str_equal(reading->others[i].subject, subject)) return true;
    return false;
}

/* Whoever the rows of a list name is not known here. */
static bool is_asked(const struct reading *reading, const struct mtr_event *row)
{
    const struct mtr_source_each *each = &reading->ask.source->each;
    const struct mtr_subscription *of = reading->judged.subscription;
    if (each->kind == MTR_EACH_SUBSCRIPTION)
        return reading->ask.catalog && of && mtr_str_equal(of->service->key, each->service) &&
               row->time_us >= of->start_us && row->time_us < of->end_us;
    for (uint32_t i = 0; each->kind == MTR_EACH_VALUE && i < each->value_count; i++)
        if (mtr_str_equal(each->values[i], row->subject)) return true;
    return false;
}

/* The first few are enough: whoever gives others gives those of all. */
int reading_note_other(struct reading *reading, const struct mtr_event *row)
{
    const struct mtr_str asked = reading->ask.strand.each;
    if (!asked.size || reading->is_list || row->disposition == MTR_DISPOSITION_REFUSED) return MTR_OK;
    if (mtr_str_equal(row->subject, asked) || row->subject.size > MTR_LEDGER_EACH_BYTES_MAX) return MTR_OK;
    if (reading->other_count == READING_OTHERS_MAX || is_noted(reading, row->subject)) return MTR_OK;
    struct reading_other *other = &reading->others[reading->other_count];
    int rc = mtr_arena_copy(&reading->arena, row->subject, &other->subject);
    if (rc) return rc;
    other->is_asked = is_asked(reading, row);
    reading->other_count++;
    return MTR_OK;
}

/* Its own request has read the window, and has rows. */
static int has_window(const struct reading *reading, struct mtr_ledger_txn *txn, struct mtr_str subject,
                      bool *out)
{
    struct mtr_strand strand = reading->ask.strand;
    struct mtr_ledger_window window;
    strand.each = subject;
    int rc = mtr_ledger_get_window(txn, &strand, reading->ask.window.from_us, &window);
    *out = !rc && window.readings && (window.rows || window.said_rows);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int reading_find_other(const struct reading *reading, struct mtr_ledger_txn *txn, struct mtr_str *out)
{
    *out = (struct mtr_str){NULL, 0};
    for (uint32_t i = 0; !out->size && i < reading->other_count; i++) {
        const struct reading_other *other = &reading->others[i];
        bool is_others = other->is_asked && mtr_str_compare(other->subject, reading->ask.strand.each) < 0;
        int rc = is_others ? MTR_OK : has_window(reading, txn, other->subject, &is_others);
        if (rc) return rc;
        if (is_others) *out = other->subject;
    }
    return MTR_OK;
}
