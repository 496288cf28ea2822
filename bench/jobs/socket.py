"""socket: one protocol under threads, a selector and tokio, with 10,000 connections held; then what
each server does for clients that are still sending, and without descriptors.

Server and clients are two processes on two cores, each within 20,000 descriptors. `functions` are
blocking functions in threads (serve_with): the least that a thread for each connection can do.
`threads-64k` have stacks of 64 KiB instead of 2 MiB: fewer page tables.
The parts are independent; a further one is a function of `bench` and the folder of binaries in PARTS.
"""
import concurrent.futures
import json
import os
import pathlib
import resource
import selectors
import socket
import subprocess
import time

from harness import LOAD_CORE, Server, cpu_seconds, median, pinned
from jobs import _kernel

CONNECTIONS = 10_000
DESCRIPTORS = 20_000
ROOM = 10
SECONDS = 5
# What is said; connections of a room; rooms with a line under way; lines a second when paced.
WORKLOADS = [("echo", ["echo"], 1, 256, 5_000), ("room", ["room", str(ROOM)], ROOM, 32, 500)]
MODELS = {"echo": ["threads", "threads-64k", "functions", "select", "tokio"],
          "room": ["threads", "select", "tokio"]}
BASE = "select"
# A run during which others took more of the machine is made again, so often; the calmest counts.
OTHERS_MAX = 0.1
ATTEMPTS = 3
QUIET_SECONDS_MAX = 60

UPLOADS = 1_000
UPLOAD_BYTES = 10 << 20
REPLY_BYTES = 100 << 10
AT_ONCE = 50

LIMIT = 64
WAITING = 200
LIMIT_SECONDS = 10


def server_of(target, model, *what, limit=DESCRIPTORS):
    command = ["sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh", str(target / "c10k-server"),
               model, *what]
    return Server(f"{model} {what[0]}", command, ready="listening ")


def address(server):
    host, _, port = server.url.rpartition(":")
    return host, int(port)


class Crowd:
    """The clients' process, told what to do by lines."""

    def __init__(self, target, server, size):
        command = pinned(LOAD_CORE, [str(target / "c10k-client"), server.url, str(CONNECTIONS),
                                     str(size)])
        self.process = subprocess.Popen(command, text=True, bufsize=1, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.line("held ")

    def line(self, start):
        said = self.process.stdout.readline()
        if not said.startswith(start):
            raise SystemExit(f"the clients ended with {self.process.wait()}, after {said!r}")
        return said

    def order(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        return json.loads(self.line("{"))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Others:
    """How much of the machine others take while it is watched."""

    def __init__(self, *pids):
        self.pids, self.share = pids, 0.0

    def busy(self):
        return _kernel.busy_seconds() - sum(map(cpu_seconds, self.pids))

    def __enter__(self):
        self.before, self.started = self.busy(), time.monotonic()

    def __exit__(self, *_):
        share = (self.busy() - self.before) / (time.monotonic() - self.started) / os.cpu_count()
        self.share = max(self.share, share)


def measure(bench, target, model, workload):
    """The figures of one server under one workload, of the calmest of some attempts."""
    runs = []
    for _ in range(ATTEMPTS):
        _kernel.wait_for_quiet(OTHERS_MAX, QUIET_SECONDS_MAX)
        runs.append(attempt(target, model, workload))
        if runs[-1]["others"] <= OTHERS_MAX:
            break
        bench.say(f"disturbed: others took {runs[-1]['others']:.0%}")
    return min(runs, key=lambda run: run["others"])


def attempt(target, model, workload):
    _, what, size, rooms, rate = workload
    with server_of(target, model, *what) as server:
        pid = server.process.pid
        before = _kernel.snapshot(pid)
        clients = Crowd(target, server, size)
        clients.order("each")
        after = _kernel.snapshot(pid)
        held = len(os.listdir(f"/proc/{pid}/fd"))
        if held < CONNECTIONS:
            raise SystemExit(f"{server.name} holds {held} descriptors only")
        each = {key: (after[key] - before[key]) / CONNECTIONS for key in before}
        others = Others(pid, clients.process.pid)
        used = server.cpu()
        with others:
            full = clients.order("saturate", SECONDS, rooms)
        used = server.cpu() - used
        with others:
            paced = clients.order("pace", SECONDS, rate)
        clients.close()
    return {
        "held": CONNECTIONS,
        "per CPU second": full["deliveries"] / used,
        "per second": full["deliveries"] / full["seconds"],
        "p50 ms": paced["p50_us"] / 1000,
        "p99 ms": paced["p99_us"] / 1000,
        "full p50 ms": full["p50_us"] / 1000,
        "full p99 ms": full["p99_us"] / 1000,
        "rss KiB": each["rss"] / 1024,
        "kernel KiB": sum(each[key] for key in _kernel.KERNEL) / 1024,
        "parts": {key: each[key] for key in _kernel.KERNEL},
        "late": paced["late"],
        "others": others.share,
    }


def spread(values, digits):
    return f"{median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratios(figures, model):
    """To the base, run by run: what disturbed one minute disturbed both."""
    pairs = zip(figures[model], figures[BASE])
    return [one["per CPU second"] / base["per CPU second"] for one, base in pairs]


def table(bench, name, figures):
    unit = "requests" if name == "echo" else "deliveries"
    columns = [(f"{unit} / server CPU second", "per CPU second", 0), ("p50, ms", "p50 ms", 2),
               ("p99, ms", "p99 ms", 1), ("RSS / connection, KiB", "rss KiB", 2),
               ("kernel / connection, KiB", "kernel KiB", 1)]
    lines = ["| | held | " + " | ".join(title for title, _, _ in columns) + f" | x {BASE} |",
             "|---|---|" + "---|" * (len(columns) + 1)]
    for model, runs in figures.items():
        cells = [spread([run[key] for run in runs], digits) for _, key, digits in columns]
        times = "" if model == BASE else spread(ratios(figures, model), 2)
        lines.append(f"| {model} | {CONNECTIONS} | " + " | ".join(cells) + f" | {times} |")
        bench.rows.append({"table": f"c10k {name}", "contender": model, "runs": runs,
                           "median": {key: median([run[key] for run in runs])
                                      for key in runs[0] if key != "parts"},
                           f"{BASE}_ratios": ratios(figures, model)})
    calm = [run["others"] for runs in figures.values() for run in runs]
    lines += ["", f"Others took {min(calm):.0%} to {max(calm):.0%} of the machine, median "
              f"{median(calm):.0%}."]
    lines += ["", "Full: " + "; ".join(
        f"{model} {median([run['per second'] for run in runs]):.0f} {unit} a second, "
        f"p50 {median([run['full p50 ms'] for run in runs]):.1f} ms, "
        f"p99 {median([run['full p99 ms'] for run in runs]):.1f} ms"
        for model, runs in figures.items()) + "."]
    lines += ["", "Kernel, bytes a connection: " + "; ".join(
        f"{model} " + ", ".join(f"{key} {median([run['parts'][key] for run in runs]):.0f}"
                                for key in _kernel.KERNEL)
        for model, runs in figures.items()) + "."]
    title = {"echo": f"Echo, {CONNECTIONS} connections",
             "room": f"{CONNECTIONS // ROOM} rooms of {ROOM}, {CONNECTIONS} connections"}[name]
    bench.sections.append(f"### {title}\n\n" + "\n".join(lines))


def c10k(bench, target):
    bench.notes += [
        f"CPU seconds: {SECONDS} s with {WORKLOADS[0][3]} requests (echo) or {WORKLOADS[1][3]} lines "
        f"(rooms) always under way, over all {CONNECTIONS} connections in turn; 64 bytes each.",
        f"p50 and p99: another {SECONDS} s at a fixed rate ({WORKLOADS[0][4]} requests, "
        f"{WORKLOADS[1][4]} lines a second), from when a line was due.",
        f"Rooms have {ROOM} members, so that a line is {ROOM - 1} deliveries and the traffic finite; "
        "deliveries are counted.",
        "RSS: of the server, from before the first connection to when each was used once. Kernel: "
        "the same of its page tables, and of the machine's slabs (those of file systems left out), "
        "kernel stacks and TCP queues: the sockets of BOTH ends are in it, the same for all.",
        "figure (lowest to highest of the runs); ratios are taken run by run.",
        f"A run waits for a quiet second, at most {QUIET_SECONDS_MAX} s, and is made again, up to "
        f"{ATTEMPTS} times in all, where others took more than {OTHERS_MAX:.0%} of the machine; the "
        "calmest counts, whatever its figures. The load averages are of the bench's own threads.",
    ]
    found = {name: {model: [] for model in models} for name, models in MODELS.items()}
    for turn in range(bench.runs(5)):
        for workload in WORKLOADS:
            name = workload[0]
            for model in MODELS[name]:
                run = measure(bench, target, model, workload)
                found[name][model].append(run)
                bench.say(f"{name} {turn + 1}: {model} {run['per CPU second']:.0f} a CPU second, "
                          f"p50 {run['p50 ms']:.2f} ms, p99 {run['p99 ms']:.1f} ms, RSS "
                          f"{run['rss KiB']:.2f} KiB, kernel {run['kernel KiB']:.1f} KiB, others "
                          f"took {run['others']:.0%}")
    for name, figures in found.items():
        table(bench, name, figures)


def upload(where):
    """As simple clients do: any error while sending, and the reply is not read."""
    try:
        with socket.create_connection(where, timeout=60) as client:
            client.sendall(b"PUT something\n")
            client.sendall(bytes(UPLOAD_BYTES))
            reply = 0
            while data := client.recv(1 << 16):
                reply += len(data)
            return reply == REPLY_BYTES
    except OSError:
        return False


def early_reply(bench, target):
    """Clients that treat any error of a send as failure, and a server that answers the first line."""
    lines = ["| | clients that read the whole reply | seconds |", "|---|---|---|"]
    for model in MODELS["room"]:
        with server_of(target, model, "refuse") as server:
            started = time.perf_counter()
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                whole = sum(pool.map(upload, [address(server)] * UPLOADS))
            seconds = time.perf_counter() - started
        bench.say(f"early reply: {model} {whole} of {UPLOADS} in {seconds:.1f} s")
        lines.append(f"| {model} | {whole} of {UPLOADS} | {seconds:.1f} |")
        bench.rows.append({"table": "early reply", "contender": model, "whole": whole,
                           "of": UPLOADS, "seconds": seconds})
    bench.sections.append(f"### A reply of {REPLY_BYTES >> 10} KiB to the first line of an upload of "
                          f"{UPLOAD_BYTES >> 20} MiB, {AT_ONCE} clients at a time\n\n"
                          + "\n".join(lines))


def cpu_ns(pid):
    """Processor time of all threads, finer than ticks."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def ready_clients(selector, timeout):
    """Clients that were answered, each taken out."""
    found = []
    for key, _ in selector.select(timeout):
        if key.fileobj.recv(1) != b"x":
            raise SystemExit("a client was sent away")
        selector.unregister(key.fileobj)
        found.append(key.fileobj)
    return found


def without_descriptors(bench, target):
    """ulimit -n 64 and 200 clients: the rest waits, the processor rests, then all are served."""
    lines = ["| | served at first | CPU ms in "
             f"{LIMIT_SECONDS} s at the limit | all others served after, s |", "|---|---|---|---|"]
    for model in MODELS["room"]:
        with server_of(target, model, "echo", limit=LIMIT) as server:
            with selectors.DefaultSelector() as selector:
                for _ in range(WAITING):
                    client = socket.create_connection(address(server))
                    client.sendall(b"x")
                    selector.register(client, selectors.EVENT_READ)
                served = []
                while more := ready_clients(selector, 1):
                    served += more
                used = cpu_ns(server.process.pid)
                if ready_clients(selector, LIMIT_SECONDS):
                    raise SystemExit(f"{model}: the limit is none")
                used = (cpu_ns(server.process.pid) - used) / 1e6
                started = time.perf_counter()
                for client in served:
                    client.close()
                left = WAITING - len(served)
                while left:
                    for client in ready_clients(selector, 30) or [None]:
                        if client is None:
                            raise SystemExit(f"{model}: {left} were forgotten")
                        client.close()
                        left -= 1
                took = time.perf_counter() - started
        bench.say(f"without descriptors: {model} {used:.1f} ms, then {took:.2f} s")
        lines.append(f"| {model} | {len(served)} | {used:.1f} | {took:.2f} |")
        bench.rows.append({"table": "without descriptors", "contender": model,
                           "served": len(served), "cpu_ms": used, "seconds": took})
    bench.sections.append(f"### ulimit -n {LIMIT}, {WAITING} clients\n\n" + "\n".join(lines))


PARTS = [c10k, early_reply, without_descriptors]


def run(bench):
    target = bench.build("sockeye-bench-load")
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    for part in PARTS:
        part(bench, target)
