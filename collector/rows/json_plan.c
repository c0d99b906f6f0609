/*
 * Making the trees; see json_plan.h.
 */
#include "collector/rows/json_plan.h"

enum { PLAN_BYTES_MAX = 4 << 20 };

struct making {
    struct json_plan *plan;
    const struct json_dialect *dialect;
    const struct record_out *out;
    struct mtr_row_path rows; /* the first of them */
    const char **fault;
};

static int fail(const struct making *making, const char *fault)
{
    *making->fault = fault;
    return MTR_EINVALID;
}

/* ---- where records stand ---- */

static int add_rows(struct making *making, struct mtr_str text, struct mtr_row_path *path)
{
    struct json_plan *plan = making->plan;
    int rc = mtr_row_path_parse(text, &plan->arena, path);
    if (rc) return rc;
    if (!path->step_count || path->climbs)
        return fail(making, "`rows` is no path: data[].items[], or [] of a bare list");
    struct json_node *node = json_node_at(&plan->document, path->steps, path->step_count, &plan->arena);
    if (!node) return MTR_ENOMEM;
    node->is_record = true;
    return MTR_OK;
}

static int add_all_rows(struct making *making)
{
    const struct json_dialect *dialect = making->dialect;
    struct mtr_row_path more;
    const struct mtr_str first = dialect->rows[0].size ? dialect->rows[0] : making->out->format.rows;
    int rc = add_rows(making, first, &making->rows);
    for (uint32_t i = 1; !rc && i < JSON_ROWS_MAX && dialect->rows[i].size; i++)
        rc = add_rows(making, dialect->rows[i], &more);
    if (rc) return rc;
    making->plan->rows = first;
    making->plan->needs_each = making->rows.steps[making->rows.step_count - 1].kind == MTR_ROW_STEP_EACH;
    return MTR_OK;
}

/* ---- columns ---- */

/* The steps up to the map that is so many maps around the record; false: there is none. */
static bool climb(const struct mtr_row_path *rows, uint32_t climbs, uint32_t *steps)
{
    uint32_t i = rows->step_count;
    while (climbs && i)
        if (rows->steps[--i].kind == MTR_ROW_STEP_NAME) climbs--;
    *steps = i;
    return climbs == 0;
}

/* A column with ^. */
static int add_value(struct making *making, uint32_t column, const struct mtr_row_path *path)
{
    struct json_plan *plan = making->plan;
    uint32_t steps;
    if (!climb(&making->rows, path->climbs, &steps))
        return fail(making, "a column climbs out of the document: it has more ^ than there are maps around a "
                            "record");
    struct json_node *anchor = json_node_at(&plan->document, making->rows.steps, steps, &plan->arena);
    if (!anchor) return MTR_ENOMEM;
    anchor->is_anchor = true;
    plan->values[plan->value_count] = column;
    plan->anchors[plan->value_count] = anchor;
    return json_node_add(anchor, path, JSON_VALUE + plan->value_count++, &plan->arena);
}

static int add_column(struct making *making, uint32_t column)
{
    struct json_plan *plan = making->plan;
    const struct mtr_str name = making->out->columns[column];
    struct mtr_row_path path;
    const bool is_own = !making->dialect->column_path;
    if (making->dialect->check && mtr_str_equal(name, making->dialect->checked)) plan->checked = column;
    int rc = is_own ? mtr_row_path_parse(name, &plan->arena, &path)
                    : making->dialect->column_path(name, &plan->arena, &path);
    if (rc) return rc;
    if (path.has_each) return fail(making, "a column has one value: [] is of `rows` alone");
    if (path.climbs) return add_value(making, column, &path);
    return is_own ? json_node_add_column(&plan->record, name, column, &plan->arena)
                  : json_node_add(&plan->record, &path, column, &plan->arena);
}

/* ---- what else ---- */

static int add_want(struct making *making, uint32_t i)
{
    struct json_plan *plan = making->plan;
    const struct mtr_str text = making->out->wants[i].path;
    struct mtr_row_path path;
    int rc = mtr_row_path_parse(text, &plan->arena, &path);
    if (rc) return rc;
    if (path.has_each || path.climbs || path.is_record)
        return fail(making, "a value beside the rows has a path from the document's root, without [] and ^");
    return json_node_add_column(&plan->document, text, JSON_WANT + i, &plan->arena);
}

static int add_text(struct making *making, struct mtr_str text, uint32_t target)
{
    struct json_plan *plan = making->plan;
    struct mtr_row_path path;
    int rc = mtr_row_path_parse(text, &plan->arena, &path);
    return rc ? rc : json_node_add(&plan->document, &path, target, &plan->arena);
}

/* Each of a list and one of its places lead to two nodes, and only one is followed. */
static bool is_ambiguous(const struct json_node *node)
{
    bool has_each = false;
    uint32_t others = 0;
    for (const struct json_node *child = node->children; child; child = child->next) {
        if (is_ambiguous(child)) return true;
        has_each = has_each || child->kind == MTR_ROW_STEP_EACH;
        others += child->kind != MTR_ROW_STEP_NAME;
    }
    return has_each && others > 1;
}

int json_plan_make(struct json_plan *plan, const struct json_dialect *dialect, const struct record_out *out,
                   const char **fault)
{
    struct making making = {.plan = plan, .dialect = dialect, .out = out, .fault = fault};
    *plan = (struct json_plan){.checked = -1};
    mtr_arena_init(&plan->arena, 16 << 10, PLAN_BYTES_MAX);
    int rc = add_all_rows(&making);
    for (uint32_t i = 0; !rc && i < out->column_count; i++) rc = add_column(&making, i);
    for (uint32_t i = 0; !rc && i < out->want_count; i++)
        if (out->wants[i].of == MTR_WANT_OF_DOCUMENT) rc = add_want(&making, i);
    for (uint32_t i = 0; !rc && i < JSON_REFUSALS_MAX && dialect->refusals[i].text; i++)
        rc = add_text(&making, dialect->refusals[i].path, JSON_REFUSED + i);
    if (!rc && dialect->error.size) rc = add_text(&making, dialect->error, JSON_ERROR);
    if (!rc && is_ambiguous(&plan->document))
        rc = fail(&making, "a value beside the rows cannot stand at a place of their list: ask for it as of "
                           "the first row, or of the last one");
    if (!rc) rc = json_node_finish(&plan->document, &plan->arena);
    return rc ? rc : json_node_finish(&plan->record, &plan->arena);
}

void json_plan_release(struct json_plan *plan)
{
    mtr_arena_release(&plan->arena);
}
