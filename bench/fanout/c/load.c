/* Thousands of viewers from one thread: opens them, runs the loop, says what came of it.
 *
 * On standard output: `connected N` when every viewer has had its first part or greeting (or the
 * time for that is over), `measuring`, `measured`, and last one JSON object. Slow and hostile
 * connections are opened when the measuring begins, a storm then reconnects each of its sockets
 * once. Nothing is opened again that is lost: it is counted.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES (128u << 10)
#define MAX_REST (1u << 20)
#define SWEEP_NS (2 * MS)
#define EVENTS_AT_ONCE 512
#define OPEN_AT_ONCE 32

struct figures figures;
uint64_t counted_from_ns, counted_to_ns, newest_offset;

static struct connection *table;
static uint32_t first[KINDS + 1], steady_count, lost_count;
static int poller;
static char *buffer;

static void watch(struct connection *c, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u32 = c->at};
    if (epoll_ctl(poller, operation, c->fd, &event))
        die("epoll_ctl");
}

static void shut(struct connection *c)
{
    struct linger now = {1, 0}; /* no TIME_WAIT: the ports are needed again */
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(c->fd);
    c->fd = -1;
    free(c->rest);
    c->rest = NULL;
    c->rest_length = c->rest_room = 0;
}

void lost(struct connection *c, enum error why)
{
    if (c->fd < 0)
        return;
    if (c->kind == SLOW || c->kind == LORIS) {
        figures.closed[c->kind]++;
        note_since(&figures.lingered[c->kind], c->opened_ns, now_ns());
    } else {
        figures.errors[why]++;
        lost_count++;
    }
    shut(c);
}

void steady(struct connection *c)
{
    if (!c->steady) {
        c->steady = 1;
        steady_count++;
    }
}

void stop_reading(struct connection *c)
{
    watch(c, EPOLL_CTL_MOD, 0); /* an abort is still told */
    if (options.bps > 0)
        c->due_ns = now_ns() + 100 * MS;
}

void send_all(struct connection *c, const void *data, size_t length)
{
    ssize_t sent = send(c->fd, data, length, MSG_NOSIGNAL);
    if (sent != (ssize_t)length)
        lost(c, E_CLOSED);
}

static int over_http(const struct connection *c)
{
    return c->kind == PULL || c->kind == POLL || (c->kind == SLOW && !options.slow_push);
}

static void open_one(struct connection *c)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int one = 1, little = 4096;
    from.sin_addr.s_addr =
        htonl(0x7f000000u | (uint32_t)options.source << 8 | (1 + c->at % options.addresses));
    to.sin_port = htons((uint16_t)options.port);
    inet_pton(AF_INET, options.host, &to.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (c->kind == SLOW)
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from))
        die("bind");
    c->opened_ns = now_ns();
    c->upgraded = c->in_body = 0;
    c->state = 255; /* not connected */
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) {
        lost(c, E_CONNECT);
        return;
    }
    watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void connected(struct connection *c)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        lost(c, E_CONNECT);
        return;
    }
    c->state = 0;
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
    if (c->kind == LORIS) {
        send_all(c, "GET /live/x/state HTTP/1.1\r\nHost: x\r\nX-Drip: ", 46);
        c->due_ns = now_ns() + (uint64_t)(options.drip_ms * (double)MS);
    } else if (over_http(c)) {
        http_opened(c);
    } else {
        socket_opened(c);
    }
}

static void keep_rest(struct connection *c, const char *data, size_t length)
{
    if (length > MAX_REST) {
        lost(c, E_FRAME);
        return;
    }
    if (length > c->rest_room) {
        c->rest = realloc(c->rest, length);
        if (!c->rest)
            die("realloc");
        c->rest_room = (uint32_t)length;
    }
    if (length)
        memmove(c->rest, data, length);
    c->rest_length = (uint32_t)length;
    if (!length && c->rest) {
        free(c->rest);
        c->rest = NULL;
        c->rest_room = 0;
    }
}

static void readable(struct connection *c)
{
    size_t length = c->rest_length, used;
    ssize_t got;
    if (length)
        memcpy(buffer, c->rest, length);
    got = recv(c->fd, buffer + length, READ_BYTES, 0);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            lost(c, E_CLOSED);
        return;
    }
    if (c->kind == LORIS || (c->kind == SLOW && c->steady))
        return; /* whatever it says */
    length += (size_t)got;
    used = over_http(c) ? http_bytes(c, buffer, length) : socket_bytes(c, buffer, length);
    if (c->fd >= 0)
        keep_rest(c, buffer + used, length - used);
}

static void happened(struct connection *c, uint32_t events)
{
    if (c->fd < 0)
        return;
    if (c->state == 255)
        connected(c);
    else if (events & EPOLLIN)
        readable(c);
    else if (events & (EPOLLERR | EPOLLHUP))
        lost(c, E_CLOSED);
}

static void due(struct connection *c, uint64_t at_ns)
{
    if (c->kind == POLL) {
        http_due(c, at_ns);
    } else if (c->kind == LORIS) {
        c->due_ns += (uint64_t)(options.drip_ms * (double)MS);
        send_all(c, "a", 1);
    } else if (c->kind == SLOW) {
        c->due_ns += 100 * MS;
        if (recv(c->fd, buffer, (size_t)(options.bps / 10 + 1), 0) == 0)
            lost(c, E_CLOSED);
    } else if (c->kind == STORM) {
        c->due_ns = 0;
        figures.reconnects++;
        shut(c);
        open_one(c);
    }
}

static void sweep(uint64_t at_ns)
{
    static uint64_t next_ns;
    uint32_t i, kind;
    if (at_ns < next_ns)
        return;
    next_ns = at_ns + SWEEP_NS;
    for (kind = 0; kind < KINDS; kind++) {
        if (kind == PULL || kind == PUSH || kind == EVENTS)
            continue;
        for (i = first[kind]; i < first[kind + 1]; i++)
            if (table[i].fd >= 0 && table[i].due_ns && table[i].due_ns <= at_ns)
                due(&table[i], at_ns);
    }
}

static void turn(void)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int i, count = epoll_wait(poller, events, EVENTS_AT_ONCE, 2);
    for (i = 0; i < count; i++)
        happened(&table[events[i].data.u32], events[i].events);
    sweep(now_ns());
}

/* Open what lies in [from, to) at the rate asked for. */
static void open_range(uint32_t from, uint32_t to)
{
    uint64_t begun_ns = now_ns();
    uint32_t at = from, i, owed;
    while (at < to) {
        owed = from + 1 + (uint32_t)((double)(now_ns() - begun_ns) / 1e9 * options.rate);
        for (i = 0; i < OPEN_AT_ONCE && at < to && at < owed; i++)
            open_one(&table[at++]);
        turn();
    }
}

static void run_until(uint64_t end_ns)
{
    while (now_ns() < end_ns)
        turn();
}

static uint64_t after(double seconds) { return now_ns() + (uint64_t)(seconds * 1e9); }

static void ramp(void)
{
    uint64_t end_ns = after(options.ramp_timeout_s);
    open_range(0, first[SLOW]);
    while (now_ns() < end_ns && steady_count + lost_count < first[SLOW])
        turn();
    printf("connected %u\n", steady_count);
    fflush(stdout);
    run_until(after(options.settle_s));
}

static void schedule_storm(void)
{
    uint32_t i, count = options.counts[STORM];
    for (i = 0; i < count; i++)
        table[first[STORM] + i].due_ns =
            now_ns() + 1 + (uint64_t)(options.storm_s * 1e9 * i / count);
}

static int storm_is_over(void)
{
    uint32_t i;
    for (i = first[STORM]; i < first[STORM + 1]; i++)
        if (table[i].fd >= 0 && (!table[i].greeted || table[i].offset < newest_offset))
            return 0;
    return 1;
}

static void measure(void)
{
    uint64_t end_ns;
    uint32_t kind;
    memset(&figures.wake, 0, sizeof figures.wake);
    counted_from_ns = now_ns();
    counted_to_ns = end_ns = after(options.seconds);
    figures.playlists = figures.distinct_playlists = 0;
    puts("measuring");
    fflush(stdout);
    schedule_storm();
    for (kind = SLOW; kind < KINDS; kind++)
        open_range(first[kind], first[kind + 1]);
    run_until(end_ns);
    puts("measured");
    fflush(stdout);
    run_until(after(options.drain_s));
    for (end_ns = after(5); options.counts[STORM] && !storm_is_over() && now_ns() < end_ns;)
        turn();
    if (options.counts[STORM] && !storm_is_over())
        figures.errors[E_OFFSET]++;
}

static void make_table(void)
{
    struct rlimit files;
    uint32_t kind, i, total = 0;
    for (kind = 0; kind < KINDS; kind++) {
        first[kind] = total;
        total += options.counts[kind];
    }
    first[KINDS] = total;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (total > MAX_CONNECTIONS || total + 50 > files.rlim_max) {
        fprintf(stderr, "load: %u connections are more than there can be\n", total);
        exit(2);
    }
    table = calloc(total ? total : 1, sizeof *table);
    buffer = malloc(MAX_REST + READ_BYTES);
    if (!table || !buffer)
        die("malloc");
    for (kind = 0; kind < KINDS; kind++)
        for (i = first[kind]; i < first[kind + 1]; i++)
            table[i] = (struct connection){.fd = -1, .kind = (uint8_t)kind, .at = i};
}

int main(int count, char **arguments)
{
    struct rusage before, used;
    read_options(count, arguments);
    make_table();
    poller = epoll_create1(EPOLL_CLOEXEC);
    ramp();
    getrusage(RUSAGE_SELF, &before);
    measure();
    getrusage(RUSAGE_SELF, &used);
    print_report(options.seconds, (double)(used.ru_utime.tv_sec - before.ru_utime.tv_sec)
                 + (double)(used.ru_stime.tv_sec - before.ru_stime.tv_sec)
                 + (double)(used.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1e6
                 + (double)(used.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6);
    return 0;
}
