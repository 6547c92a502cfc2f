/* The last line: everything that was counted, as one JSON object. */
#include "load.h"

static const char *const error_names[ERRORS] = {
    "connect", "closed", "status", "head", "playlist", "bytes", "order", "gap", "frame", "message",
    "offset",
};

static void number(const char *name, uint64_t value)
{
    printf(", \"%s\": %llu", name, (unsigned long long)value);
}

void print_report(double seconds, double cpu_s)
{
    uint64_t errors = 0;
    int i;
    printf("{\"seconds\": %.3f, \"cpu_s\": %.3f", seconds, cpu_s);
    number("parts", figures.parts);
    number("bytes", figures.bytes);
    number("playlists", figures.playlists);
    number("distinct_playlists", figures.distinct_playlists);
    number("events", figures.events);
    number("cues", figures.cues);
    number("skipped", figures.skipped);
    number("missed", figures.missed);
    number("reconnects", figures.reconnects);
    number("recovered", figures.recovered);
    number("told", figures.told);
    number("refused", figures.refused);
    number("slow_closed", figures.closed[SLOW]);
    number("loris_closed", figures.closed[LORIS]);
    print_histogram("wake_ms", &figures.wake);
    print_histogram("delivery_ms", &figures.delivery);
    print_histogram("cue_ms", &figures.cue);
    print_histogram("slow_lingered_ms", &figures.lingered[SLOW]);
    print_histogram("loris_lingered_ms", &figures.lingered[LORIS]);
    printf(", \"errors\": {");
    for (i = 0; i < ERRORS; i++) {
        printf("%s\"%s\": %llu", i ? ", " : "", error_names[i],
               (unsigned long long)figures.errors[i]);
        errors += figures.errors[i];
    }
    printf("}");
    number("errors_total", errors);
    printf("}\n");
    fflush(stdout);
}
