"""Power cuts, played back from what strace saw.

The model of a disk: a write is lost unless a sync of its file that began after it has ended; a name
is lost unless its folder was synced after it was made, and comes back unless it was synced after it
was removed. Order between files is not promised.
"""

import json
import pathlib
import re
import shutil
import sqlite3
import tempfile

CALLS = "openat,pwrite64,write,ftruncate,fdatasync,fsync,sendto,unlink"
LINE = re.compile(r"^(\d+) +(.*)$")
SHOWN = re.compile(r"<((?:\\x[0-9a-f]{2})+)>")
CALL = re.compile(r"^(\w+)\((.*)$", re.S)
PLACE = re.compile(r"^(\d+)<([^>]*)>")


def strace(trace):
    return ["strace", "-f", "-y", "-xx", "-s", "10000000", "-e", f"trace={CALLS}",
            "-e", "signal=none", "-o", str(trace)]


def unhexed(text):
    return bytes.fromhex(text.replace("\\x", ""))


class File:
    def __init__(self):
        self.durable, self.pending = bytearray(), []
        self.named, self.gone = False, False

    @staticmethod
    def apply(content, change):
        kind, offset, data = change
        if kind == "truncate":
            del content[offset:]
            content.extend(bytes(offset - len(content)))
        else:
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            content[offset:offset + len(data)] = data

    def synced(self, count):
        for change in self.pending[:count]:
            self.apply(self.durable, change)
        del self.pending[:count]


class Disk:
    """The files of one folder."""

    def __init__(self, folder):
        self.folder, self.files, self.syncs, self.begun = str(folder), {}, 0, {}

    def file(self, path):
        file = self.files.get(pathlib.Path(path).name)
        if file is None or file.gone:
            file = self.files[pathlib.Path(path).name] = File()
        return file

    def is_ours(self, path):
        return path.startswith(self.folder + "/") and not path.endswith(("-shm", "/lock"))

    def change(self, name, arguments):
        place = PLACE.match(arguments)
        if not place or not self.is_ours(place[2]):
            return
        rest = arguments[place.end():]
        file = self.file(place[2])
        if name == "ftruncate":
            file.pending.append(("truncate", int(rest.split(",")[1].strip(" )").split(")")[0]), b""))
            return
        data = re.match(r', "((?:\\x[0-9a-f]{2})*)", (\d+), (\d+)', rest)
        file.pending.append(("write", int(data[3]), unhexed(data[1])))

    def sync_begins(self, thread, arguments):
        place = PLACE.match(arguments)
        self.begun[thread] = None
        if place and self.is_ours(place[2]):
            file = self.file(place[2])
            self.begun[thread] = (file, len(file.pending))
        elif place and place[2] == self.folder:
            self.begun[thread] = "folder"

    def sync_ends(self, thread):
        begun = self.begun.pop(thread, None)
        if begun == "folder":
            self.files = {name: file for name, file in self.files.items() if not file.gone}
            for file in self.files.values():
                file.named = True
        elif begun:
            file, count = begun
            file.synced(count)
            self.syncs += 1

    def build(self, into, rng=None):
        """What is there after a cut; with `rng` a part of what was not synced, too."""
        for name, file in self.files.items():
            content = bytearray(file.durable)
            if rng:
                for change in file.pending:
                    if rng.random() < 0.5:
                        File.apply(content, change)
            if file.named or rng:
                (into / name).write_bytes(content)


def events(trace, disk):
    """Plays the trace on the disk; stops at each send with what is sent."""
    for line in open(trace):
        found = LINE.match(line.rstrip("\n"))
        if not found:
            continue
        thread, text = found.groups()
        text = SHOWN.sub(lambda path: "<" + unhexed(path[1]).decode() + ">", text)
        resumed = re.match(r"<\.\.\. (\w+) resumed>", text)
        if resumed:
            if resumed[1] in ("fdatasync", "fsync"):
                disk.sync_ends(thread)
            continue
        call = CALL.match(text)
        if not call:
            continue
        name, arguments = call.groups()
        if name in ("pwrite64", "ftruncate"):
            disk.change(name, arguments)
        elif name in ("fdatasync", "fsync"):
            disk.sync_begins(thread, arguments)
            if "<unfinished" not in arguments:
                disk.sync_ends(thread)
        elif name == "openat":
            opened = re.match(r'AT_FDCWD(?:<[^>]*>)?, "((?:\\x[0-9a-f]{2})*)", (\S+)', arguments)
            path = unhexed(opened[1]).decode() if opened else ""
            if opened and "O_CREAT" in opened[2] and disk.is_ours(path):
                disk.file(path)
        elif name == "unlink":
            path = unhexed(arguments.split('"')[1]).decode()
            if disk.is_ours(path):
                disk.file(path).gone = True
        elif name in ("sendto", "write"):
            data = re.match(r'\d+<socket:[^>]*>, "((?:\\x[0-9a-f]{2})*)"', arguments)
            if data:
                yield unhexed(data[1])


def kept(folder, broken):
    """What SQLite finds in a folder after a cut."""
    try:
        connection = sqlite3.connect(folder / "history.db")
        rows = connection.execute("SELECT event FROM entry WHERE class = 0 ORDER BY seq").fetchall()
        if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            broken.append("quick_check")
        connection.close()
    except sqlite3.Error as error:
        if "no such table" not in str(error):
            broken.append(str(error))
        return []
    found = [json.loads(event) for (event,) in rows]
    return [(event["who"]["nick"], event["text"]) for event in found]


def judge(trace, data, rng):
    disk = Disk(data)
    heard, lost, broken, cuts = [], 0, [], 0
    for sent in events(trace, disk):
        new = re.findall(rb"<(plain-\d+)> (\d+)\n", sent)
        if not new:
            continue
        heard += [(nick.decode(), text.decode()) for nick, text in new]
        cuts += 1
        for part in (None, rng):
            folder = pathlib.Path(tempfile.mkdtemp(prefix="sockeye-cut-", dir=data.parent))
            disk.build(folder, part)
            found = kept(folder, broken)
            missing = set(heard) - set(found)
            lost += len(missing) if part is None else 0
            if part is not None and missing and not lost:
                broken.append(f"{len(missing)} missing after a part of the later writes")
            if len(set(found)) != len(found):
                broken.append("twice")
            shutil.rmtree(folder)
    # Several hear the same line: each (nick, text) once.
    return {"cuts": cuts, "heard": len(set(heard)), "lost": lost, "syncs": disk.syncs,
            "broken": len(broken), **({"first": broken[0]} if broken else {})}
