/*
 * See limits.h. Sets of a few ways: a subject is in one set, and where all of its ways are at work it counts
 * in the one of its kind that is for the rest.
 */
#include "daemon/security/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 32, WAYS = 4, SUBJECT_BYTES = MTR_KEY_BYTES_MAX + 1 };
#define MINUTE_US (INT64_C(60) * 1000000)

struct way {
    bool is_used;
    enum api_security_kind kind;
    char subject[SUBJECT_BYTES];
    int64_t began_us;
    uint32_t told;
    uint64_t counted;
    struct api_security_event last; /* of those that were counted */
};

struct security_limits {
    struct way ways[SETS][WAYS];
    struct way rest[API_SECURITY_KIND_END];
    uint32_t counting; /* ways with counted > 0 */
};

int security_limits_open(struct security_limits **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? MTR_OK : MTR_ENOMEM;
}

void security_limits_close(struct security_limits *limits)
{
    free(limits);
}

/* Who has to keep within it. */
static void find_subject(const struct api_security_event *event, char subject[SUBJECT_BYTES])
{
    char network[API_SECURITY_ADDRESS_BYTES];
    api_security_network(event->address, network);
    const bool is_good = event->key[0] && event->kind != API_SECURITY_AUTHENTICATION_FAILED;
    snprintf(subject, SUBJECT_BYTES, "%s", is_good ? event->key : network);
}

/* FNV-1a. */
static uint32_t set_of(enum api_security_kind kind, const char *subject)
{
    uint32_t hash = (2166136261u ^ (uint32_t)kind) * 16777619u;
    for (; *subject; subject++) hash = (hash ^ (unsigned char)*subject) * 16777619u;
    return (hash ^ hash >> 16) % SETS;
}

static bool is_over(const struct way *way, int64_t now_us)
{
    return now_us - way->began_us >= MINUTE_US;
}

/* Its own way, or one that is free; else that of the rest. What was counted and not told keeps its way. */
static struct way *find_way(struct security_limits *limits, enum api_security_kind kind, const char *subject,
                            int64_t now_us)
{
    struct way *set = limits->ways[set_of(kind, subject)], *free_one = NULL;
    for (int i = 0; i < WAYS; i++) {
        struct way *way = &set[i];
        if (way->is_used && way->kind == kind && strcmp(way->subject, subject) == 0) return way;
        if (!way->is_used || (is_over(way, now_us) && !way->counted)) free_one = way;
    }
    if (!free_one) return &limits->rest[kind];
    *free_one = (struct way){.is_used = true, .kind = kind, .began_us = now_us};
    snprintf(free_one->subject, SUBJECT_BYTES, "%s", subject);
    return free_one;
}

bool security_limits_take(struct security_limits *limits, const struct api_security_event *event,
                          int64_t now_us)
{
    char subject[SUBJECT_BYTES];
    find_subject(event, subject);
    struct way *way = find_way(limits, event->kind, subject, now_us);
    if (is_over(way, now_us) && !way->counted) {
        way->began_us = now_us;
        way->told = 0;
    }
    if (way->told < api_security_lines_max(event->kind)) {
        way->told++;
        return true;
    }
    limits->counting += !way->counted;
    way->counted++;
    way->last = *event;
    return false;
}

static bool take_counted(struct security_limits *limits, struct way *way, int64_t now_us, bool all,
                         struct api_security_event *out)
{
    if (!way->counted || (!all && !is_over(way, now_us))) return false;
    *out = way->last;
    out->count = way->counted;
    way->counted = 0;
    way->told = 0;
    way->began_us = now_us;
    limits->counting--;
    return true;
}

bool security_limits_next(struct security_limits *limits, int64_t now_us, bool all,
                          struct api_security_event *out)
{
    for (int i = 0; limits->counting && i < SETS * WAYS; i++)
        if (take_counted(limits, &limits->ways[i / WAYS][i % WAYS], now_us, all, out)) return true;
    for (int kind = 0; limits->counting && kind < API_SECURITY_KIND_END; kind++) {
        if (!take_counted(limits, &limits->rest[kind], now_us, all, out)) continue;
        out->key[0] = out->address[0] = '\0';
        snprintf(out->detail, sizeof(out->detail), "from more keys or addresses than are told apart");
        return true;
    }
    return false;
}
