/*
 * Kinds of paging: a const struct of hooks, a file of its own and a row in driver.c. Private to paging/.
 *
 *   open     once: the wants, the first number or token
 *   request  what the next request has besides the document's own
 *   next     what follows on a page. It moves on, or says why there is an end: is_marked when the vendor said so itself.
 *            What all kinds have in common (loops, pages that are asked once more, limits) is paging.c's
 */
#ifndef METERD_COLLECTOR_SOURCE_PAGING_DRIVER_H
#define METERD_COLLECTOR_SOURCE_PAGING_DRIVER_H

#include "collector/source/paging/paging.h"
#include "collector/source/paging/seen.h"

struct paging_part {
    struct mtr_str url;  /* as listed; of a template the item */
    struct mtr_str size, md5, sha256, etag; /* as listed; no data: not said */
};

struct paging {
    const struct paging_driver *driver;
    const struct mtr_source *source;
    struct mtr_record_want wants[PAGING_WANTS_MAX];
    uint32_t want_count;
    int32_t want_of[PAGING_WANTS_MAX]; /* of the driver's own; -1: the document does not name it */
    uint32_t asked_count;
    /* Of the request that is to be sent, or was. */
    uint64_t number;         /* of the page, or the offset */
    struct mtr_buffer token; /* token, id or URL; empty: none */
    char number_text[24], limit_text[24];
    /* Of what came. */
    uint64_t pages, rows, rows_before; /* rows without those of the last page, which may be asked again */
    uint64_t rows_most;                /* of one page */
    uint32_t empty_pages;              /* up to the last one, in a row */
    uint64_t total;                    /* that was told last; 0: none was */
    bool tells_more;                   /* the last page did */
    bool is_again;                     /* the last page is asked once more */
    struct seen seen_pages, seen_rows, seen_tokens; /* three: a mark is of what may come again */
    struct mtr_buffer resume;
    /* Of after_id. */
    struct mtr_str known_id, known_time; /* in `resume_text` */
    struct mtr_buffer resume_text;
    bool asks_since;
    /* Of parts. */
    struct paging_list list;
    struct mtr_arena arena;
    struct paging_part *parts;
    uint32_t part_count, part_capacity, part_next;
    struct mtr_str list_paths[PAGING_WANTS_MAX]; /* of the list's wants */
    int32_t column_of[PAGING_COLUMNS_MAX]; /* of url, size, md5, sha256, etag; -1: none */
    bool is_listing, is_overfull, is_apart;
    struct mtr_str etag;
    struct paging_part *parts_before; /* read, before the manifest was asked anew */
    uint32_t parts_read, renewals;
    enum paging_alarm alarm;
    const char *fault;
};

struct paging_end {
    bool is_end, is_marked;
    bool is_proved; /* by a total: no limit has cut it short */
    enum paging_step step; /* where it is neither NEXT nor END */
};

struct paging_driver {
    const char *name; /* as documents say it */
    enum mtr_paging_kind kind;
    int (*open)(struct paging *paging, struct mtr_str resume);
    void (*request)(const struct paging *paging, struct paging_request *out);
    int (*next)(struct paging *paging, const struct paging_page *page, struct paging_end *end);
    bool is_token; /* each request but the first has a token of its own: one that comes again is a loop */
};

extern const struct paging_driver paging_none, paging_page, paging_offset, paging_cursor, paging_next_url,
    paging_link_header, paging_after_id, paging_parts;

const struct paging_driver *paging_driver_of(enum mtr_paging_kind kind); /* never NULL */

/* ---- what drivers share (found.c) ---- */

/* Adds a want, the driver's next; what an empty path asks for is never found. */
void paging_want(struct paging *paging, enum mtr_record_want_of of, struct mtr_str path);
void paging_forget_wants(struct paging *paging);
const struct mtr_found *paging_found(const struct paging *paging, const struct paging_page *page,
                                     uint32_t want);
void paging_send(struct paging_request *request, struct mtr_send send, struct mtr_str value, bool is_number);
void paging_fail(struct paging *paging, struct paging_end *end, enum paging_alarm alarm, const char *fault);

/* -1: not said; 0: there is no more; 1: there is. */
int paging_has_more(struct paging *paging, const struct paging_page *page, uint32_t want);
enum paging_token { PAGING_TOKEN_ABSENT, PAGING_TOKEN_EMPTY, PAGING_TOKEN_GIVEN, PAGING_TOKEN_WRONG };
enum paging_token paging_token_of(const struct mtr_found *found);
/* A number of rows; false: it is none. */
bool paging_count_of(const struct mtr_found *found, uint64_t *out);
/* Takes a token or URL for the next request. MTR_ENOMEM; one that is too long fails. */
int paging_take_token(struct paging *paging, struct mtr_str token, struct paging_end *end) MTR_MUST_USE;
/* The same of a link, resolved and checked. */
int paging_take_link(struct paging *paging, const struct source_call *from, struct mtr_str link,
                     struct paging_end *end) MTR_MUST_USE;
int paging_set_text(struct mtr_buffer *buffer, struct mtr_str text) MTR_MUST_USE;

/* ---- parts (part_check.c) ---- */

/* Hexadecimal digits or base64 of a digest of so many bytes, in quotes or not. */
bool paging_is_digest(struct mtr_str text, const uint8_t *digest, size_t size);
/* It was written anew since the list was made: its answer's ETag is another one. */
bool paging_is_another(const struct paging_part *part, const struct paging_page *page);

#endif
