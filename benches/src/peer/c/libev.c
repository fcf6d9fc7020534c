// libev: watchers lie in our own memory, one epoll loop, 4-ary heap. Arguments: case, operations, (port).
#include "peer.h"
#include <ev.h>

static uint64_t ops, done;
static struct ev_loop *loop;

static void fired(struct ev_loop *l, ev_timer *w, int events) {
    (void)w, (void)events;
    if (++done == ops) ev_break(l, EVBREAK_ALL);
}

static void arm(ev_timer *w, double after) {
    ev_timer_init(w, fired, after, 0);
    ev_timer_start(loop, w);
}

static void cancel(void) {
    ev_timer *live = calloc(LIVE_MANY + 1, sizeof *live), *one = live + LIVE_MANY;
    for (int n = 0; n < LIVE_MANY; n++) arm(live + n, far_away());
    start_clock();
    for (uint64_t n = 0; n < ops; n++) {
        arm(one, far_away());
        ev_timer_stop(loop, one);
    }
    tell(ops);
}

static void churn(void) {
    ev_timer *live = calloc(LIVE_FEW, sizeof *live);
    for (int n = 0; n < LIVE_FEW; n++) arm(live + n, far_away());
    start_clock();
    for (uint64_t n = 0; n < ops; n++) {
        ev_timer *oldest = live + n % LIVE_FEW;
        ev_timer_stop(loop, oldest);
        arm(oldest, far_away());
    }
    tell(ops);
}

static void fire(void) {
    uint64_t start = clock_of(CLOCK_MONOTONIC);
    ev_timer *live = calloc(ops, sizeof *live);
    ev_now_update(loop);
    for (uint64_t n = 0; n < ops; n++) arm(live + n, soon(0));
    must(since(start) < 4, "not made in time");
    start_clock();
    ev_run(loop, 0);
    tell(ops);
}

static void readable(struct ev_loop *l, ev_io *w, int events) {
    (void)events;
    if (!pass(w->fd)) {
        ev_io_stop(l, w);
        close(w->fd);
        free(w);
    } else if (++done == 2 * ops && ops) {
        ev_break(l, EVBREAK_ALL);
    }
}

static void watch(int fd) {
    ev_io *w = malloc(sizeof *w);
    ev_io_init(w, readable, fd, EV_READ);
    ev_io_start(loop, w);
}

static void pingpong(void) {
    int ends[2];
    char message[MESSAGE] = {0};
    pair(ends);
    watch(ends[0]);
    watch(ends[1]);
    must(write(ends[0], message, sizeof message) == MESSAGE, "write");
    start_clock();
    ev_run(loop, 0);
    tell(ops);
}

static void knocked(struct ev_loop *l, ev_io *w, int events) {
    (void)l, (void)events;
    int fd = accept(w->fd, NULL, NULL);
    if (fd < 0) return;
    prepare(fd);
    watch(fd);
}

static void ended(struct ev_loop *l, ev_io *w, int events) {
    (void)w, (void)events;
    ev_break(l, EVBREAK_ALL);
}

static void echo(void) {
    int port, door = listening(&port);
    ev_io listener, input;
    ops = 0;
    ev_io_init(&listener, knocked, door, EV_READ);
    ev_io_start(loop, &listener);
    ev_io_init(&input, ended, 0, EV_READ);
    ev_io_start(loop, &input);
    printf("%d\n", port);
    fflush(stdout);
    ev_run(loop, 0);
}

int main(int count, char **words) {
    must(count > 2, "which case, how many operations?");
    ops = strtoull(words[2], NULL, 10);
    loop = ev_default_loop(EVBACKEND_EPOLL);
    if (!strcmp(words[1], "timer/cancel")) cancel();
    else if (!strcmp(words[1], "timer/churn")) churn();
    else if (!strcmp(words[1], "timer/fire")) fire();
    else if (!strcmp(words[1], "pingpong/tcp")) pingpong();
    else if (!strcmp(words[1], "idle/none") || !strcmp(words[1], "idle/echo")) echo();
    else must(0, "no such case");
}
