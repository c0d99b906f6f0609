/*
 * Rows of lists to items of the ledger; see list_items.h.
 */
#include "collector/source/items/list_items.h"

bool list_items_is(const struct mtr_event *event)
{
    return event->disposition == MTR_DISPOSITION_NOTE &&
           mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_ITEM));
}

int list_items_fold(struct mtr_ledger_txn *txn, const struct receipt *receipt, const struct mtr_event *event,
                    const struct row_change *change)
{
    char values[MTR_LEDGER_VALUES_BYTES_MAX];
    if (event->disposition == MTR_DISPOSITION_VOID)
        return mtr_ledger_item_gone(txn, &receipt->strand, &change->row.key, event->target_seq,
                                    receipt->began_us);
    if (!list_items_is(event) || event->subject.size > MTR_LEDGER_EACH_BYTES_MAX) return MTR_OK;
    const struct mtr_ledger_item item = {.start_us = receipt->start_us,
                                         .seq = change->at_seq,
                                         .subject = event->subject,
                                         .values = mtr_ledger_pack_values(event, values)};
    int rc = mtr_ledger_keep_former(txn, &receipt->strand, &change->row.key, &item, receipt->began_us);
    return rc ? rc : mtr_ledger_put_item(txn, &receipt->strand, &change->row.key, &item);
}
