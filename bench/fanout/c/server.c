/* The bare server: what a part costs when nothing is done but to write prebuilt bytes.
 *
 * One thread and epoll. Over HTTP it answers blocking playlist reloads and parts as our gateway does,
 * and nothing else; on any request with `Upgrade` it begins to push parts as WebSocket frames, beginning
 * with the next. It reads requests by their first line only, has no limits and no time-outs, and
 * leaves out a part for whoever has not taken the one before. The feeder's socket (the first
 * argument) brings playlist, part and frame as finished bytes; the second argument is the port.
 */
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_FDS 20000
#define REQUEST_BYTES 1024
#define KEPT 128
#define NOBODY (-1)

/* What the feeder sends ahead of each step's three pieces; little-endian. */
struct step { uint64_t number, msn; uint32_t index, playlist, part, frame; };

struct block { uint32_t users; size_t length; char bytes[]; };

struct client {
    uint8_t open, pushed, waits;
    uint32_t got;
    uint64_t msn;
    uint32_t index;
    int next_waiting;
    struct block *out;
    size_t out_at;
    char request[REQUEST_BYTES];
};

static struct client *clients;
static struct block *playlist, *parts[KEPT];
static uint64_t part_numbers[KEPT];
static struct step edge;
static int poller, waiting = NOBODY, highest;

static void drop(struct block *block)
{
    if (block && --block->users == 0)
        free(block);
}

static struct block *response(const char *type, const char *body, size_t length)
{
    char head[256];
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                        "Cache-Control: public, max-age=12\r\n"
                        "Access-Control-Allow-Origin: *\r\n\r\n", type, length);
    struct block *block = malloc(sizeof *block + (size_t)size + length);
    if (!block)
        die("malloc");
    block->users = 1;
    block->length = (size_t)size + length;
    memcpy(block->bytes, head, (size_t)size);
    memcpy(block->bytes + size, body, length);
    return block;
}

static void forget(int fd)
{
    int *link = &waiting;
    if (clients[fd].waits) {
        while (*link != fd)
            link = &clients[*link].next_waiting;
        *link = clients[fd].next_waiting;
    }
    clients[fd].open = clients[fd].waits = 0;
    drop(clients[fd].out);
    clients[fd].out = NULL;
    close(fd);
}

static void want_write(int fd, int yes)
{
    struct epoll_event event = {.events = EPOLLIN | (yes ? EPOLLOUT : 0), .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event);
}

static void flush(int fd)
{
    struct client *c = &clients[fd];
    ssize_t sent = send(fd, c->out->bytes + c->out_at, c->out->length - c->out_at, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        forget(fd);
        return;
    }
    c->out_at += sent > 0 ? (size_t)sent : 0;
    if (c->out_at == c->out->length) {
        drop(c->out);
        c->out = NULL;
        want_write(fd, 0);
    }
}

static void give(int fd, struct block *block)
{
    struct client *c = &clients[fd];
    ssize_t sent;
    if (c->out)
        return; /* slow: this one is left out */
    sent = send(fd, block->bytes, block->length, MSG_NOSIGNAL);
    if (sent == (ssize_t)block->length)
        return;
    if (sent < 0 && errno != EAGAIN) {
        forget(fd);
        return;
    }
    c->out = block;
    c->out_at = sent > 0 ? (size_t)sent : 0;
    block->users++;
    want_write(fd, 1);
}

static int reached(const struct client *c)
{
    return c->msn < edge.msn || (c->msn == edge.msn && c->index <= edge.index);
}

static void refuse(int fd)
{
    static const char text[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    if (send(fd, text, sizeof text - 1, MSG_NOSIGNAL) < 0)
        forget(fd);
}

static void answer_playlist(int fd, const char *query)
{
    struct client *c = &clients[fd];
    const char *part = strstr(query, "_HLS_part=");
    if (strncmp(query, "?_HLS_msn=", 10)) {
        give(fd, playlist);
        return;
    }
    c->msn = strtoull(query + 10, NULL, 10);
    c->index = part ? (uint32_t)strtoul(part + 10, NULL, 10) : 0;
    if (reached(c)) {
        give(fd, playlist);
        return;
    }
    c->waits = 1;
    c->next_waiting = waiting;
    waiting = fd;
}

static void answer(int fd, char *request)
{
    static const char switching[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Protocol: comptoir.v1.msgpack\r\n\r\n";
    char *at;
    if (strstr(request, "Upgrade: websocket")) {
        clients[fd].pushed = 1;
        if (send(fd, switching, sizeof switching - 1, MSG_NOSIGNAL) < 0)
            forget(fd);
        return;
    }
    *strchr(request, '\r') = 0;
    if ((at = strstr(request, "media.m3u8")) && playlist) {
        answer_playlist(fd, at + 10);
    } else if ((at = strstr(request, "part-"))) {
        uint64_t number = strtoull(at + 5, NULL, 10);
        if (parts[number % KEPT] && part_numbers[number % KEPT] == number)
            give(fd, parts[number % KEPT]);
        else
            refuse(fd);
    } else {
        refuse(fd);
    }
}

static void readable(int fd)
{
    struct client *c = &clients[fd];
    char *end;
    ssize_t got = recv(fd, c->request + c->got, REQUEST_BYTES - 1 - c->got, 0);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN)
            forget(fd);
        return;
    }
    c->got += (uint32_t)got;
    c->request[c->got] = 0;
    if (c->pushed) { /* a subscription, a pong: there is one stream */
        c->got = 0;
    } else if ((end = strstr(c->request, "\r\n\r\n"))) {
        c->got = 0;
        answer(fd, c->request);
    } else if (c->got == REQUEST_BYTES - 1) {
        forget(fd);
    }
}

static void wake(void)
{
    int fd = waiting, next;
    waiting = NOBODY;
    for (; fd != NOBODY; fd = next) {
        struct client *c = &clients[fd];
        next = c->next_waiting;
        c->waits = 0;
        if (reached(c)) {
            give(fd, playlist);
        } else {
            c->waits = 1;
            c->next_waiting = waiting;
            waiting = fd;
        }
    }
}

static void read_whole(int fd, void *into, size_t length)
{
    char *at = into;
    ssize_t got;
    for (; length; at += got, length -= (size_t)got)
        if ((got = read(fd, at, length)) <= 0)
            exit(0); /* the feeder is gone: so is the bench */
}

static char *read_piece(int fd, uint32_t length)
{
    char *piece = malloc(length ? length : 1);
    if (!piece)
        die("malloc");
    read_whole(fd, piece, length);
    return piece;
}

static void take_step(int feed)
{
    struct step step;
    struct block *frame;
    char *text, *part, *pushed;
    int fd;
    read_whole(feed, &step, sizeof step);
    text = read_piece(feed, step.playlist);
    part = read_piece(feed, step.part);
    pushed = read_piece(feed, step.frame);
    drop(playlist);
    playlist = response("application/vnd.apple.mpegurl", text, step.playlist);
    drop(parts[step.number % KEPT]);
    parts[step.number % KEPT] = response("video/mp4", part, step.part);
    part_numbers[step.number % KEPT] = step.number;
    frame = malloc(sizeof *frame + step.frame);
    if (!frame)
        die("malloc");
    frame->users = 1;
    frame->length = step.frame;
    memcpy(frame->bytes, pushed, step.frame);
    free(text);
    free(part);
    free(pushed);
    edge = step;
    wake();
    for (fd = 0; fd <= highest; fd++)
        if (clients[fd].open && clients[fd].pushed)
            give(fd, frame);
    drop(frame);
}

static void accept_all(int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (fd >= MAX_FDS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        clients[fd].open = 1;
        clients[fd].pushed = clients[fd].waits = 0;
        clients[fd].got = 0;
        highest = fd > highest ? fd : highest;
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listening(int port)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) || listen(fd, 4096))
        die("listen");
    return fd;
}

static int dialled(const char *path)
{
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strncpy(there.sun_path, path, sizeof there.sun_path - 1);
    if (connect(fd, (struct sockaddr *)&there, sizeof there))
        die("connect");
    return fd;
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event))
        die("epoll_ctl");
}

int main(int count, char **arguments)
{
    struct rlimit files;
    struct epoll_event events[512];
    int i, ready, feed, listener;
    if (count != 3)
        return 2;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    clients = calloc(MAX_FDS, sizeof *clients);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!clients || poller < 0)
        die("start");
    feed = dialled(arguments[1]);
    listener = listening(atoi(arguments[2]));
    watch(feed);
    watch(listener);
    for (;;) {
        ready = epoll_wait(poller, events, 512, -1);
        for (i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                accept_all(listener);
            else if (fd == feed)
                take_step(feed);
            else if (clients[fd].open && clients[fd].out && (events[i].events & EPOLLOUT))
                flush(fd);
            else if (clients[fd].open)
                readable(fd);
        }
    }
}
