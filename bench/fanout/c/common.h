/* What the load generator and the bare server share: clocks, and the made-up media.
 *
 * A part of this bench is little-endian 64-bit words: magic, number, the CLOCK_MONOTONIC time at
 * which it was made, its length in bytes, a check of these four, and then words that follow from
 * the number and the place. So whoever gets a byte knows what it must be. `parts.py` makes the same.
 */
#ifndef COMMON_H
#define COMMON_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PART_MAGIC 0x54524150544d4f43ull /* COMTPART */
#define PART_HEAD_BYTES 40

static inline uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

/* The finaliser of splitmix64: every bit of the result depends on every bit of `x`. */
static inline uint64_t mixed(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

static inline uint64_t part_word(uint64_t number, uint64_t place)
{
    return mixed(number * 0x9e3779b97f4a7c15ull + place);
}

struct part_head { uint64_t magic, number, stamp_ns, length, check; };

static inline uint64_t head_check(const struct part_head *head)
{
    return mixed(mixed(mixed(head->number) ^ head->stamp_ns) ^ head->length);
}

static inline int head_is_whole(const struct part_head *head)
{
    return head->magic == PART_MAGIC && head->check == head_check(head) && head->length % 8 == 0
        && head->length >= PART_HEAD_BYTES && head->length <= (16u << 20);
}

#endif
