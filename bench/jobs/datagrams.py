"""Datagrams of 60 bytes over loopback, sent and received one by one (sendto, recvfrom) and 64 a call
(sendmmsg, recvmmsg), by UDP and by packet sockets: datagrams a second of processor time."""
from harness import timed

COUNT = 2_000_000


def run(bench):
    program = str(bench.build("sockeye-bench-load") / "datagrams")
    for place in ("udp", "packet"):
        figures = {way: {"in batches": [], "one by one": []} for way in ("sent", "received")}
        for turn in range(bench.runs(9)):
            for name, how in (("in batches", "batch"), ("one by one", "one")):
                _, _, _, said, code = timed([program, how, place, str(COUNT)])
                if code:
                    raise SystemExit(f"{name} over {place} ended with {code}")
                words = said.decode().split()
                for way in figures:
                    figures[way][name].append(float(words[words.index(way) + 1]) / 1e6)
            bench.say(f"{place} {turn + 1}: " + ", ".join(
                f"{way} {f['in batches'][-1]:.2f} and {f['one by one'][-1]:.2f}"
                for way, f in figures.items()))
        for way, found in figures.items():
            bench.table(f"{way.capitalize()} over {place}", "million / CPU second", "more", found,
                        base="in batches", digits=2)
