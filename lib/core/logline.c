/*
 * Log lines. Level and format are atomics; a line is built on the stack and leaves in one write(2).
 */
#include "meterd/core/logline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "meterd/core/str.h"
#include "meterd/core/time.h"

static atomic_int lowest_level = MTR_LEVEL_INFO;
static atomic_int line_format = MTR_LOGLINE_AUTO;

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const int syslog_priorities[] = {3, 4, 6, 7}; /* sd-daemon(3) */

void mtr_logline_set_level(enum mtr_logline_level level)
{
    atomic_store(&lowest_level, level);
}

void mtr_logline_set_format(enum mtr_logline_format format)
{
    atomic_store(&line_format, format);
}

/* The characters of a terminal that obeys 8-bit controls, as UTF-8. */
static bool is_control(struct mtr_str character)
{
    const unsigned char *p = (const unsigned char *)character.data;
    return p[0] < 0x20 || p[0] == 0x7F || (p[0] == 0xC2 && character.size == 2 && p[1] < 0xA0);
}

/* One character of the text, or a byte that is none: as it goes into the line. */
static int escape_one(char piece[16], struct mtr_str character, bool well_formed, bool json)
{
    unsigned byte = (unsigned char)character.data[0];
    if (!well_formed) return json ? snprintf(piece, 16, "\\ufffd") : snprintf(piece, 16, "\\x%02x", byte);
    if (byte == '\n') return snprintf(piece, 16, "\\n");
    if (is_control(character)) { /* of two bytes, the second is the code point */
        unsigned code = (unsigned char)character.data[character.size - 1];
        return snprintf(piece, 16, json ? "\\u%04x" : "\\x%02x", code);
    }
    return snprintf(piece, 16, "%s%.*s", json && (byte == '"' || byte == '\\') ? "\\" : "",
                    MTR_STR_ARGS(character));
}

/* Control characters as \n or \xNN, what is no UTF-8 too; for JSON also quotes and backslashes. Whole
 * characters; returns the size. */
static size_t escape(char *out, size_t room, struct mtr_str text, bool json)
{
    size_t used = 0;
    while (text.size > 0) {
        char piece[16];
        size_t step = mtr_str_utf8_step(text);
        struct mtr_str character = {text.data, step ? step : 1};
        int size = escape_one(piece, character, step > 0, json);
        if (used + (size_t)size > room) break;
        memcpy(out + used, piece, (size_t)size);
        used += (size_t)size;
        text.data += character.size;
        text.size -= character.size;
    }
    return used;
}

/* Puts the sign of a cut behind the last whole character that leaves room for it. Returns the size. */
static size_t cut(char text[MTR_LOGLINE_BYTES_MAX])
{
    static const char sign[] = "\xE2\x80\xA6";
    size_t size = MTR_LOGLINE_BYTES_MAX - sizeof(sign);
    for (int i = 0; i < 3 && ((unsigned char)text[size] & 0xC0) == 0x80; i++) size--;
    memcpy(text + size, sign, sizeof(sign));
    return size + sizeof(sign) - 1;
}

static void write_line(const char *line, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, line, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return; /* nobody to tell */
        line += written;
        size -= (size_t)written;
    }
}

void mtr_logline(enum mtr_logline_level level, const char *subsystem, const char *format, ...)
{
    if ((int)level > atomic_load_explicit(&lowest_level, memory_order_relaxed)) return;
    enum { TAIL_BYTES = 8 }; /* closing quote and brace, newline */
    char text[MTR_LOGLINE_BYTES_MAX], line[MTR_LOGLINE_BYTES_MAX + 256], when[MTR_TIME_TEXT_BYTES];
    struct timespec now;
    va_list args;
    va_start(args, format);
    int full = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    struct mtr_str said = {text, full < 0 ? 0 : full < (int)sizeof(text) ? (size_t)full : cut(text)};
    clock_gettime(CLOCK_REALTIME, &now);
    mtr_time_format((int64_t)now.tv_sec * MTR_US_PER_SECOND + now.tv_nsec / 1000, when);

    int chosen = atomic_load_explicit(&line_format, memory_order_relaxed);
    bool json = chosen == MTR_LOGLINE_JSON;
    int head;
    if (json)
        head =
            snprintf(line, sizeof(line), "{\"time\":\"%s\",\"level\":\"%s\",\"subsystem\":\"%s\",\"text\":\"",
                     when, level_names[level], subsystem);
    else if (chosen == MTR_LOGLINE_AUTO && getenv("JOURNAL_STREAM"))
        head = snprintf(line, sizeof(line), "<%d>%s: ", syslog_priorities[level], subsystem);
    else
        head = snprintf(line, sizeof(line), "%s %s %s: ", when, level_names[level], subsystem);
    size_t size = (size_t)head;
    size += escape(line + size, sizeof(line) - size - TAIL_BYTES, said, json);
    if (json) {
        memcpy(line + size, "\"}", 2);
        size += 2;
    }
    line[size++] = '\n';
    write_line(line, size);
}
