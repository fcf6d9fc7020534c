// libuv: streams with uv_try_write, one buffer for all reads, handles in our own memory; uv_async_send for posts, with a
// list under a mutex, as its manual has it. Arguments: case, operations, (port).
#include "peer.h"
#include <pthread.h>
#include <uv.h>

static uint64_t ops, done;
static uv_loop_t *loop;
static char memory[64 * 1024];

static void fired(uv_timer_t *w) {
    (void)w;
    if (++done == ops) uv_stop(loop);
}

static void arm(uv_timer_t *w, double after) { uv_timer_start(w, fired, after * 1000, 0); }

static uv_timer_t *timers(uint64_t count) {
    uv_timer_t *all = calloc(count, sizeof *all);
    for (uint64_t n = 0; n < count; n++) uv_timer_init(loop, all + n);
    return all;
}

static void cancel(void) {
    uv_timer_t *live = timers(LIVE_MANY + 1), *one = live + LIVE_MANY;
    for (int n = 0; n < LIVE_MANY; n++) arm(live + n, far_away());
    start_clock();
    for (uint64_t n = 0; n < ops; n++) {
        arm(one, far_away());
        uv_timer_stop(one);
    }
    tell(ops);
}

static void churn(void) {
    uv_timer_t *live = timers(LIVE_FEW);
    for (int n = 0; n < LIVE_FEW; n++) arm(live + n, far_away());
    start_clock();
    for (uint64_t n = 0; n < ops; n++) {
        uv_timer_t *oldest = live + n % LIVE_FEW;
        uv_timer_stop(oldest);
        arm(oldest, far_away());
    }
    tell(ops);
}

static void fire(void) {
    uv_timer_t *live = timers(ops);
    uint64_t start = clock_of(CLOCK_MONOTONIC);
    uv_update_time(loop);
    for (uint64_t n = 0; n < ops; n++) arm(live + n, soon(0));
    must(since(start) < 4, "not made in time");
    start_clock();
    uv_run(loop, UV_RUN_DEFAULT);
    tell(ops);
}

static void room(uv_handle_t *h, size_t wanted, uv_buf_t *buffer) {
    (void)h, (void)wanted;
    *buffer = uv_buf_init(memory, sizeof memory);
}

static void gone(uv_handle_t *h) { free(h); }

static void came(uv_stream_t *end, ssize_t length, const uv_buf_t *buffer) {
    if (length == 0) return;
    if (length < 0) {
        uv_close((uv_handle_t *)end, gone);
        return;
    }
    uv_buf_t back = uv_buf_init(buffer->base, length);
    must(uv_try_write(end, &back, 1) == length, "write");
    if (++done == 2 * ops && ops) uv_stop(loop);
}

static uv_tcp_t *stream(void) {
    uv_tcp_t *end = malloc(sizeof *end);
    uv_tcp_init(loop, end);
    return end;
}

static void pingpong(void) {
    int ends[2];
    char message[MESSAGE] = {0};
    pair(ends);
    for (int n = 0; n < 2; n++) {
        uv_tcp_t *end = stream();
        uv_tcp_open(end, ends[n]);
        uv_read_start((uv_stream_t *)end, room, came);
    }
    must(write(ends[0], message, sizeof message) == MESSAGE, "write");
    start_clock();
    uv_run(loop, UV_RUN_DEFAULT);
    tell(ops);
}

static void knocked(uv_stream_t *door, int status) {
    uv_tcp_t *end = stream();
    if (status < 0 || uv_accept(door, (uv_stream_t *)end)) return;
    uv_tcp_nodelay(end, 1);
    uv_read_start((uv_stream_t *)end, room, came);
}

static void ended(uv_poll_t *w, int status, int events) {
    (void)w, (void)status, (void)events;
    uv_stop(loop);
}

static void echo(void) {
    int port, door = listening(&port);
    uv_tcp_t *listener = stream();
    uv_poll_t input;
    ops = 0;
    uv_tcp_open(listener, door);
    must(!uv_listen((uv_stream_t *)listener, 1024, knocked), "listen");
    uv_poll_init(loop, &input, 0);
    uv_poll_start(&input, UV_READABLE | UV_DISCONNECT, ended);
    printf("%d\n", port);
    fflush(stdout);
    uv_run(loop, UV_RUN_DEFAULT);
}

struct post {
    struct post *next;
    void (*call)(struct post *);
};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct post *first, **last = &first;
static uv_async_t async;

static void called(struct post *post) {
    free(post);
    if (++done == ops) uv_stop(loop);
}

static void deliver(uv_async_t *w) {
    (void)w;
    pthread_mutex_lock(&mutex);
    struct post *all = first;
    first = NULL;
    last = &first;
    pthread_mutex_unlock(&mutex);
    while (all) {
        struct post *next = all->next;
        all->call(all);
        all = next;
    }
}

static void *poster(void *unused) {
    for (uint64_t n = 0; n < ops; n++) {
        struct post *post = malloc(sizeof *post);
        *post = (struct post){.next = NULL, .call = called};
        pthread_mutex_lock(&mutex);
        *last = post;
        last = &post->next;
        pthread_mutex_unlock(&mutex);
        uv_async_send(&async);
    }
    return unused;
}

static void posts(void) {
    pthread_t thread;
    uv_async_init(loop, &async, deliver);
    start_clock();
    must(!pthread_create(&thread, NULL, poster, NULL), "thread");
    uv_run(loop, UV_RUN_DEFAULT);
    pthread_join(thread, NULL);
    tell(ops);
}

int main(int count, char **words) {
    must(count > 2, "which case, how many operations?");
    ops = strtoull(words[2], NULL, 10);
    loop = uv_default_loop();
    if (!strcmp(words[1], "timer/cancel")) cancel();
    else if (!strcmp(words[1], "timer/churn")) churn();
    else if (!strcmp(words[1], "timer/fire")) fire();
    else if (!strcmp(words[1], "pingpong/tcp")) pingpong();
    else if (!strcmp(words[1], "idle/none") || !strcmp(words[1], "idle/echo")) echo();
    else if (!strcmp(words[1], "post/thread")) posts();
    else must(0, "no such case");
}
