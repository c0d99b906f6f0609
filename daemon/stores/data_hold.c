/*
 * See data_hold.h.
 */
#include "daemon/stores/data_hold.h"

#include <time.h>

#include "meterd/store/hold.h"

enum { LOOKS = 40, LOOK_NS = 50000000 }; /* two seconds */

int data_hold_begin(const char *data, int *hold, struct mtr_diagnostic *diagnostic)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};
    int rc = mtr_hold_begin(data, MTR_HOLD_STORE, hold);
    for (int looks = 0; rc == MTR_EAGAIN && looks < LOOKS; looks++) {
        nanosleep(&pause, NULL);
        rc = mtr_hold_begin(data, MTR_HOLD_STORE, hold);
    }
    if (rc == MTR_EAGAIN) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_IN_USE, 0, 0, NULL,
                           "the data in %.180s are in use by another writer: stop it first", data);
        return MTR_EEXISTS;
    }
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                           "cannot open the directory %.180s: %s", data, mtr_error_text(rc));
    return rc;
}
