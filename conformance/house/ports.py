"""`sockeye scan` against /proc/net/tcp and nmap, in a network of its own so that nothing else
comes and goes there."""

import contextlib
import json
import pathlib
import random
import signal
import socket
import statistics
import time

from kit import alone, case, check, equal, run, sockeye

PORTS = 24


@contextlib.contextmanager
def listeners(seed):
    """Listens on loopback, on every interface, and on IPv6 for both: what /proc/net says of it."""
    picks = random.Random(seed)
    with contextlib.ExitStack() as stack:
        for number in range(PORTS):
            family, place = (
                (socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"),
            )[number % 3]
            server = stack.enter_context(socket.socket(family))
            while True:
                with contextlib.suppress(OSError):
                    server.bind((place, picks.randrange(1, 65536)))
                    break
            server.listen(64)
        yield listening()


def listening():
    """The ports that 127.0.0.1 listens on, by the kernel's own word."""
    found = set()
    for name in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and set(address) <= set("0") | set("0100007F"):
                found.add(int(port, 16))
    return found


def scan(*args, wait=60, **options):
    """(exit code, the JSON lines of ports, the summary)"""
    with sockeye("scan", "--json", *args, **options) as process:
        code = process.end(wait)
        lines = [json.loads(line) for line in process.out]
        check(lines and "summary" in lines[-1], process.text()[-500:])
        return code, lines[:-1], lines[-1]["summary"]


def is_open(lines):
    ports = [line["port"] for line in lines if line["state"] == "open"]
    equal(len(ports), len(set(ports)), "each port once:")
    return set(ports)


@case
@alone(network=True)
def finds_exactly_what_listens():
    """All of 65,535 ports, ten runs with other listeners each: no port missed, no ghost."""
    for seed in range(10):
        with listeners(seed) as expected:
            equal(len(expected), PORTS)
            code, lines, summary = scan("127.0.0.1", "-p-", "--open")
            equal((code, is_open(lines)), (0, expected), f"run {seed}")
            equal((summary["ports"], summary["open"]), (65535, PORTS))
            equal(summary["closed"], 65535 - PORTS)


@case
@alone(network=True)
def finds_them_with_64_descriptors():
    """The same with `ulimit -n 64`, and nothing is said twice."""
    with listeners(99) as expected:
        wrap = ("bash", "-c", 'ulimit -n 64; exec "$0" "$@"')
        code, lines, _ = scan("127.0.0.1", "-p-", "--open", wrap=wrap)
        equal((code, is_open(lines)), (0, expected))


@case
@alone(network=True)
def is_faster_than_nmap():
    """65,535 ports in less time than `nmap -sT -p-` takes, median of five, in turns."""
    ours, theirs = [], []
    with listeners(5) as expected:
        for _ in range(5):
            start = time.monotonic()
            code, _lines, _ = scan("127.0.0.1", "-p-", "--open")
            ours.append(time.monotonic() - start)
            equal(code, 0)
            start = time.monotonic()
            code, out = run("nmap", "-sT", "-n", "-Pn", "-p-", "-oG", "-", "127.0.0.1", wait=120)
            theirs.append(time.monotonic() - start)
            equal((code, out.count(b"/open/tcp")), (0, len(expected)), "nmap")
    mine, other = statistics.median(ours), statistics.median(theirs)
    check(mine < other, f"ours {mine:.2f} s, nmap {other:.2f} s")
    return f"ours {mine:.2f} s, nmap {other:.2f} s, {mine / other:.2f} of its time"


@case
@alone(network=True)
def says_open_closed_and_why():
    """A few ports: each once, its state and reason; exit 0 with an open one, 1 without."""
    with socket.socket() as server, socket.socket() as bound:
        server.bind(("127.0.0.1", 0))
        server.listen()
        bound.bind(("127.0.0.1", 0))  # has the port, and does not listen
        ports = [sock.getsockname()[1] for sock in (server, bound)]
        code, lines, summary = scan("127.0.0.1", "-p", ",".join(map(str, ports)))
        states = {line["port"]: (line["state"], line["protocol"]) for line in lines}
        equal((code, states), (0, {ports[0]: ("open", "tcp"), ports[1]: ("closed", "tcp")}))
        check(all(line["reason"] for line in lines), lines)
        equal((summary["open"], summary["closed"], summary["filtered"]), (1, 1, 0))
        code, lines, summary = scan("127.0.0.1", "-p", str(ports[1]))
        equal((code, summary["open"]), (1, 0))


@case
@alone(network=True)
def what_does_not_answer_is_filtered():
    """Behind a rule that drops, 40 ports are filtered and two beside them are still found."""
    with listeners(3) as expected:
        seen = sorted(expected)[:2]
        dropped = [port for port in range(20_000, 20_100) if port not in expected][:40]
        rules = "table inet t {\nchain c {\ntype filter hook input priority 0;\n" \
            f"tcp dport {{ {', '.join(map(str, dropped))} }} drop\n}}\n}}\n"
        code, out = run("bash", "-c", 'nft -f - <<<"$0"', rules)
        equal(code, 0, f"nft: {out!r}")
        wanted = ",".join(map(str, seen + dropped))
        code, lines, summary = scan("127.0.0.1", "-p", wanted, "--timeout", "200ms")
        equal((code, is_open(lines), summary["filtered"]), (0, set(seen), 40))


@case
@alone(network=True)
def a_scan_can_be_interrupted():
    """SIGINT in the middle ends it with 130 at once, and the lines so far are whole."""
    with listeners(4):
        process = sockeye("scan", "--json", "127.0.0.1", "-p-", "--rate", "2000")
        with process:
            process.wait_for('"state"')
            equal(process.stop(signal.SIGINT, wait=10), 130, process.text()[-300:])
            for line in process.out:
                json.loads(line)


@case
def a_wrong_target_is_told():
    """A name that is none ends with 2 or 3 and a message; a port that is none with 2."""
    with sockeye("scan", "no-such-host.invalid", "-p", "1") as process:
        check(process.end(60) in (2, 3), process.child.returncode)
        check("no-such-host.invalid" in process.text(), process.text())
    for ports in ("70000", "0-", "1-2-3", "x y", ""):
        with sockeye("scan", "127.0.0.1", "-p", ports) as process:
            equal(process.end(), 2, f"-p {ports!r}: {process.text()}")
