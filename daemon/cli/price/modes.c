/*
 * See modes.h. An option that would be left aside in silence is refused: somebody meant it.
 */
#include "daemon/cli/price/modes.h"

#include <stdio.h>

enum { ONE = 1, SERIES = 2, CURVE = 4, WHAT_IF = 8 };

/* By the option that asks for it; the last is one quantity, or what is due without any. */
static const struct mode {
    unsigned bit;
    const char *option, *what;
} modes[] = {
    {WHAT_IF, "what-if", "--what-if prices the stored usage"},
    {CURVE, "curve", "--curve plots every quantity"},
    {SERIES, "series", "--series prices the rows of a file"},
    {ONE, NULL, "one quantity is priced"},
};

/* Options that mean something in some of them; those that are left out here do in all. */
static const struct {
    const char *option;
    unsigned modes;
} rows[] = {
    {"quantity", ONE | SERIES | CURVE},
    {"component", ONE | CURVE}, /* and beside --series of a --quantity */
    {"dim", ONE | CURVE},       /* the same */
    {"currency", ONE | SERIES | CURVE},
    {"cost", ONE | SERIES},
    {"series", SERIES},
    {"start", ONE | SERIES},
    {"end", ONE | SERIES},
    {"billing", ONE | SERIES},
    {"trial", ONE | SERIES},
    {"zone", ONE | SERIES},
    {"curve", CURVE},
    {"csv", CURVE | WHAT_IF},
    {"rates", ONE | SERIES},
    {"rate", ONE | SERIES},
    {"credit", ONE | SERIES},
    {"trace", ONE | SERIES},
    {"from", WHAT_IF},
    {"to", WHAT_IF},
    {"vendor", WHAT_IF},
    {"json", ONE | SERIES | WHAT_IF},
};

bool price_check_options(const struct cli_invocation *invocation)
{
    const struct mode *mode = modes;
    while (mode->option && !invocation_flag(invocation, mode->option)) mode++;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned goes_with = rows[i].modes;
        if (goes_with == (ONE | CURVE) && invocation_flag(invocation, "quantity")) goes_with |= SERIES;
        if ((goes_with & mode->bit) || !invocation_flag(invocation, rows[i].option)) continue;
        fprintf(stderr, "meterd price: %s: leave out --%s", mode->what, rows[i].option);
        if (goes_with == WHAT_IF) fprintf(stderr, ", or write --what-if");
        fputc('\n', stderr);
        return false;
    }
    return true;
}
