/*
 * What drivers see of a session, and what they share. Private to auth/.
 */
#ifndef METERD_COLLECTOR_SOURCE_AUTH_SESSION_H
#define METERD_COLLECTOR_SOURCE_AUTH_SESSION_H

#include "collector/source/auth/auth.h"
#include "collector/source/auth/secret_file.h"
#include "meterd/core/document.h"

enum { AUTH_FILES_MAX = 3, AUTH_TOKEN_BYTES_MAX = 16 << 10 };

struct auth_driver;

/* A file that secrets came from, and what they were: a 401 is worth another try when they have changed. */
struct auth_seen {
    struct mtr_str file; /* in the session's arena */
    bool is_read;        /* it could be */
    uint8_t digest[AUTH_KEY_BYTES];
};

struct auth_session {
    struct auth_session *next; /* of the keeper's */
    struct auth_keeper *keeper;
    const struct auth_hooks *hooks;
    uint8_t key[AUTH_KEY_BYTES]; /* hash of all that makes auth equal */
    uint32_t opened;
    const struct auth_driver *driver;
    const struct mtr_source *source; /* borrowed: the last one */
    struct mtr_arena arena;          /* the driver's templates and state */
    void *state;
    struct auth_seen seen[AUTH_FILES_MAX];
    uint32_t seen_count;
    /* The token; without one the number still counts changes of secrets. */
    struct mtr_buffer token;
    uint64_t number;
    int64_t renew_us, ends_us;
    int64_t asking_until_us; /* an ASK is on its way; 0: none is */
    bool was_refused;  /* the next token answers a 401 */
    uint64_t unproven; /* number of a token that did, and was not accepted yet */
    /* The last failure */
    uint32_t failures;
    int64_t again_us;
    enum auth_alarm alarm;
    char fault[AUTH_FAULT_BYTES];
};

/* Says what is wrong, for whoever asks next; returns MTR_EDENIED. */
int auth_fail(struct auth_session *session, enum auth_alarm alarm, const char *format, ...) MTR_PRINTF(3, 4);

/* Appends a secret to out, which secret_wipe ends. MTR_EDENIED after auth_fail. */
int auth_read_secret(struct auth_session *session, struct mtr_str file, struct mtr_buffer *out) MTR_MUST_USE;
/* One of those that were read is another by now. */
bool auth_secrets_changed(struct auth_session *session);

/* What a vendor gave, which lives for ttl_us from now. MTR_EDENIED: it is none that a header can carry. */
int auth_take_token(struct auth_session *session, struct mtr_str token, int64_t ttl_us,
                    int64_t now_us) MTR_MUST_USE;

/* Text in the turn's arena of a buffer with a secret in it, as a header of the call. */
int auth_add_header(struct auth_turn *turn, struct source_call *call, struct mtr_str name,
                    struct mtr_str value) MTR_MUST_USE;

/* The scalar at a path (row_path.h) of a JSON document; no data: there is none. */
struct mtr_str auth_value_at(const struct mtr_node *root, struct mtr_str path, struct mtr_arena *arena);

#endif
