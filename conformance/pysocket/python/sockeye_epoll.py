"""`select.epoll` made of our selector, as far as that goes: level-triggered, to read and to write.

What it does not have: edges, one-shots and priority data (`EPOLLET` and others are refused,
`EPOLLPRI`, which the default mask has, is never told), and two objects on one descriptor
(`fromfd`). A hang-up or an error shows as what was asked for and `EPOLLHUP`.
"""

import operator
import select
import sys

import sockeye_pysocket

READ, WRITE, CLOSED = 1, 2, 4
KNOWN = select.EPOLLIN | select.EPOLLOUT | select.EPOLLPRI


class epoll:
    """Waits for descriptors; each method as `select.epoll`'s."""

    _sockeye = True

    def __init__(self, sizehint=-1, flags=0):
        if operator.index(sizehint) != -1 and sizehint <= 0:
            raise ValueError("negative sizehint")
        if flags & ~select.EPOLL_CLOEXEC:
            raise OSError(22, "Invalid argument")
        self._selector = sockeye_pysocket.Selector()

    def __enter__(self):
        self.fileno()
        return self

    def __exit__(self, *args):
        self.close()

    @property
    def closed(self):
        return self._selector.closed

    def close(self):
        self._selector.close()

    def fileno(self):
        return self._selector.fileno()

    def register(self, fd, eventmask=KNOWN):
        self._selector.register(number(fd), wanted(eventmask))

    def modify(self, fd, eventmask):
        self._selector.modify(number(fd), wanted(eventmask))

    def unregister(self, fd):
        self._selector.unregister(number(fd))

    def poll(self, timeout=None, maxevents=-1):
        if maxevents == -1:
            maxevents = sys.maxsize
        elif maxevents <= 0:
            raise ValueError(f"maxevents must be greater than 0, got {maxevents}")
        if timeout is not None and timeout < 0:
            timeout = None
        found = {}
        # One select gives at most so many; what is ready stays ready, so ask until nothing is new.
        while len(found) < maxevents:
            known = len(found)
            found.update(self._selector.select(timeout))
            timeout = 0
            if len(found) == known:
                break
        return [(fd, mask(events)) for fd, events in list(found.items())[:maxevents]]


def number(fd):
    """The number of a descriptor, or of what has a `fileno`."""
    if not isinstance(fd, int):
        fileno = getattr(fd, "fileno", None)
        if fileno is None:
            raise TypeError("argument must be an int, or have a fileno() method.")
        fd = fileno()
    if fd < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({fd})")
    return fd


def wanted(eventmask):
    if eventmask & ~KNOWN:
        raise NotImplementedError(f"only EPOLLIN and EPOLLOUT: {eventmask:#x}")
    read = READ if eventmask & select.EPOLLIN else 0
    return read | (WRITE if eventmask & select.EPOLLOUT else 0)


def mask(events):
    read = select.EPOLLIN if events & READ else 0
    write = select.EPOLLOUT if events & WRITE else 0
    return read | write | (select.EPOLLHUP if events & CLOSED else 0)
