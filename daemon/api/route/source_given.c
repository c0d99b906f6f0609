/*
 * The rows of what is answered, for both who give.
 */
#include "daemon/api/route/source_given.h"

#include "daemon/api/route/source/source_bill.h"
#include "daemon/api/route/source_counts.h"
#include "daemon/api/route/source_row.h"

struct given_row {
    struct mtr_str source, each, problem;
    const char *alarm;
    bool has_each, open, dry_run, taken, acceptable, has_alarm, has_reading, has_replays, has_bill;
    int64_t start, end;
    uint64_t reading, replays;
    struct mtr_reading_counts counts;
    struct source_bill_row bill;
};

#define ROW(field) MTR_MEMBER(given_row, field)
static const struct mtr_json_member members[] = {
    {ROW(source), .type = MTR_MEMBER_TEXT, .doc = "its key"},
    {ROW(each), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(given_row, has_each),
     .doc = "which of for_each"},
    {ROW(start), .type = MTR_MEMBER_TIME, .doc = "of the window that it was read as"},
    {ROW(end), .type = MTR_MEMBER_TIME, .doc = "exclusive"},
    {ROW(open), .type = MTR_MEMBER_BOOL, .doc = "the window was not over when the rows came"},
    {ROW(dry_run), .type = MTR_MEMBER_BOOL, .doc = "true: nothing was stored, and the rest is what would be"},
    {ROW(taken), .type = MTR_MEMBER_BOOL, .doc = "its rows are what the window has from now on"},
    {ROW(alarm), .type = MTR_MEMBER_WORD, .choice = source_alarm_choice, .presence = MTR_MAY_LACK,
     MTR_PRESENT(given_row, has_alarm), .doc = "why it is not taken; the window has what it had"},
    {ROW(problem), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK, MTR_PRESENT(given_row, has_alarm),
     .doc = "the same in a sentence"},
    {ROW(acceptable), .type = MTR_MEMBER_BOOL, .doc = "it is not taken, and with `accept` it would be"},
    {ROW(reading), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK, MTR_PRESENT(given_row, has_reading),
     .doc = "its number in the ledger of windows"},
    {ROW(replays), .type = MTR_MEMBER_U64, .presence = MTR_MAY_LACK, MTR_PRESENT(given_row, has_replays),
     .doc = "of a replay: number of the reading whose pages were gone through"},
    SOURCE_COUNTS(given_row),
    {ROW(bill), .type = MTR_MEMBER_MAP, .shape = &source_bill_shape, .presence = MTR_MAY_LACK,
     MTR_PRESENT(given_row, has_bill), .doc = "of a dry run that would be taken: what it would bill"},
    {0},
};
#undef ROW
const struct mtr_shape source_given_shape = {.name = "SourceGiven", .members = members};

static void answer(struct api_call *call, const struct mtr_given_file *file)
{
    const bool is_taken = file->result == MTR_GIVEN_TAKEN;
    const bool has_receipt = is_taken || !file->is_replay; /* a replay that is not taken leaves none */
    struct given_row row = {.source = file->source,
                            .each = file->each,
                            .has_each = file->each.size > 0,
                            .start = file->window.from_us,
                            .end = file->window.to_us,
                            .open = file->is_draft,
                            .dry_run = file->is_trial,
                            .taken = is_taken,
                            .acceptable = file->is_acceptable,
                            .has_alarm = file->alarm != MTR_ALARM_NONE,
                            .alarm = mtr_alarm_name(file->alarm),
                            .problem = mtr_str_from(file->text),
                            .has_reading = file->reading > 0 && has_receipt,
                            .reading = file->reading,
                            .has_replays = file->is_replay,
                            .replays = file->replays,
                            .has_bill = file->dry_rows != NULL,
                            .counts = file->counts};
    const int rc = file->dry_rows ? source_bill(call, file->dry_rows, &row.bill) : MTR_OK;
    if (rc)
        api_error(call, rc, "what it would bill cannot be told");
    else
        api_answer(call, &row);
}

bool source_give(struct api_call *call, struct mtr_given_file *file)
{
    if (!call->host->give_file || !call->host->give_file(call->host->context, file))
        api_problem(call, 503, MTR_FINDING_REQUEST_BUSY,
                    "another file is being read or replayed, or meterd is stopping: try again in a moment");
    else if (file->result == MTR_GIVEN_TAKEN || file->result == MTR_GIVEN_NOT_TAKEN)
        answer(call, file);
    else if (file->result == MTR_GIVEN_FAILED && file->alarm == MTR_ALARM_NONE)
        api_problem(call, 503, MTR_FINDING_REQUEST_BUSY, "%s", file->text);
    else
        return false;
    return true;
}
