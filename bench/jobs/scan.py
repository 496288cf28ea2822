"""scan: all 65,535 ports of loopback with 20 listeners, in a network namespace of its own.

Peer: nmap -sT, as it comes and at its fastest. Floor: one connect after another on one socket,
bench/load. All on one core.
"""
import json
import os
import random
import re
import socket
import subprocess
import sys

from harness import output_of, timed

LISTENERS = 20


def in_a_quiet_namespace():
    """Runs this very command again where nothing else listens or connects."""
    if os.environ.get("SOCKEYE_BENCH_NAMESPACE"):
        return True
    quiet = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    if quiet.returncode != 0:
        return False
    script = 'ip link set lo up && exec "$0" "$@"'
    os.environ["SOCKEYE_BENCH_NAMESPACE"] = "1"
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", script, sys.executable, *sys.argv])


def listen():
    """Twenty listeners on ports drawn by a fixed seed, half below and half above 32768."""
    draw = random.Random(2)
    ports = draw.sample(range(1024, 32768), LISTENERS // 2)
    ports += draw.sample(range(32768, 65536), LISTENERS - LISTENERS // 2)
    listeners = []
    for port in ports:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        listeners.append(listener)
    return listeners, set(ports)


def open_by_sockeye(said):
    lines = [json.loads(line) for line in said.splitlines()]
    return {line["port"] for line in lines if line.get("state") == "open"}


def open_by_nmap(said):
    return {int(port) for port in re.findall(r"(\d+)/open/tcp", said)}


def open_by_floor(said):
    return {int(line) for line in said.split()}


def run(bench):
    bench.install("nmap")
    target = bench.build("sockeye", "sockeye-bench-load")
    if not in_a_quiet_namespace():
        bench.notes.append("no network namespace to be had: others' ports may count as ghosts")
    bench.versions["nmap"] = output_of("nmap", "--version").split()[2]
    listeners, truth = listen()
    nmap = ["nmap", "-sT", "-p-", "-n", "-Pn", "127.0.0.1", "-oG", "-"]
    contenders = {
        "sockeye": ([str(target / "sockeye"), "scan", "127.0.0.1", "-p-", "--json", "--open"],
                    open_by_sockeye),
        "nmap -sT": (nmap, open_by_nmap),
        "nmap -sT -T5 --min-rate 100000": ([*nmap, "-T5", "--min-rate", "100000"], open_by_nmap),
        "floor": ([str(target / "floor-scan")], open_by_floor),
    }
    wall, cpu = {}, {}
    missed, ghosts = dict.fromkeys(contenders, 0), dict.fromkeys(contenders, 0)
    runs = bench.runs(10)
    for turn in range(runs):
        for name, (command, parse) in contenders.items():
            seconds, used, _, said, code = timed(command)
            found = parse(said.decode())
            if code != 0:
                raise SystemExit(f"{name} ended with {code}")
            wall.setdefault(name, []).append(seconds)
            cpu.setdefault(name, []).append(used)
            missed[name] += len(truth - found)
            ghosts[name] += len(found - truth)
            bench.say(f"{turn + 1}: {name} {seconds:.2f} s")
    for listener in listeners:
        listener.close()
    bench.table("65,535 ports of loopback, 20 open: time", "seconds", "less", wall, digits=2)
    bench.table("The same: CPU", "CPU seconds", "less", cpu, digits=2)
    lines = ["### What was found", "", "| | recall | ghosts |", "|---|---|---|"]
    for name in contenders:
        recall = 1 - missed[name] / (LISTENERS * runs)
        lines.append(f"| {name} | {recall:.4f} | {ghosts[name]} |")
        bench.rows.append({"table": "found", "contender": name, "recall": recall,
                           "ghosts": ghosts[name], "runs": runs})
    bench.sections.append("\n".join(lines))
