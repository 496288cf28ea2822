"""What the kernel keeps for connections, and what others do meanwhile, from /proc."""
import os
import pathlib
import re
import time

# Caches of file systems and of /proc grow by whatever else the machine does.
NOT_OF_SOCKETS = re.compile(r"ext4|btrfs|xfs|jbd2|fuse|ovl|nfs|squash|isofs|fat_|shmem|proc_|kernfs"
                            r"|sysfs|buffer_head|dentry|^inode_cache|radix_tree|bio|blk|request_queue"
                            r"|mnt_|fsnotify|dnotify|inotify|ext2|io_|iomap|extent|hugetlb|quota")


def slab_bytes():
    """Live objects of all slabs that are not of file systems."""
    total = 0
    for line in pathlib.Path("/proc/slabinfo").read_text().splitlines()[2:]:
        name, active, _, size = line.split()[:4]
        if not NOT_OF_SOCKETS.search(name):
            total += int(active) * int(size)
    return total


def field_kib(path, name):
    found = re.search(rf"^{name}:\s+(\d+) kB", pathlib.Path(path).read_text(), re.M)
    return int(found[1]) if found else 0


def tcp_buffer_bytes():
    """What sits in TCP's queues."""
    line = next(line for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines()
                if line.startswith("TCP:"))
    return int(line.rpartition("mem ")[2].split()[0]) * 4096


def snapshot(pid):
    """Bytes: of the process its resident memory and page tables, of the machine slabs, stacks of
    threads and TCP's queues."""
    return {
        "rss": field_kib(f"/proc/{pid}/status", "VmRSS") * 1024,
        "page tables": field_kib(f"/proc/{pid}/status", "VmPTE") * 1024,
        "slabs": slab_bytes(),
        "kernel stacks": field_kib("/proc/meminfo", "KernelStack") * 1024,
        "queues": tcp_buffer_bytes(),
    }


KERNEL = ("page tables", "slabs", "kernel stacks", "queues")


def busy_seconds():
    """Processor time of the whole machine: all but idle and waiting for disks."""
    user, nice, system, _, _, irq, softirq, steal = (
        int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def wait_for_quiet(share, seconds_max):
    """Waits until the machine has rested for a second, all but `share` of it; not for ever."""
    end = time.monotonic() + seconds_max
    while time.monotonic() < end:
        before = busy_seconds()
        time.sleep(1)
        if (busy_seconds() - before) / os.cpu_count() <= share:
            return
