/* Latencies in microseconds, in buckets of a thirty-second of a power of two: 3 % at most. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define STEPS 32
#define BUCKETS (STEPS * 32)

struct histogram {
    uint64_t count, max_us;
    uint32_t buckets[BUCKETS];
};

static inline unsigned int bucket_of(uint64_t us)
{
    unsigned int power, bucket;
    if (us < STEPS)
        return (unsigned int)us;
    power = 63u - (unsigned int)__builtin_clzll(us);
    bucket = (power - 4) * STEPS + (unsigned int)((us >> (power - 5)) & (STEPS - 1));
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static inline uint64_t bucket_top_us(unsigned int bucket)
{
    unsigned int power = bucket / STEPS + 4;
    if (bucket < STEPS)
        return bucket;
    return ((uint64_t)(STEPS + bucket % STEPS + 1) << (power - 5)) - 1;
}

static inline void note_us(struct histogram *h, uint64_t us)
{
    h->count++;
    h->buckets[bucket_of(us)]++;
    if (us > h->max_us)
        h->max_us = us;
}

static inline void note_since(struct histogram *h, uint64_t stamp_ns, uint64_t at_ns)
{
    note_us(h, at_ns > stamp_ns ? (at_ns - stamp_ns) / 1000 : 0);
}

/* The smallest value that `share` of all do not exceed, in milliseconds. */
static inline double share_ms(const struct histogram *h, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)h->count + 0.999999), seen = 0, top;
    unsigned int i;
    for (i = 0; i < BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= wanted && seen) {
            top = bucket_top_us(i);
            return (double)(top < h->max_us ? top : h->max_us) / 1000.0;
        }
    }
    return (double)h->max_us / 1000.0;
}

static inline void print_histogram(const char *name, const struct histogram *h)
{
    if (h->count == 0)
        printf(", \"%s\": null", name);
    else
        printf(", \"%s\": {\"count\": %llu, \"p50\": %.3f, \"p99\": %.3f, \"max\": %.3f}", name,
               (unsigned long long)h->count, share_ms(h, 0.50), share_ms(h, 0.99),
               (double)h->max_us / 1000.0);
}

#endif
