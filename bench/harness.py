"""What the jobs share: building, pinning, CPU time from /proc, medians, results."""
import contextlib
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
TICK = os.sysconf("SC_CLK_TCK")
SERVER_CORE = 0
LOAD_CORE = 1


def pinned(core, command):
    """The command on one core; where there is only one, everything shares it."""
    if os.cpu_count() < 2:
        return command
    return ["taskset", "-c", str(core), *command]


def median(values):
    return statistics.median(values)


def family(pid):
    """The process and all its living descendants."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], [pid]
    while queue:
        found.append(queue.pop())
        queue += children.get(found[-1], [])
    return found


def cpu_seconds(pid):
    """User and system time of a process, its living descendants, and those it waited for."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
            if one == pid:
                total += int(fields[13]) + int(fields[14])
    return total / TICK


def memory_mib(pid):
    """The most memory that the process and its descendants have had, each by itself, added up."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{one}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    total += int(line.split()[1])
    return total / 1024


def output_of(*command):
    """What a program says, standard error included; nothing where it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return (done.stdout + done.stderr).strip()


class Server:
    """A server on its own core, waited for by its ready line, ended on leaving. What a peer logs is
    dropped."""

    def __init__(self, name, command, ready=None, url=None):
        self.name, self.command, self.ready, self.url = name, command, ready, url

    def __enter__(self):
        self.process = subprocess.Popen(pinned(SERVER_CORE, self.command), text=True,
                                        stdout=subprocess.PIPE if self.ready else None,
                                        stderr=None if self.ready else subprocess.DEVNULL)
        if self.ready:
            for line in self.process.stdout:
                if line.startswith(self.ready):
                    self.url = line.removeprefix(self.ready).strip()
                    break
            else:
                raise SystemExit(f"{self.name} ended with {self.process.wait()}")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def cpu(self):
        return cpu_seconds(self.process.pid)


class Bench:
    """One run of one job: its tools, its rows, its result."""

    def __init__(self, arguments, command):
        self.arguments, self.command = arguments, command
        self.rows, self.notes, self.sections = [], list(arguments.note), []
        self.versions = {}
        self.load_before = os.getloadavg()

    def runs(self, default):
        return self.arguments.runs or default

    def install(self, *peers):
        subprocess.run([BENCH / "install", *peers], check=True)

    def build(self, *packages):
        """Builds by the chosen profile; gives the folder with the binaries."""
        profile = self.arguments.profile
        for package in packages:
            subprocess.run(["cargo", "build", "--quiet", "--profile", profile, "-p", package],
                           cwd=ROOT, check=True)
        told = subprocess.run(["cargo", "metadata", "--format-version", "1", "--no-deps"],
                              cwd=ROOT, check=True, capture_output=True, text=True)
        target = pathlib.Path(json.loads(told.stdout)["target_directory"]) / profile
        commit = output_of("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
        self.versions["sockeye"] = f"{commit} ({profile})"
        return target

    @contextlib.contextmanager
    def scratch(self, memory=False):
        """A folder for the run: on the disk, or in memory."""
        parent = "/dev/shm" if memory else None
        if parent is None:
            parent = BENCH / "out"
            parent.mkdir(exist_ok=True)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="sockeye-bench-", dir=parent))
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def table(self, title, unit, better, contenders, base="sockeye", digits=1):
        """One table: contender -> figures of its runs. Ratios say how much better `base` is."""
        def figure(name):
            return median(contenders[name])

        lines = [f"### {title}", "", f"| | {unit} | spread | {base} is |", "|---|---|---|---|"]
        for name, values in contenders.items():
            ratio = figure(base) / figure(name) if better == "more" else figure(name) / figure(base)
            text = "" if name == base else f"{ratio:.2f} x"
            spread = f"{min(values):.{digits}f} to {max(values):.{digits}f}"
            lines.append(f"| {name} | {figure(name):.{digits}f} | {spread} | {text} |")
            self.rows.append({"table": title, "contender": name, "unit": unit, "better": better,
                              "median": figure(name), "runs": values,
                              f"{base}_ratio": None if name == base else ratio})
        self.sections.append("\n".join(lines))

    def publish(self):
        date = datetime.date.today().isoformat()
        model = next((line.split(":", 1)[1].strip()
                      for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                      if line.startswith("model name")), "unknown")
        result = {
            "job": self.arguments.job, "date": date, "command": self.command,
            "machine": {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release()},
            "load_average": {"before": self.load_before, "after": os.getloadavg()},
            "versions": self.versions, "notes": self.notes, "rows": self.rows,
        }
        before, after = self.load_before[0], os.getloadavg()[0]
        text = [f"# {self.arguments.job}, {date}", "", f"`{self.command}`", "",
                f"{model}, {os.cpu_count()} cores, Linux {platform.release()}; "
                + ", ".join(f"{name} {version}" for name, version in self.versions.items())
                + f". Load average {before:.1f} before, {after:.1f} after.", ""]
        for note in self.notes:
            text += [f"- {note}"]
        if self.notes:
            text += [""]
        text += ["\n\n".join(self.sections), ""]
        text = "\n".join(text)
        print(text)
        if not self.arguments.no_save:
            results = BENCH / "results"
            results.mkdir(exist_ok=True)
            name = f"{date}-{self.arguments.job}"
            (results / f"{name}.md").write_text(text)
            (results / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")


def timed(command, pin=True):
    """Runs a program, on the server's core or anywhere; gives wall and CPU seconds, MiB, output,
    and the exit code."""
    started = time.perf_counter()
    command = pinned(SERVER_CORE, command) if pin else command
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said, process.returncode
