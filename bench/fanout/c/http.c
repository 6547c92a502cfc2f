/* A viewer over HTTP: blocking playlist, part, blocking playlist … on one kept connection.
 *
 * A poller asks for the plain playlist at its own steady times instead. A slow one asks for all that
 * is listed in one go and then does not read.
 */
#include "load.h"

#include <stdarg.h>
#include <strings.h>

enum { WANTS_PLAYLIST, WANTS_PART };
#define MAX_HEAD_BYTES 8192
#define MAX_PLAYLIST_BYTES (256u << 10)
#define SLOW_REQUESTS 16

static int folder_length(void)
{
    return (int)(strrchr(options.path, '/') + 1 - options.path);
}

static void ask(struct connection *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void ask(struct connection *c, const char *format, ...)
{
    static const char rest[] = " HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"
                               "Accept-Encoding: identity\r\nUser-Agent: load\r\n\r\n";
    char request[1024] = "GET ";
    va_list values;
    int length;
    va_start(values, format);
    length = vsnprintf(request + 4, 512, format, values);
    va_end(values);
    memcpy(request + 4 + length, rest, sizeof rest - 1);
    c->in_body = 0;
    c->asking = 1;
    send_all(c, request, 4 + (size_t)length + sizeof rest - 1);
}

static void ask_playlist(struct connection *c)
{
    c->state = WANTS_PLAYLIST;
    if (c->kind == POLL || !c->has_part)
        ask(c, "%s", options.path);
    else
        ask(c, "%s?_HLS_msn=%llu&_HLS_part=%u", options.path, (unsigned long long)c->next_msn,
            c->next_index);
}

static void ask_part(struct connection *c, const struct listed *part)
{
    c->state = WANTS_PART;
    c->msn = part->msn;
    c->index = part->index;
    part_begins(c);
    ask(c, "%.*s%s", folder_length(), options.path, part->uri);
}

/* The part after the one fetched last; for a beginner the newest. NULL: there is none yet. */
static const struct listed *next_part(const struct connection *c, const struct playlist *list)
{
    uint32_t i;
    if (!list->count)
        return NULL;
    if (!c->has_part)
        return &list->parts[list->count - 1];
    for (i = list->count; i > 0; i--) {
        const struct listed *part = &list->parts[i - 1];
        if (part->msn < c->msn || (part->msn == c->msn && part->index <= c->index))
            break;
    }
    return i < list->count ? &list->parts[i] : NULL;
}

static void go_on(struct connection *c, const struct playlist *list)
{
    int more = c->told_msn > c->msn || (c->told_msn == c->msn && c->told_index > c->index);
    const struct listed *part = !c->has_part || more ? next_part(c, list) : NULL;
    if (part)
        ask_part(c, part);
    else if (c->kind == PULL)
        ask_playlist(c);
    else
        c->state = WANTS_PLAYLIST; /* a poller's next request has its time */
}

static void stall(struct connection *c, const struct playlist *list)
{
    uint32_t i;
    for (i = 0; i < SLOW_REQUESTS && list->count; i++)
        ask_part(c, &list->parts[i % list->count]);
    stop_reading(c);
    steady(c);
}

static int playlist_is_there(struct connection *c, const char *text, size_t length)
{
    const struct playlist *list = read_playlist(text, length);
    if (!list || !list->count) {
        lost(c, E_PLAYLIST);
        return 0;
    }
    figures.playlists++;
    if (c->kind == SLOW) {
        stall(c, list);
        return 1;
    }
    c->told_msn = list->parts[list->count - 1].msn;
    c->told_index = list->parts[list->count - 1].index;
    c->next_msn = list->next_msn;
    c->next_index = list->next_index;
    c->woken_ns = c->has_part ? now_ns() : 0;
    go_on(c, list);
    return 1;
}

/* Reads a response's head; how long it is, 0 where it is not whole. */
static size_t read_head(struct connection *c, const char *data, size_t length)
{
    const char *end = memmem(data, length, "\r\n\r\n", 4), *line;
    if (!end) {
        if (length > MAX_HEAD_BYTES)
            lost(c, E_HEAD);
        return 0;
    }
    c->status = (uint16_t)strtoul(data + 9, NULL, 10);
    for (line = data; line < end; line = strchr(line, '\n') + 1)
        if (!strncasecmp(line, "content-length:", 15)) {
            c->body_left = strtoull(line + 15, NULL, 10);
            c->in_body = 1;
        }
    if (c->status != 200 || !c->in_body) {
        if (c->status == 503)
            figures.refused++;
        lost(c, c->status == 200 ? E_HEAD : E_STATUS);
        return 0;
    }
    return (size_t)(end + 4 - data);
}

void http_opened(struct connection *c)
{
    c->has_part = 0;
    if (c->kind == POLL)
        c->due_ns = now_ns() + (uint64_t)(options.poll_ms * (double)MS);
    ask_playlist(c);
}

size_t http_bytes(struct connection *c, const char *data, size_t length)
{
    size_t used = 0, take;
    uint64_t whole;
    while ((used < length || (c->in_body && !c->body_left)) && c->fd >= 0) {
        if (!c->in_body) {
            take = read_head(c, data + used, length - used);
            used += take;
            c->body_length = c->body_left;
            if (!take)
                break;
        }
        take = length - used < c->body_left ? length - used : c->body_left;
        if (c->state == WANTS_PLAYLIST) {
            if (c->body_left > MAX_PLAYLIST_BYTES)
                lost(c, E_PLAYLIST);
            if (take < c->body_left || c->fd < 0)
                break;
            c->body_left = c->in_body = c->asking = 0;
            used += take;
            if (!playlist_is_there(c, data + used - take, take))
                break;
            continue;
        }
        if (!part_bytes(c, data + used, take)) {
            lost(c, E_BYTES);
            break;
        }
        used += take;
        c->body_left -= take;
        if (c->body_left)
            break;
        whole = c->body_length;
        c->in_body = c->asking = 0;
        if (!part_ends(c, whole, 0))
            break;
        steady(c);
        go_on(c, last_playlist());
    }
    return used;
}

void http_due(struct connection *c, uint64_t at_ns)
{
    c->due_ns += (uint64_t)(options.poll_ms * (double)MS);
    if (c->due_ns < at_ns)
        c->due_ns = at_ns;
    if (c->state == WANTS_PLAYLIST && !c->asking)
        ask_playlist(c);
}
