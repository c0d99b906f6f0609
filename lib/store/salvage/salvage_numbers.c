/*
 * Numbers of salvaged rows: whose they were, and whether their histories are whole.
 */
#include "lib/store/salvage/salvage.h"

#include <inttypes.h>
#include <stdlib.h>

static uint8_t kind_at(const struct salvaged_row *row) { return row->key[0]; }
static uint32_t number_at(const struct salvaged_row *row) { return lmdb_get_u32(row->key + 1); }
static uint32_t revision_at(const struct salvaged_row *row) { return lmdb_get_u32(row->key + 5); }

static void lose(struct salvaging *salvaging, const struct salvaged_number *number, uint32_t revision)
{
    const struct mtr_documents_loss loss = {
        .kind = number->kind, .key = number->key, .number = number->number, .revision = revision};
    salvaging->losses++;
    salvaging->task->lost(salvaging->task->context, &loss);
}

static int refuse(struct salvaging *salvaging, const struct salvaged_number *number, const char *why)
{
    mtr_diagnostic_set(salvaging->diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                       "what was found of `%.*s` (number %" PRIu32 ") %s", MTR_STR_ARGS(number->key),
                       number->number, why);
    return MTR_ECORRUPT;
}

/* ---- made of rows ---- */

static int gather(struct salvaging *salvaging)
{
    const struct salvaged_row *rows = salvaging->rows;
    salvaging->numbers = calloc(salvaging->row_count + 1, sizeof(*salvaging->numbers));
    if (!salvaging->numbers) return MTR_ENOMEM;
    for (size_t i = 0; i < salvaging->row_count; i++) {
        const bool is_new = !i || memcmp(rows[i - 1].key, rows[i].key, 5) != 0;
        if (kind_at(&rows[i]) >= MTR_DOCUMENTS_KINDS_MAX || !number_at(&rows[i])) return MTR_ECORRUPT;
        if (is_new)
            salvaging->numbers[salvaging->number_count++] = (struct salvaged_number){
                .kind = kind_at(&rows[i]), .number = number_at(&rows[i]), .first = i};
        struct salvaged_number *number = &salvaging->numbers[salvaging->number_count - 1];
        if (revision_at(&rows[i])) {
            number->revision = revision_at(&rows[i]);
        } else {
            number->before = rows[i].before;
            number->first++;
        }
        number->end = i + 1;
    }
    return MTR_OK;
}

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* A change has one time: there were no fewer changes than times. */
static int count_times(struct salvaging *salvaging)
{
    int64_t *times = malloc((salvaging->row_count + 1) * sizeof(*times));
    size_t count = 0;
    if (!times) return MTR_ENOMEM;
    for (size_t i = 0; i < salvaging->row_count; i++)
        if (revision_at(&salvaging->rows[i])) times[count++] = salvaging->rows[i].applied_us;
    qsort(times, count, sizeof(*times), compare_times);
    for (size_t i = 0; i < count; i++)
        salvaging->times += i == 0 || times[i] != times[i - 1];
    free(times);
    return MTR_OK;
}

static int order(uint8_t kind, uint32_t number, uint8_t other_kind, uint32_t other_number)
{
    if (kind != other_kind) return kind < other_kind ? -1 : 1;
    return (number > other_number) - (number < other_number);
}

static int compare_numbers(const void *a, const void *b)
{
    const struct salvaged_number *x = a, *y = b;
    return order(x->kind, x->number, y->kind, y->number);
}

static struct salvaged_number *find(struct salvaging *salvaging, uint8_t kind, uint32_t number)
{
    const struct salvaged_number wanted = {.kind = kind, .number = number};
    return bsearch(&wanted, salvaging->numbers, salvaging->number_count, sizeof(wanted), compare_numbers);
}

/* ---- whose they were ---- */

/* A head says it, whenever it was written: a number is of one key for ever. */
static int name_by_heads(struct salvaging *salvaging)
{
    for (size_t i = 0; i < salvaging->head_count; i++) {
        const struct salvaged_head *head = &salvaging->heads[i];
        if (head->kind >= MTR_DOCUMENTS_KINDS_MAX) return MTR_ECORRUPT;
        struct salvaged_number *number = find(salvaging, head->kind, head->number);
        if (head->number > salvaging->counts[head->kind]) salvaging->counts[head->kind] = head->number;
        if (!number) continue;
        if (number->key.size && !mtr_str_equal(number->key, head->key))
            return refuse(salvaging, number, "has two keys");
        number->key = head->key;
    }
    return MTR_OK;
}

/* Its first document says it, too. */
static int name_by_document(struct salvaging *salvaging, struct salvaged_number *number)
{
    const struct salvaged_row *row = &salvaging->rows[number->first];
    struct mtr_str value;
    if (number->first == number->end || row->is_deletion) return MTR_OK; /* which is lost */
    int rc = salvage_read(salvaging, row, &value);
    if (rc) return rc;
    const struct mtr_stored_document document = salvage_document(row, value);
    rc = salvaging->task->name(salvaging->task->context, &document, &salvaging->arena, &number->key);
    if (rc && rc != MTR_ENOMEM) return refuse(salvaging, number, "cannot be read");
    return rc;
}

static int name_all(struct salvaging *salvaging)
{
    int rc = name_by_heads(salvaging);
    for (size_t i = 0; !rc && i < salvaging->number_count; i++)
        if (!salvaging->numbers[i].key.size) rc = name_by_document(salvaging, &salvaging->numbers[i]);
    return rc;
}

/* ---- whole? ---- */

/* All of a number; heads may still say whose it was. */
static void lose_number(struct salvaging *salvaging, struct salvaged_number number)
{
    for (size_t i = 0; i < salvaging->head_count; i++)
        if (salvaging->heads[i].kind == number.kind && salvaging->heads[i].number == number.number)
            number.key = salvaging->heads[i].key;
    lose(salvaging, &number, 0);
}

/* Numbers of a kind are 1 to its count. */
static void check_counts(struct salvaging *salvaging)
{
    size_t at = 0;
    for (unsigned kind = 0; kind < MTR_DOCUMENTS_KINDS_MAX; kind++) {
        struct salvaged_number next = {.kind = (uint8_t)kind, .number = 1};
        for (; at < salvaging->number_count && salvaging->numbers[at].kind == kind; at++, next.number++)
            for (; next.number < salvaging->numbers[at].number; next.number++)
                lose_number(salvaging, next);
        for (; next.number <= salvaging->counts[kind]; next.number++)
            lose_number(salvaging, next);
        salvaging->counts[kind] = next.number - 1;
    }
}

/* The revision that a number begins with: behind the deletion of the number before. */
static int find_begin(struct salvaging *salvaging, struct salvaged_number *number, uint32_t *begin)
{
    const uint32_t first = number->first < number->end ? revision_at(&salvaging->rows[number->first]) : 1;
    *begin = 1;
    if (!number->before) {
        if (first > 1) *begin = first - 1; /* what it stands behind is lost */
        return MTR_OK;
    }
    *begin = first;
    struct salvaged_number *before = find(salvaging, number->kind, number->before);
    if (!before || before->first == before->end) return MTR_OK; /* told before */
    if (before->is_followed || before >= number || !mtr_str_equal(before->key, number->key))
        return refuse(salvaging, number, "is no history");
    before->is_followed = true;
    *begin = before->revision + 1;
    if (!salvaging->rows[before->end - 1].is_deletion) lose(salvaging, before, (*begin)++);
    return MTR_OK;
}

static int check_number(struct salvaging *salvaging, struct salvaged_number *number)
{
    uint32_t next = 1;
    int rc = find_begin(salvaging, number, &next);
    if (rc) return rc;
    if (number->first == number->end) lose(salvaging, number, next);
    for (size_t i = number->first; i < number->end; i++, next++) {
        const struct salvaged_row *row = &salvaging->rows[i];
        const bool is_middle = i + 1 < number->end, is_first = i == number->first;
        if (revision_at(row) < next || (row->is_deletion && is_middle))
            return refuse(salvaging, number, "is no history");
        if (row->is_deletion && is_first && revision_at(row) == next)
            return refuse(salvaging, number, "is no history");
        for (; next < revision_at(row); next++)
            lose(salvaging, number, next);
    }
    return MTR_OK;
}

/* The newest head of a number is of the newest revision. */
static void check_heads(struct salvaging *salvaging)
{
    for (size_t i = 0; i < salvaging->head_count; i++) {
        const struct salvaged_head *head = &salvaging->heads[i];
        struct salvaged_number *number = find(salvaging, head->kind, head->number);
        if (!number) continue;
        if (head->revision == number->revision) number->is_told = true;
        for (; number->first < number->end && number->revision < head->revision; number->is_told = true)
            lose(salvaging, number, ++number->revision);
    }
}

static int compare_keys(const void *a, const void *b)
{
    const struct salvaged_number *x = *(struct salvaged_number *const *)a,
                                 *y = *(struct salvaged_number *const *)b;
    return x->kind != y->kind ? order(x->kind, 0, y->kind, 0) : mtr_str_compare(x->key, y->key);
}

/* A key has one number that nothing follows. */
static int check_keys(struct salvaging *salvaging)
{
    size_t count = 0;
    int rc = MTR_OK;
    struct salvaged_number **newest =
        malloc((salvaging->number_count + 1) * sizeof(struct salvaged_number *));
    if (!newest) return MTR_ENOMEM;
    for (size_t i = 0; i < salvaging->number_count; i++)
        if (!salvaging->numbers[i].is_followed) newest[count++] = &salvaging->numbers[i];
    qsort(newest, count, sizeof(*newest), compare_keys);
    for (size_t i = 1; !rc && i < count; i++)
        if (!compare_keys(&newest[i - 1], &newest[i]))
            rc = refuse(salvaging, newest[i], "is of two documents");
    free(newest);
    return rc;
}

/* ---- all? ---- */

static bool is_told(const struct salvaging *salvaging)
{
    for (size_t i = 0; i < salvaging->number_count; i++)
        if (!salvaging->numbers[i].is_followed && !salvaging->numbers[i].is_told) return false;
    return !salvaging->damaged_pages && salvaging->version == salvaging->task->version_known &&
           salvaging->times <= salvaging->version;
}

static int prove(struct salvaging *salvaging)
{
    if (salvaging->is_counted && salvaging->entries == salvaging->row_count) return MTR_OK;
    if (is_told(salvaging)) return MTR_OK;
    if (salvaging->is_counted && salvaging->entries > salvaging->row_count)
        mtr_diagnostic_set(salvaging->diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                           "%zu of %" PRIu64 " revisions of the catalog are whole, and the others are lost",
                           salvaging->row_count, salvaging->entries);
    else
        mtr_diagnostic_set(salvaging->diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                           "%zu revisions of the catalog are whole, but it is not certain that these are all",
                           salvaging->row_count);
    return MTR_ECORRUPT;
}

int salvage_numbers(struct salvaging *salvaging)
{
    int rc = gather(salvaging);
    if (!rc) rc = count_times(salvaging);
    if (!rc) rc = name_all(salvaging);
    if (!rc) check_counts(salvaging);
    for (size_t i = 0; !rc && i < salvaging->number_count; i++)
        rc = check_number(salvaging, &salvaging->numbers[i]);
    if (!rc) check_heads(salvaging);
    if (!rc && !salvaging->losses) rc = check_keys(salvaging);
    if (!rc) rc = prove(salvaging);
    return !rc && salvaging->losses ? MTR_ECORRUPT : rc;
}
