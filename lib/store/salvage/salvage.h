/*
 * What was found of a store of documents, in the order of work: rows of the file (salvage_rows.c), numbers
 * made of them (salvage_numbers.c), a store made of those (salvage.c). Private to lib/store/salvage.
 */
#ifndef METERD_LIB_STORE_SALVAGE_SALVAGE_H
#define METERD_LIB_STORE_SALVAGE_SALVAGE_H

#include "lib/store/documents_state.h"
#include "lib/store/page_format.h"
#include "meterd/store/documents_salvage.h"

/* A row of the table `revisions` whose seal is right. */
struct salvaged_row {
    unsigned char key[REVISION_KEY_BYTES];
    bool is_deletion;
    uint32_t bytes;  /* of the value, without its seal */
    uint32_t before; /* of a link */
    int64_t applied_us;
    uint64_t offset; /* of the value in the file */
    uint64_t seal;
};

/* A row of the table `heads`: of the newest commit, or of an earlier one. */
struct salvaged_head {
    struct mtr_str key;
    uint32_t number, revision;
    uint8_t kind;
};

/* What a key was under one number: rows[first] … rows[end - 1] are its revisions. */
struct salvaged_number {
    struct mtr_str key;
    size_t first, end;
    uint32_t number;
    uint32_t before;   /* the number that its key had before; 0: none */
    uint32_t revision; /* the newest of them */
    uint8_t kind;
    bool is_told;      /* a head says that this revision is the newest */
    bool is_followed;  /* the key has another number since */
};

struct salvaging {
    const struct mtr_documents_salvage *task;
    struct mtr_diagnostic *diagnostic, unheard;
    struct page_checking file;
    struct mtr_arena arena;
    struct salvaged_row *rows; /* in the order of keys, each once, once they are sorted */
    size_t row_count, row_capacity;
    struct salvaged_head *heads;
    size_t head_count, head_capacity;
    struct salvaged_number *numbers; /* in the order of kinds and numbers */
    size_t number_count;
    uint64_t counts[MTR_DOCUMENTS_KINDS_MAX]; /* the greatest that were found, of each kind */
    uint64_t version, format; /* the greatest that were found */
    uint64_t times;         /* at which something was applied: there were no fewer changes */
    uint64_t damaged_pages; /* but for that of tables */
    uint64_t tables_page;   /* of the newest commit; 0: not known */
    uint64_t entries;       /* of the table `revisions` in it */
    bool is_counted;        /* `entries` is known */
    uint64_t losses;
};

int salvage_rows(struct salvaging *salvaging) MTR_MUST_USE;
/* Reads the value of a row, and its seal again; borrowed until the next call. */
int salvage_read(struct salvaging *salvaging, const struct salvaged_row *row,
                 struct mtr_str *out) MTR_MUST_USE;
struct mtr_stored_document salvage_document(const struct salvaged_row *row, struct mtr_str value);

/* MTR_ECORRUPT: something is lost, or it is not proved that nothing is. */
int salvage_numbers(struct salvaging *salvaging) MTR_MUST_USE;

#endif
