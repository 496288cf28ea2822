"""transfer: --plain-md5 with 1 GiB in memory, against md5sum alone and the same by nc and md5sum.

Floor: md5sum reading the file; each side of the protocol has to do that much. Nothing is pinned
here: the stages of a transfer are meant to run beside each other.
"""
import os
import pathlib
import socket
import subprocess
import threading
import time

from harness import output_of, timed

MIB = 1024
SIZE = MIB << 20


def md5sum(path):
    seconds, cpu, _, said, _ = timed(["md5sum", str(path)], pin=False)
    return seconds, cpu, said[:32]


def start_receiver(binary, folder):
    command = [str(binary), "receive", "--plain-md5", "-b", "127.0.0.1:0", "--overwrite", "always",
               str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    host, port = line.removeprefix("listening receive ").strip().rsplit(":", 1)
    return process, (host, int(port))


def finish(process, what):
    process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{what} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def receive(binary, path, digest, folder):
    """From the connection to the receiver's end; the peer's digest is made beforehand."""
    process, address = start_receiver(binary, folder)
    started = time.perf_counter()
    with socket.create_connection(address) as peer, open(path, "rb") as file:
        peer.sendall(digest)
        peer.sendfile(file)
        peer.shutdown(socket.SHUT_WR)
        cpu, memory = finish(process, "receive")
    wall = time.perf_counter() - started
    return wall, cpu, memory


def sink(listener):
    """A receiver that throws everything away."""
    client, _ = listener.accept()
    space = bytearray(1 << 20)
    with client:
        while client.recv_into(space):
            pass


def send(binary, path):
    """From the start to the end of the sender: the sum, then the bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taker = threading.Thread(target=sink, args=(listener,))
        taker.start()
        to = "127.0.0.1:%d" % listener.getsockname()[1]
        command = [str(binary), "send", "--plain-md5", "--to", to, str(path)]
        wall, cpu, memory, _, code = timed(command, pin=False)
        taker.join()
    if code != 0:
        raise SystemExit(f"send ended with {code}")
    return wall, cpu, memory


def both(binary, path, folder):
    process, (host, port) = start_receiver(binary, folder)
    started = time.perf_counter()
    command = [str(binary), "send", "--plain-md5", "--to", f"{host}:{port}", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    finish(process, "receive")
    return time.perf_counter() - started


def both_by_nc(path, folder):
    """The tutorial by hand: sum and bytes into nc, and md5sum again at the other end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    taken = folder / "taken"
    take = f"nc -v -n -l 127.0.0.1 {port} >{taken} && tail -c +33 {taken} | md5sum >/dev/null"
    taker = subprocess.Popen(["sh", "-c", take], stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    taker.stderr.readline()
    started = time.perf_counter()
    give = f"(md5sum <{path} | cut -c1-32 | tr -d '\\n'; cat {path}) | nc -N 127.0.0.1 {port}"
    subprocess.run(["sh", "-c", give], check=True)
    taker.stderr.read()
    if taker.wait() != 0:
        raise SystemExit("nc failed")
    return time.perf_counter() - started


def run(bench):
    bench.install("nc")
    binary = bench.build("sockeye") / "sockeye"
    bench.versions["md5sum"] = output_of("md5sum", "--version").split("\n")[0].split()[-1]
    speeds = {side: {} for side in ("receive", "send", "both")}
    memory, used_cpu = {"receive": [], "send": []}, {}

    def note(side, name, seconds):
        speeds[side].setdefault(name, []).append(MIB / seconds)
        bench.say(f"{side}: {name} {MIB / seconds:.0f} MiB/s")

    with bench.scratch(memory=True) as folder:
        path = pathlib.Path(folder) / "file"
        with open(path, "wb") as file:
            for _ in range(MIB):
                file.write(os.urandom(1 << 20))
        (folder / "in").mkdir()
        for _ in range(bench.runs(5)):
            seconds, cpu, digest = md5sum(path)
            used_cpu.setdefault("floor: md5sum", []).append(cpu)
            wall, cpu, used = receive(binary, path, digest, folder / "in")
            note("receive", "sockeye", wall)
            note("receive", "floor: md5sum", seconds)
            memory["receive"].append(used)
            used_cpu.setdefault("sockeye receive", []).append(cpu)
            wall, cpu, used = send(binary, path)
            note("send", "sockeye", wall)
            note("send", "floor: md5sum", seconds)
            memory["send"].append(used)
            used_cpu.setdefault("sockeye send", []).append(cpu)
            note("both", "sockeye", both(binary, path, folder / "in"))
            note("both", "md5sum and nc", both_by_nc(path, folder))
            note("both", "floor: md5sum twice", 2 * seconds)
    bench.table("receive, 1 GiB, the sender's sum made beforehand", "MiB/s", "more",
                speeds["receive"], digits=0)
    bench.table("send, 1 GiB, its own sum included", "MiB/s", "more", speeds["send"], digits=0)
    bench.table("send to receive, 1 GiB, both sums", "MiB/s", "more", speeds["both"], digits=0)
    bench.table("CPU of each side for 1 GiB, where a busy machine counts less", "CPU seconds",
                "less", used_cpu, base="sockeye receive", digits=2)
    bench.notes.append("most memory: receive {:.1f} MiB, send {:.1f} MiB".format(
        max(memory["receive"]), max(memory["send"])))
