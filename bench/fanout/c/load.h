/* The load generator: what its files know of each other.
 *
 * load.c opens and closes connections and runs the loop; check.c knows what media must be; http.c
 * pulls (or polls) a playlist and its parts; playlist.c reads playlists; socket.c speaks the event
 * socket; msgpack.c reads its messages; report.c prints what came of it.
 */
#ifndef LOAD_H
#define LOAD_H

#include "common.h"
#include "histogram.h"

#define MS 1000000ull
#define SECOND 1000000000ull
#define MAX_CONNECTIONS 19000
#define MAX_LISTED 2048

enum kind { PULL, POLL, PUSH, EVENTS, STORM, SLOW, LORIS, KINDS };

enum error {
    E_CONNECT, E_CLOSED, E_STATUS, E_HEAD, E_PLAYLIST, E_BYTES, E_ORDER, E_GAP, E_FRAME, E_MESSAGE,
    E_OFFSET, ERRORS
};

struct listed { uint64_t msn; uint32_t index; char uri[96]; };

/* A playlist as last read: thousands of viewers get the same bytes, which are read once. */
struct playlist {
    char *text;
    size_t length;
    uint32_t count; /* of parts */
    uint64_t next_msn;
    uint32_t next_index;
    struct listed parts[MAX_LISTED];
};

struct connection {
    int fd; /* -1: not open */
    uint8_t kind, state, steady, in_body, upgraded, opcode, has_part, asking;
    uint16_t status;
    uint32_t at; /* place in the table */
    uint64_t opened_ns, due_ns;
    /* what was received and is not a whole unit yet */
    char *rest;
    uint32_t rest_length, rest_room;
    uint64_t body_left, body_length;
    /* the part that is being received */
    uint32_t part_got;
    struct part_head head;
    const char *expected;
    /* where this viewer is */
    uint64_t number, woken_ns;
    uint64_t msn, told_msn, next_msn; /* of the part fetched last, listed last, listed next */
    uint32_t index, told_index, next_index;
    /* its event socket */
    char epoch[68];
    uint64_t offset;
    uint8_t greeted, recovered;
};

struct options {
    const char *host, *path, *events_path, *subscribe;
    int port, source;
    uint32_t counts[KINDS];
    double seconds, settle_s, drain_s, ramp_timeout_s, storm_s, drip_ms, poll_ms, bps;
    uint32_t rate;
    int slow_push;
    uint32_t addresses;
};

struct figures {
    struct histogram wake, delivery, cue, lingered[KINDS];
    uint64_t parts, bytes, playlists, distinct_playlists, cues, events, skipped, missed;
    uint64_t errors[ERRORS];
    uint64_t reconnects, recovered, told, refused;
    uint64_t closed[KINDS];
};

extern struct options options;
extern struct figures figures;
extern uint64_t counted_from_ns, counted_to_ns, newest_offset;

/* load.c */
void lost(struct connection *c, enum error why);
void send_all(struct connection *c, const void *data, size_t length);
void steady(struct connection *c);
void stop_reading(struct connection *c);

/* http.c, socket.c: each is told of an open connection and of bytes; says how many it has used */
void http_opened(struct connection *c);
size_t http_bytes(struct connection *c, const char *data, size_t length);
void http_due(struct connection *c, uint64_t at_ns);
void socket_opened(struct connection *c);
size_t socket_bytes(struct connection *c, const char *data, size_t length);

/* check.c: one part, as its bytes come. Each says whether all is well. */
void part_begins(struct connection *c);
int part_bytes(struct connection *c, const char *data, size_t length);
int part_ends(struct connection *c, uint64_t length, int may_skip);

/* playlist.c: NULL where it cannot be read */
const struct playlist *read_playlist(const char *text, size_t length);
const struct playlist *last_playlist(void);

/* msgpack.c: the fields of a message's outer map that matter here */
struct message {
    const char *type, *epoch, *data;
    size_t type_length, epoch_length, data_length;
    uint64_t offset, number, from, to;
    int recovered, has_offset, has_data;
};
int read_message(const uint8_t *at, size_t length, struct message *into);
int is_type(const struct message *message, const char *name);

/* options.c: exits with a sentence where one is wrong */
void read_options(int count, char **arguments);

/* report.c */
void print_report(double seconds, double cpu_s);

#endif
