/* The command line of the load generator. */
#include "load.h"

#include <getopt.h>

struct options options = {
    .host = "127.0.0.1", .path = "/media.m3u8", .events_path = "/events", .subscribe = "720p",
    .port = 8080, .seconds = 5, .settle_s = 1, .drain_s = 1, .ramp_timeout_s = 20, .storm_s = 5, .drip_ms = 1000,
    .poll_ms = 500, .rate = 4000, .slow_push = 0, .addresses = 100,
};

static const struct option names[] = {
    {"host", 1, 0, 'h'}, {"port", 1, 0, 'p'}, {"path", 1, 0, 'P'}, {"events-path", 1, 0, 'E'},
    {"subscribe", 1, 0, 'S'}, {"source", 1, 0, 's'}, {"addresses", 1, 0, 'a'},
    {"rate", 1, 0, 'r'}, {"seconds", 1, 0, 't'}, {"settle", 1, 0, 'e'}, {"drain", 1, 0, 'D'},
    {"ramp-timeout", 1, 0, 'R'}, {"storm-seconds", 1, 0, 'm'}, {"drip-ms", 1, 0, 'd'},
    {"poll-ms", 1, 0, 'o'}, {"bps", 1, 0, 'b'}, {"slow-push", 0, 0, 'u'}, {"pull", 1, 0, '0'},
    {"poll", 1, 0, '1'}, {"push", 1, 0, '2'}, {"events", 1, 0, '3'}, {"storm", 1, 0, '4'},
    {"slow", 1, 0, '5'}, {"loris", 1, 0, '6'}, {0, 0, 0, 0},
};

void read_options(int count, char **arguments)
{
    int name;
    while ((name = getopt_long(count, arguments, "", names, NULL)) != -1) {
        switch (name) {
        case 'h': options.host = optarg; break;
        case 'p': options.port = atoi(optarg); break;
        case 'P': options.path = optarg; break;
        case 'E': options.events_path = optarg; break;
        case 'S': options.subscribe = optarg; break;
        case 's': options.source = atoi(optarg) & 255; break;
        case 'a': options.addresses = (uint32_t)atoi(optarg) % 254; break;
        case 'r': options.rate = (uint32_t)atoi(optarg); break;
        case 't': options.seconds = atof(optarg); break;
        case 'e': options.settle_s = atof(optarg); break;
        case 'D': options.drain_s = atof(optarg); break;
        case 'R': options.ramp_timeout_s = atof(optarg); break;
        case 'm': options.storm_s = atof(optarg); break;
        case 'd': options.drip_ms = atof(optarg); break;
        case 'o': options.poll_ms = atof(optarg); break;
        case 'b': options.bps = atof(optarg); break;
        case 'u': options.slow_push = 1; break;
        case '?': exit(2);
        default: options.counts[name - '0'] = (uint32_t)atoi(optarg);
        }
    }
    if (strlen(options.path) > 400 || !strchr(options.path, '/') || !options.rate
        || !options.addresses || options.seconds > 600) {
        fputs("load: an option is out of its bounds\n", stderr);
        exit(2);
    }
}
