/*
 * See interrupt.h.
 */
#include "daemon/cli/source/interrupt.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_bool is_interrupted;
_Static_assert(ATOMIC_BOOL_LOCK_FREE == 2, "a signal's handler sets it");

static void on_signal(int number)
{
    (void)number;
    atomic_store(&is_interrupted, true);
}

const atomic_bool *interrupt_watch(void)
{
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    return &is_interrupted;
}

void interrupt_forget(void)
{
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
}
