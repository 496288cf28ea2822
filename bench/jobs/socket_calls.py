"""What a call costs: send and recv of 64 bytes over raw libc, and a stream against std and Python.

The pairs run in one thread over a unix socket pair: CPU time of the process, user instructions by
callgrind (those of starting up taken off by a second, shorter run). The stream is 64 KiB parts over
TCP between two threads: CPU time of both.
"""
import re
import subprocess
import sys
import tempfile
import pathlib

from harness import BENCH, output_of, timed

PAIRS = 1_000_000
STREAM_MIB = 4096
INSTRUCTIONS_PAIRS = (10_000, 20_000)

PYTHON = """
import socket, sys, threading
what, count = sys.argv[1], int(sys.argv[2])
if what == "pairs":
    a, b = socket.socketpair()
    data, room = bytes(64), bytearray(64)
    for _ in range(count):
        a.send(data)
        b.recv_into(room)
else:
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    conn, _ = listener.accept()
    def drain():
        room = bytearray(65536)
        while conn.recv_into(room):
            pass
    thread = threading.Thread(target=drain)
    thread.start()
    data = bytes(65536)
    for _ in range(count * 16):
        client.sendall(data)
    client.close()
    thread.join()
"""


def instructions(command):
    """User instructions of one more pair: of a run less those of a shorter one."""
    found = []
    for pairs in INSTRUCTIONS_PAIRS:
        with tempfile.NamedTemporaryFile() as out:
            done = subprocess.run(["valgrind", "--tool=callgrind",
                                   f"--callgrind-out-file={out.name}", *command, str(pairs)],
                                  check=True, capture_output=True, text=True)
        found.append(int(re.search(r"Collected : (\d+)", done.stderr)[1]))
    return (found[1] - found[0]) / (INSTRUCTIONS_PAIRS[1] - INSTRUCTIONS_PAIRS[0])


def run(bench):
    bench.install("valgrind")
    target = bench.build("sockeye-bench-load")
    bench.versions["python"] = output_of(sys.executable, "--version").split()[-1]
    with bench.scratch() as folder:
        floor = folder / "floor-calls"
        subprocess.run(["cc", "-O2", "-o", str(floor), str(BENCH / "load/floor-calls.c")],
                       check=True)
        ours, python = str(target / "calls"), folder / "calls.py"
        pathlib.Path(python).write_text(PYTHON)
        pairs = {
            "raw libc": [str(floor)],
            "sockeye": [ours, "ours", "pairs"],
            "std": [ours, "std", "pairs"],
            "python": [sys.executable, str(python), "pairs"],
        }
        figures = {name: [] for name in pairs}
        for turn in range(bench.runs(9)):
            for name, command in pairs.items():
                _, cpu, _, _, code = timed([*command, str(PAIRS)])
                if code:
                    raise SystemExit(f"{name} ended with {code}")
                figures[name].append(cpu)
            bench.say(f"pairs {turn + 1}: " + ", ".join(f"{n} {f[-1]:.3f}"
                                                        for n, f in figures.items()))
        bench.table("A million pairs of send and recv, 64 bytes", "CPU seconds", "less", figures,
                    digits=3)
        counts = {name: [instructions(command)] for name, command in pairs.items()
                  if name != "python"}
        bench.table("User instructions of a pair (two calls), callgrind", "instructions", "less",
                    counts, digits=0)
        streams = {
            "sockeye": [ours, "ours", "stream"],
            "std": [ours, "std", "stream"],
            "python": [sys.executable, str(python), "stream"],
        }
        figures = {name: [] for name in streams}
        for turn in range(bench.runs(5)):
            for name, command in streams.items():
                wall, cpu, _, _, code = timed([*command, str(STREAM_MIB)], pin=False)
                if code:
                    raise SystemExit(f"{name} ended with {code}")
                figures[name].append(STREAM_MIB / cpu)
                bench.say(f"stream {turn + 1}: {name} {STREAM_MIB / wall:.0f} MiB/s, "
                          f"{figures[name][-1]:.0f} MiB a CPU second")
        bench.table("sendall and recv_into, 64 KiB over TCP", "MiB / CPU second", "more", figures,
                    digits=0)
