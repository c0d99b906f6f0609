/*
 * Findings as JSON. Apart from diagnostic.c, which everything may use: the writers of JSON do.
 */
#include "meterd/core/diagnostic.h"

#include "meterd/core/shape.h"

static const char *severity_choice(unsigned index)
{
    static const char *const severities[] = {"error", "warning", NULL};
    return severities[index];
}

const char *mtr_finding_code_choice(unsigned index)
{
    const unsigned code = index + MTR_FINDING_NONE + 1;
    return code < MTR_FINDING_CODE_COUNT ? mtr_finding_kind((enum mtr_finding_code)code)->code : NULL;
}

static void write_code(struct mtr_json_writer *json, const void *context)
{
    const struct mtr_diagnostic *finding = context;
    mtr_json_cstr(json, mtr_finding_kind(finding->code)->code);
}

static void write_severity(struct mtr_json_writer *json, const void *context)
{
    const struct mtr_diagnostic *finding = context;
    mtr_json_cstr(json, severity_choice(finding->severity));
}

static void write_field(struct mtr_json_writer *json, const void *context)
{
    const struct mtr_diagnostic *finding = context;
    mtr_json_cstr(json, finding->field);
}

static void write_text(struct mtr_json_writer *json, const void *context)
{
    const struct mtr_diagnostic *finding = context;
    mtr_json_cstr(json, finding->text);
}

static const struct mtr_json_member finding_members[] = {
    {.name = "code",
     .type = MTR_MEMBER_WORD,
     .choice = mtr_finding_code_choice,
     .write = write_code,
     .doc = "what kind of finding it is: it stays when the sentence is worded anew"},
    {.name = "severity",
     .type = MTR_MEMBER_WORD,
     .choice = severity_choice,
     .write = write_severity,
     .doc = "an error stops the work, a warning does not"},
    {MTR_MEMBER(mtr_diagnostic, line), .type = MTR_MEMBER_U32, .doc = "from 1; 0 where there are no lines"},
    {MTR_MEMBER(mtr_diagnostic, column), .type = MTR_MEMBER_U32, .doc = "from 1, in bytes"},
    {.name = "field", .type = MTR_MEMBER_TEXT, .write = write_field, .doc = "path of the field at fault"},
    {.name = "text", .type = MTR_MEMBER_TEXT, .write = write_text, .doc = "one sentence"},
    {0},
};
const struct mtr_shape mtr_finding_shape = {.name = "Finding", .members = finding_members};

void mtr_json_findings(struct mtr_json_writer *json, const struct mtr_diagnostics *findings)
{
    mtr_json_list(json);
    for (size_t i = 0; i < findings->count; i++)
        mtr_shape_write(&mtr_finding_shape, &findings->items[i], json);
    mtr_json_list_end(json);
}
