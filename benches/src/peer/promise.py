# Twisted's Deferred. Arguments: case, operations, (port). Prints CPU ns and wall ns per operation, and peak KiB.
# Its callbacks run inside callback(), so there is no loop to turn. A Deferred passes its callbacks' values on implicitly;
# each case does what the others do as well as that allows.
import sys, time
from twisted.internet.defer import Deferred, succeed

# A tenth of the others, or it would take minutes; the figures are per operation.
name, ops = sys.argv[1], int(sys.argv[2]) // 10
total = 0


def add(n):
    global total
    total += n
    return n


def ready():
    for _ in range(ops):
        succeed(1).addCallback(add)


def hot():
    for _ in range(ops):
        d = Deferred()
        d.addCallback(add)
        d.callback(1)


def pending():
    ds = []
    for _ in range(ops):
        d = Deferred()
        d.addCallback(add)
        ds.append(d)
    for d in ds:
        d.callback(1)


def chain():
    # Returning a Deferred from a callback is how Twisted chains without nesting.
    first = Deferred()
    last = first
    for _ in range(ops):
        last = after(last)
    last.addCallback(add)
    first.callback(1)


def after(d):
    def begin(_, d=d):
        return d
    return succeed(None).addCallback(begin).addCallback(step)


def step(n):
    global total
    total += 1
    return n


def many():
    d = Deferred()
    for _ in range(ops):
        d.addCallback(add)
    d.callback(1)


run = {"ready": ready, "hot": hot, "pending": pending, "chain": chain, "many": many}[name]
run()
before = total
cpu, wall = time.process_time_ns(), time.perf_counter_ns()
run()
cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
assert total - before >= ops, "every callback is called once"
# Peak memory without the pages of files, as for all peers.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(cpu / ops, wall / ops, int(status["VmHWM"].split()[0]) - int(status["RssFile"].split()[0]))
