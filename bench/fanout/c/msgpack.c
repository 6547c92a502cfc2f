/* As much of msgpack as the event socket's messages need. The text may end too early. */
#include "load.h"

#define MAX_DEPTH 32

struct reader { const uint8_t *at, *end; };

static uint64_t big_endian(const uint8_t *at, unsigned int bytes)
{
    uint64_t value = 0;
    while (bytes--)
        value = value << 8 | *at++;
    return value;
}

/* A value's tag, its number or length or count, and (for text and bytes) where it lies. */
struct value { char kind; uint64_t number; const uint8_t *at; };

static int sized(struct reader *r, unsigned int bytes, char kind, struct value *into)
{
    if ((size_t)(r->end - r->at) < bytes)
        return 0;
    into->kind = kind;
    into->number = big_endian(r->at, bytes);
    r->at += bytes;
    into->at = r->at;
    return 1;
}

static int fixed(struct reader *r, char kind, uint64_t number, struct value *into)
{
    into->kind = kind;
    into->number = number;
    into->at = r->at;
    return 1;
}

/* Kinds: n nil or boolean, i integer, f float, s text, b bytes, a array, m map. Text and bytes are
 * not stepped over. */
static int read_value(struct reader *r, struct value *into)
{
    uint8_t tag;
    if (r->at >= r->end)
        return 0;
    tag = *r->at++;
    if (tag < 0x80 || tag >= 0xe0)
        return fixed(r, 'i', tag, into);
    if (tag < 0x90)
        return fixed(r, 'm', tag & 15, into);
    if (tag < 0xa0)
        return fixed(r, 'a', tag & 15, into);
    if (tag < 0xc0)
        return fixed(r, 's', tag & 31, into);
    switch (tag) {
    case 0xc0: case 0xc2: case 0xc3: return fixed(r, 'n', tag == 0xc3, into);
    case 0xc4: case 0xc5: case 0xc6: return sized(r, 1u << (tag - 0xc4), 'b', into);
    case 0xca: return sized(r, 4, 'f', into);
    case 0xcb: return sized(r, 8, 'f', into);
    case 0xcc: case 0xcd: case 0xce: case 0xcf: return sized(r, 1u << (tag - 0xcc), 'i', into);
    case 0xd0: case 0xd1: case 0xd2: case 0xd3: return sized(r, 1u << (tag - 0xd0), 'i', into);
    case 0xd9: case 0xda: case 0xdb: return sized(r, 1u << (tag - 0xd9), 's', into);
    case 0xdc: case 0xdd: return sized(r, 2u << (tag - 0xdc), 'a', into);
    case 0xde: case 0xdf: return sized(r, 2u << (tag - 0xde), 'm', into);
    default: return 0;
    }
}

static int step_over(struct reader *r, const struct value *value, unsigned int depth)
{
    struct value inner;
    uint64_t left;
    if (value->kind == 's' || value->kind == 'b') {
        if ((uint64_t)(r->end - r->at) < value->number)
            return 0;
        r->at += value->number;
        return 1;
    }
    if (value->kind != 'a' && value->kind != 'm')
        return 1;
    if (depth >= MAX_DEPTH)
        return 0;
    for (left = value->kind == 'm' ? 2 * value->number : value->number; left; left--)
        if (!read_value(r, &inner) || !step_over(r, &inner, depth + 1))
            return 0;
    return 1;
}

static int named(const struct value *key, const char *name)
{
    return key->number == strlen(name) && !memcmp(key->at, name, key->number);
}

static void keep(struct message *into, const struct value *key, const struct value *value)
{
    if (named(key, "type") && value->kind == 's') {
        into->type = (const char *)value->at;
        into->type_length = value->number;
    } else if (named(key, "epoch") && value->kind == 's') {
        into->epoch = (const char *)value->at;
        into->epoch_length = value->number;
    } else if (named(key, "data") && value->kind == 'b') {
        into->data = (const char *)value->at;
        into->data_length = value->number;
        into->has_data = 1;
    } else if (named(key, "offset") && value->kind == 'i') {
        into->offset = value->number;
        into->has_offset = 1;
    } else if (named(key, "number") && value->kind == 'i') {
        into->number = value->number;
    } else if (named(key, "from") && value->kind == 'i') {
        into->from = value->number;
    } else if (named(key, "to") && value->kind == 'i') {
        into->to = value->number;
    } else if (named(key, "recovered") && value->kind == 'n') {
        into->recovered = (int)value->number;
    }
}

/* Reads as much as there is; false where even the first field is not whole or this is no map. */
int read_message(const uint8_t *at, size_t length, struct message *into)
{
    struct reader r = {at, at + length};
    struct value map, key, value;
    uint64_t left;
    memset(into, 0, sizeof *into);
    if (!read_value(&r, &map) || map.kind != 'm')
        return 0;
    for (left = map.number; left; left--) {
        if (!read_value(&r, &key) || key.kind != 's' || !step_over(&r, &key, 0))
            break;
        if (!read_value(&r, &value))
            break;
        if (value.kind == 's' && (uint64_t)(r.end - r.at) < value.number)
            break;
        keep(into, &key, &value);
        if (!step_over(&r, &value, 0))
            break;
    }
    return into->type != NULL;
}

int is_type(const struct message *message, const char *name)
{
    return message->type_length == strlen(name) && !memcmp(message->type, name, message->type_length);
}
