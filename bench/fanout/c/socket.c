/* A viewer's event socket (RFC 6455): events in order without a gap, and the media it subscribed to.
 *
 * The subprotocol is comptoir.v1.msgpack; a message of up to SMALL bytes is read whole, of longer
 * ones with media the fields before it, and the media as it comes.
 */
#include "load.h"

#include <strings.h>

#define SMALL 16384
#define PREFIX 512
#define STAMP "stamp-"

static void say(struct connection *c, uint8_t opcode, const void *payload, size_t length)
{
    uint8_t frame[1024] = {(uint8_t)(0x80 | opcode)}; /* masked with zeros: the same bytes */
    size_t head = length < 126 ? 2 : 4;
    if (length > sizeof frame - 8)
        return;
    frame[1] = (uint8_t)(0x80 | (length < 126 ? length : 126));
    if (length >= 126) {
        frame[2] = (uint8_t)(length >> 8);
        frame[3] = (uint8_t)length;
    }
    memset(frame + head, 0, 4);
    memcpy(frame + head + 4, payload, length);
    send_all(c, frame, head + 4 + length);
}

static size_t put_text(uint8_t *at, const char *text)
{
    size_t length = strlen(text);
    at[0] = 0xd9;
    at[1] = (uint8_t)length;
    memcpy(at + 2, text, length);
    return length + 2;
}

/* {"type": "subscribe", "epoch": nil, "rendition": …, "buffer_ms": 0, "at": "live"} */
static void subscribe(struct connection *c)
{
    uint8_t message[512] = {0x85};
    size_t length = 1;
    length += put_text(message + length, "type");
    length += put_text(message + length, "subscribe");
    length += put_text(message + length, "epoch");
    message[length++] = 0xc0;
    length += put_text(message + length, "rendition");
    length += put_text(message + length, options.subscribe);
    length += put_text(message + length, "buffer_ms");
    message[length++] = 0;
    length += put_text(message + length, "at");
    length += put_text(message + length, "live");
    say(c, 2, message, length);
}

void socket_opened(struct connection *c)
{
    char request[1024];
    char since[128] = "";
    int length;
    if (c->epoch[0])
        snprintf(since, sizeof since, "?since=%s:%llu", c->epoch, (unsigned long long)c->offset);
    length = snprintf(request, sizeof request,
                      "GET %s%s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                      "Sec-WebSocket-Protocol: comptoir.v1.msgpack\r\n\r\n",
                      options.events_path, since);
    c->upgraded = c->greeted = c->has_part = c->in_body = 0;
    send_all(c, request, (size_t)length);
}

static void greeted(struct connection *c, const struct message *message)
{
    int returned = c->epoch[0] != 0;
    if (!message->has_offset || !message->epoch || message->epoch_length >= sizeof c->epoch) {
        lost(c, E_MESSAGE);
        return;
    }
    if (returned && message->recovered) {
        figures.recovered++;
        if (message->offset != c->offset)
            figures.errors[E_OFFSET]++;
    } else if (returned) {
        figures.told++;
    }
    memcpy(c->epoch, message->epoch, message->epoch_length);
    c->epoch[message->epoch_length] = 0;
    c->offset = message->offset;
    c->greeted = 1;
    if (c->kind != PUSH && c->kind != SLOW)
        steady(c);
}

static void happened(struct connection *c, const struct message *message, const void *payload,
                     size_t length)
{
    uint64_t stamp_ns, at_ns = now_ns();
    const char *stamp = memmem(payload, length, STAMP, sizeof STAMP - 1);
    if (!c->greeted || message->offset != c->offset + 1)
        figures.errors[E_OFFSET]++;
    c->offset = message->offset;
    if (c->offset > newest_offset)
        newest_offset = c->offset;
    figures.events++;
    if (!stamp)
        return;
    stamp_ns = strtoull(stamp + sizeof STAMP - 1, NULL, 10);
    if (stamp_ns >= counted_from_ns && stamp_ns < counted_to_ns) {
        figures.cues++;
        note_since(&figures.cue, stamp_ns, at_ns);
    }
}

static void skipped(struct connection *c, const struct message *message)
{
    figures.skipped++;
    figures.missed += message->to >= message->from ? message->to - message->from + 1 : 0;
    c->has_part = 0;
}

/* A message that is there whole, but for a part's media. */
static void heard(struct connection *c, const uint8_t *payload, size_t length)
{
    struct message message;
    if (!read_message(payload, length, &message)) {
        lost(c, E_MESSAGE);
        return;
    }
    if (is_type(&message, "hello"))
        greeted(c, &message);
    else if (is_type(&message, "event"))
        happened(c, &message, payload, length);
    else if (is_type(&message, "skipped"))
        skipped(c, &message);
    else if (is_type(&message, "part")) {
        part_begins(c);
        if (!part_bytes(c, message.data, message.data_length))
            lost(c, E_BYTES);
        else if (part_ends(c, message.data_length, 0))
            steady(c);
    } else if (is_type(&message, "media_over"))
        lost(c, E_MESSAGE);
    if (is_type(&message, "subscribed") && c->kind == SLOW) {
        stop_reading(c);
        steady(c);
    }
}

/* The beginning of a long message: its fields, up to its media; all of one without media. How much
 * was used; 0: wait. */
static size_t long_message(struct connection *c, const char *data, size_t length, uint64_t size)
{
    struct message message;
    if (length < PREFIX)
        return 0;
    if (read_message((const uint8_t *)data, PREFIX, &message) && !is_type(&message, "part")
        && !is_type(&message, "init")) {
        if (length < size)
            return 0;
        heard(c, (const uint8_t *)data, size);
        return size;
    }
    if (!message.type || !message.has_data
        || (uint64_t)(message.data - data) + message.data_length != size) {
        lost(c, E_MESSAGE);
        return 0;
    }
    part_begins(c);
    c->in_body = is_type(&message, "part") ? 1 : 2; /* 2: an init, whose bytes are not checked */
    c->body_left = c->body_length = message.data_length;
    return (size_t)(message.data - data);
}

/* The head of a frame: its length, 0 where it is not whole. */
static size_t frame_head(struct connection *c, const uint8_t *data, size_t length, uint64_t *size)
{
    size_t head, i;
    if (length < 2)
        return 0;
    c->opcode = data[0] & 15;
    if (!(data[0] & 0x80) || (data[0] & 0x70) || (data[1] & 0x80)) {
        lost(c, E_FRAME);
        return 0;
    }
    *size = data[1];
    head = *size == 126 ? 4 : *size == 127 ? 10 : 2;
    if (length < head)
        return 0;
    if (head > 2)
        for (*size = 0, i = 2; i < head; i++)
            *size = *size << 8 | data[i];
    return head;
}

static void control(struct connection *c, const void *payload, size_t length)
{
    if (c->opcode == 9)
        say(c, 10, payload, length < 125 ? length : 125);
    else if (c->opcode == 8)
        lost(c, E_CLOSED);
    else if (c->opcode != 10)
        lost(c, E_FRAME);
}

static size_t one_frame(struct connection *c, const char *data, size_t length)
{
    uint64_t size = 0;
    size_t used, head = frame_head(c, (const uint8_t *)data, length, &size);
    if (!head)
        return 0;
    if (c->opcode == 2 && size > SMALL) {
        used = long_message(c, data + head, length - head, size);
        return used ? head + used : 0;
    }
    if (length - head < size)
        return 0;
    if (c->opcode == 2)
        heard(c, (const uint8_t *)data + head, size);
    else
        control(c, data + head, size);
    return head + size;
}

static size_t media(struct connection *c, const char *data, size_t length)
{
    size_t take = length < c->body_left ? length : c->body_left;
    if (c->in_body == 1 && !part_bytes(c, data, take)) {
        lost(c, E_BYTES);
        return take;
    }
    c->body_left -= take;
    if (c->body_left == 0) {
        if (c->in_body == 1 && part_ends(c, c->body_length, 0))
            steady(c);
        c->in_body = 0;
    }
    return take;
}

static size_t upgrade(struct connection *c, const char *data, size_t length)
{
    const char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (strncmp(data, "HTTP/1.1 101", 12)) {
        if (!strncmp(data, "HTTP/1.1 503", 12))
            figures.refused++;
        lost(c, E_STATUS);
        return 0;
    }
    c->upgraded = 1;
    if (c->kind == PUSH || c->kind == SLOW)
        subscribe(c);
    return (size_t)(end + 4 - data);
}

size_t socket_bytes(struct connection *c, const char *data, size_t length)
{
    size_t used = 0, step;
    while (used < length && c->fd >= 0) {
        if (!c->upgraded)
            step = upgrade(c, data + used, length - used);
        else if (c->in_body)
            step = media(c, data + used, length - used);
        else
            step = one_frame(c, data + used, length - used);
        if (!step)
            break;
        used += step;
    }
    return used;
}
