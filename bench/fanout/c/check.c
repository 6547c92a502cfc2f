/* Knows what every byte of a part must be, and says so when it is not. */
#include "load.h"

#define KEPT 64

struct kept { char *bytes; uint64_t number, stamp_ns, length; };
static struct kept kept[KEPT];

/* The bytes of the part with that head; NULL where another part has claimed the same number. */
static const char *expected(const struct part_head *head)
{
    struct kept *slot = &kept[head->number % KEPT];
    uint64_t word, place;
    if (slot->bytes && slot->number == head->number && slot->length == head->length)
        return slot->stamp_ns == head->stamp_ns ? slot->bytes : NULL;
    free(slot->bytes);
    slot->bytes = malloc(head->length);
    if (!slot->bytes)
        die("malloc");
    memcpy(slot->bytes, head, sizeof *head);
    for (place = sizeof *head / 8; place < head->length / 8; place++) {
        word = part_word(head->number, place);
        memcpy(slot->bytes + place * 8, &word, 8);
    }
    slot->number = head->number;
    slot->stamp_ns = head->stamp_ns;
    slot->length = head->length;
    return slot->bytes;
}

void part_begins(struct connection *c)
{
    c->part_got = 0;
    c->expected = NULL;
}

int part_bytes(struct connection *c, const char *data, size_t length)
{
    size_t take;
    if (c->part_got < sizeof c->head) {
        take = sizeof c->head - c->part_got;
        take = take < length ? take : length;
        memcpy((char *)&c->head + c->part_got, data, take);
        c->part_got += (uint32_t)take;
        data += take;
        length -= take;
        if (c->part_got == sizeof c->head)
            c->expected = head_is_whole(&c->head) ? expected(&c->head) : NULL;
    }
    if (length == 0)
        return c->part_got < sizeof c->head || c->expected != NULL;
    if (!c->expected || c->part_got + length > c->head.length
        || memcmp(c->expected + c->part_got, data, length))
        return 0;
    c->part_got += (uint32_t)length;
    return 1;
}

/* A part is whole: its length and its place in the row. */
int part_ends(struct connection *c, uint64_t length, int may_skip)
{
    uint64_t at_ns;
    if (!c->expected || c->part_got != length || c->head.length != length) {
        lost(c, E_BYTES);
        return 0;
    }
    if (c->has_part && c->head.number <= c->number)
        figures.errors[E_ORDER]++;
    else if (c->has_part && c->head.number != c->number + 1 && !may_skip)
        figures.errors[E_GAP]++;
    c->number = c->head.number;
    c->has_part = 1;
    at_ns = now_ns();
    if (at_ns >= counted_from_ns && at_ns < counted_to_ns) {
        figures.parts++;
        figures.bytes += length;
    }
    if (c->head.stamp_ns >= counted_from_ns && c->head.stamp_ns < counted_to_ns) {
        note_since(&figures.delivery, c->head.stamp_ns, at_ns);
        if (c->woken_ns)
            note_since(&figures.wake, c->head.stamp_ns, c->woken_ns);
    }
    c->woken_ns = 0;
    return 1;
}
