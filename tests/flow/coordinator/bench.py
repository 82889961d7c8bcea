#!/usr/bin/env python3
"""What a coordinator can take, durably: a table on stdout.  Not a test.  BUILD_DIR=... bench.py [scale]"""
import json
import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from world import BUILD, Client, Coordinator, Worker  # noqa: E402

SCALE = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        t = f.read().rsplit(")", 1)[1].split()
    return (int(t[11]) + int(t[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(x.split()[1]) / 1024 for x in f if x.startswith("VmRSS"))


def run(c, what, mode, connections, count, *more):
    before = cpu(c.process.pid)
    r = subprocess.run([os.path.join(BUILD, "bin", "coordinator-bench"), str(c.port), mode, str(connections),
                        str(max(1, int(count * SCALE))), *more], capture_output=True, text=True, timeout=580)
    if not r.stdout:
        print(what, "failed:", r.stderr, flush=True)
        return {}
    x = json.loads(r.stdout)
    spent = (cpu(c.process.pid) - before) / x["count"] * 1e6
    print(f"{what:44} {x['per_second']:>9.0f}/s  p50 {x['p50_us']:>7} us  p99 {x['p99_us']:>7} us  "
          f"cpu {spent:>6.0f} us each  errors {x['errors']}", flush=True)
    return x


def worker(c):
    """One whose id is that of its key, as the load does not name it."""
    w = Worker(c, "w", register=False)
    s, b, _ = c.call("POST", "/v1/miners/register", {"concurrency": 1024}, key=w.key)
    assert s == 200, b
    return w


def fsync_us(folder):
    path = os.path.join(folder, "probe")
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    began = time.monotonic()
    for i in range(200):
        os.pwrite(fd, b"x" * 4096, 4096 * i)
        os.fdatasync(fd)
    os.close(fd)
    os.unlink(path)
    return (time.monotonic() - began) / 200 * 1e6


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    with Coordinator(limits={"queue": 1000000, "queue_each": 1000000}, times={"no_worker_s": 80000, "ttl_s": 86400}) as c:
        a, w = Client(c, "a"), worker(c)
        print(f"disk: {fsync_us(c.home):.0f} us a fdatasync; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        _, job = a.submit()
        for n in (1, 16, 64):
            run(c, f"submit, {n} connections", "submit", n, 600 if n == 1 else 6000, a.key)
        for n in (1, 64):
            run(c, f"status, {n} connections", "status", n, 20000, a.key, "-", job["job_id"])
        before, had = rss(c.process.pid), c.call("GET", "/v1/admin/stats", key=Client(c, "r", role="admin").key)[1]
        run(c, "submit up to 100,000 queued, 64 connections", "submit", 64, 100000 - had["queued_jobs"], a.key)
        print(f"memory: {before:.0f} MiB before, {rss(c.process.pid):.0f} MiB with "
              f"{c.call('GET', '/v1/admin/stats', key=c.key('s', 'admin'))[1]['queued_jobs']} jobs queued")
        run(c, "poll with these queued, 1 connection", "poll", 1, 300, a.key, w.key)
        run(c, "poll with these queued, 16 connections", "poll", 16, 600, a.key, w.key)
        run(c, "status with these queued, 64 connections", "status", 64, 20000, a.key, "-", job["job_id"])
    with Coordinator() as c:
        a, w = Client(c, "a"), worker(c)
        run(c, "cycle: submit, poll, result; 1 connection", "cycle", 1, 200, a.key, w.key)
        run(c, "cycle, 32 connections", "cycle", 32, 3000, a.key, w.key)


main()
