// libevent: events lie in our own memory (event_assign), epoll, edge-triggered. Arguments: case, operations, (port).
#include "peer.h"
#include <event2/event.h>
#include <event2/event_struct.h>

static uint64_t ops, done;
static struct event_base *base;

static void fired(evutil_socket_t fd, short what, void *w) {
    (void)fd, (void)what, (void)w;
    if (++done == ops) event_base_loopbreak(base);
}

static void arm(struct event *w, double after) {
    struct timeval time = {.tv_sec = after, .tv_usec = (after - (time_t)after) * 1e6};
    evtimer_assign(w, base, fired, w);
    evtimer_add(w, &time);
}

static void cancel(void) {
    struct event *live = calloc(LIVE_MANY + 1, sizeof *live), *one = live + LIVE_MANY;
    for (int n = 0; n < LIVE_MANY; n++) arm(live + n, far_away());
    start_clock();
    for (uint64_t n = 0; n < ops; n++) {
        arm(one, far_away());
        evtimer_del(one);
    }
    tell(ops);
}

static void churn(void) {
    struct event *live = calloc(LIVE_FEW, sizeof *live);
    for (int n = 0; n < LIVE_FEW; n++) arm(live + n, far_away());
    start_clock();
    for (uint64_t n = 0; n < ops; n++) {
        struct event *oldest = live + n % LIVE_FEW;
        evtimer_del(oldest);
        arm(oldest, far_away());
    }
    tell(ops);
}

static void fire(void) {
    uint64_t start = clock_of(CLOCK_MONOTONIC);
    struct event *live = calloc(ops, sizeof *live);
    for (uint64_t n = 0; n < ops; n++) arm(live + n, soon(since(start)));
    must(since(start) < 4, "not made in time");
    start_clock();
    event_base_dispatch(base);
    tell(ops);
}

static void readable(evutil_socket_t fd, short what, void *w) {
    (void)what;
    if (!pass(fd)) {
        event_del(w);
        close(fd);
        free(w);
    } else if (++done == 2 * ops && ops) {
        event_base_loopbreak(base);
    }
}

static void watch(int fd) {
    struct event *w = malloc(sizeof *w);
    event_assign(w, base, fd, EV_READ | EV_PERSIST | EV_ET, readable, w);
    event_add(w, NULL);
}

static void pingpong(void) {
    int ends[2];
    char message[MESSAGE] = {0};
    pair(ends);
    watch(ends[0]);
    watch(ends[1]);
    must(write(ends[0], message, sizeof message) == MESSAGE, "write");
    start_clock();
    event_base_dispatch(base);
    tell(ops);
}

static void knocked(evutil_socket_t door, short what, void *w) {
    (void)what, (void)w;
    int fd = accept(door, NULL, NULL);
    if (fd < 0) return;
    prepare(fd);
    watch(fd);
}

static void ended(evutil_socket_t fd, short what, void *w) {
    (void)fd, (void)what, (void)w;
    event_base_loopbreak(base);
}

static void echo(void) {
    int port, door = listening(&port);
    ops = 0;
    event_add(event_new(base, door, EV_READ | EV_PERSIST, knocked, NULL), NULL);
    event_add(event_new(base, 0, EV_READ, ended, NULL), NULL);
    printf("%d\n", port);
    fflush(stdout);
    event_base_dispatch(base);
}

int main(int count, char **words) {
    must(count > 2, "which case, how many operations?");
    ops = strtoull(words[2], NULL, 10);
    base = event_base_new();
    if (!strcmp(words[1], "timer/cancel")) cancel();
    else if (!strcmp(words[1], "timer/churn")) churn();
    else if (!strcmp(words[1], "timer/fire")) fire();
    else if (!strcmp(words[1], "pingpong/tcp")) pingpong();
    else if (!strcmp(words[1], "idle/none") || !strcmp(words[1], "idle/echo")) echo();
    else must(0, "no such case");
}
