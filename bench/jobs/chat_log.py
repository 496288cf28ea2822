"""chat_log: lines kept by a running room, with their words searchable; pages and searches after.

64 speakers in pairs, each pair in a room, say lines as fast as they are taken. A line counts when the
other one has heard it: it is kept then. Floor: SQLite from Python, the same rows and words in
transactions of 64, nothing else.
"""
import json
import sqlite3
import subprocess
import time

SPEAKERS, LINES, PAGES = 64, 2_000, 2_000
BATCH = 64
WORDS = ("harbour lantern window copper meadow signal winter garden pebble thunder orchard ribbon "
         "velvet compass feather granite").split()
EVENT = ('{"kind":"said","client":null,"nick":"plain-17","text":"%s","style":"line"}')


def floor(folder, full):
    """The same rows from one thread, without a server."""
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.executescript(f"""
        PRAGMA journal_mode = WAL; PRAGMA synchronous = {'FULL' if full else 'NORMAL'};
        CREATE TABLE entry (seq INTEGER PRIMARY KEY, stream INTEGER, class INTEGER,
            unix_ms INTEGER, node INTEGER, number INTEGER, event TEXT);
        CREATE INDEX by_place ON entry (stream, seq);
        CREATE INDEX by_time ON entry (stream, unix_ms);
        CREATE INDEX said ON entry (stream, seq) WHERE class = 0;
        CREATE VIRTUAL TABLE words USING fts5 (text, content = '');""")
    total, started = SPEAKERS * LINES, time.perf_counter()
    for first in range(0, total, BATCH):
        connection.execute("BEGIN")
        for seq in range(first + 1, first + 1 + BATCH):
            text = (f"{WORDS[seq % 16]} {WORDS[seq // 16 % 16]} {seq // 64} the "
                    f"{WORDS[seq // 256 % 16]} of {seq % 64} and the {WORDS[seq // 3 % 16]}")
            row = (seq, seq % 32, 0, 1_795_000_000_000 + seq, 1, seq, EVENT % text)
            connection.execute("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (seq, text))
        connection.execute("COMMIT")
    return total / (time.perf_counter() - started)


def run(bench):
    binary = bench.build("sockeye-bench-load") / "chat-log"
    bench.versions["SQLite of the floor"] = sqlite3.sqlite_version
    rates, pages, searches = {}, {}, {}
    for _ in range(bench.runs(3)):
        for durability in ("normal", "full"):
            with bench.scratch() as folder:
                command = [binary, folder / "data", durability, SPEAKERS, LINES, PAGES]
                said = subprocess.run(list(map(str, command)), check=True, capture_output=True)
                found = json.loads(said.stdout)
                bench.say(f"{durability}: {found}")
                name = "sockeye" if durability == "normal" else "sockeye, full"
                rates.setdefault(name, []).append(found["per_second"])
                rates.setdefault(f"floor, {durability}", []).append(
                    floor(folder, durability == "full"))
                if durability == "normal":
                    for part in ("p50", "p99"):
                        name = "sockeye" if part == "p50" else "sockeye, p99"
                        pages.setdefault(name, []).append(found[f"page_{part}_us"])
                        searches.setdefault(name, []).append(found[f"search_{part}_us"])
    bench.table("lines kept and heard, 64 speakers in pairs", "lines a second", "more", rates,
                digits=0)
    bench.table("a page of 50 at a place by chance, one after the other", "microseconds", "less",
                pages)
    bench.table("the newest 50 lines with two words", "microseconds", "less", searches)
    bench.notes.append("asked for: at least 13,000 lines a second, a page in less than 1,000 "
                       "microseconds; speakers and server share the machine")
