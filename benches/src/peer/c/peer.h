// What every C peer shares: the clocks, the figures, the deadlines (the same numbers as deadlines.rs), a connected pair.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LIVE_MANY 1000000
#define LIVE_FEW 1000
#define MESSAGE 64
#define NANOS 1000000000ull

static uint64_t clock_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * NANOS + t.tv_nsec;
}

static uint64_t cpu_before, wall_before;

static void start_clock(void) {
    cpu_before = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    wall_before = clock_of(CLOCK_MONOTONIC);
}

// A size of /proc/self/status in KiB. Peak memory is counted without the pages of files, as for all peers.
static long status(const char *name) {
    char line[256];
    long size = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, strlen(name))) size = atol(line + strlen(name));
    if (file) fclose(file);
    return size;
}

static void tell(uint64_t ops) {
    double cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_before, wall = clock_of(CLOCK_MONOTONIC) - wall_before;
    printf("%f %f %ld\n", cpu / ops, wall / ops, status("VmHWM:") - status("RssFile:"));
}

static void must(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

// Seconds from now: between one and eleven minutes, or within 100 ms from 4 s on.
static uint64_t seed = 7;

static uint64_t splitmix(void) {
    seed += 0x9e3779b97f4a7c15;
    uint64_t z = (seed ^ seed >> 30) * 0x94d049bb133111eb;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}
static inline double far_away(void) { return 60 + splitmix() % (600 * NANOS) / 1e9; }
static inline double soon(double elapsed) { return 4 - elapsed + splitmix() % (NANOS / 10) / 1e9; }
static double since(uint64_t start) { return (clock_of(CLOCK_MONOTONIC) - start) / 1e9; }

static void prepare(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int listening(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    must(!bind(fd, (struct sockaddr *)&address, length) && !listen(fd, 1024), "listen");
    getsockname(fd, (struct sockaddr *)&address, &length);
    *port = ntohs(address.sin_port);
    return fd;
}

// Two ends of one connection, non-blocking, without Nagle's delay.
static void pair(int ends[2]) {
    int port, door = listening(&port);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    must(!connect(ends[0], (struct sockaddr *)&address, sizeof address), "connect");
    ends[1] = accept(door, NULL, NULL);
    close(door);
    prepare(ends[0]);
    prepare(ends[1]);
}

// One message on: what was read goes back. False at the end of the stream.
static inline int pass(int fd) {
    char buffer[4096];
    ssize_t length = read(fd, buffer, sizeof buffer);
    if (length <= 0) return 0;
    must(write(fd, buffer, length) == length, "write");
    return 1;
}
