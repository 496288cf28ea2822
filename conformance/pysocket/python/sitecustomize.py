"""Puts our socket type where Python's own `socket` module looks for one, before anything does.

`_socket` becomes a copy of CPython's with the names below replaced; `Lib/socket.py`, and every test
of CPython's, then runs on ours. With SOCKEYE_EPOLL `select.epoll` is ours as well. Python imports
this file by itself when it stands on PYTHONPATH.
"""

import os
import sys
import types
import warnings

import _socket as theirs
import sockeye_pysocket as ours

FUNCTIONS = (
    *("getaddrinfo", "getnameinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"),
    *("gethostname", "sethostname", "getservbyname", "getservbyport", "getprotobyname"),
    *("if_nameindex", "if_nametoindex", "if_indextoname", "inet_aton"),
)


class socket(ours.Socket):
    """What `_socket.socket` is beside its methods: making one, showing one, forgetting one."""

    __slots__ = ()

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
        self.open((family, type, proto), fileno, theirs.getdefaulttimeout())

    def __repr__(self):
        numbers = (self.fileno(), self.family, self.type, self.proto)
        return "<socket object, fd=%i, family=%i, type=%i, proto=%i>" % numbers

    def __del__(self, warn=warnings.warn):
        if self.fileno() != -1:
            warn(f"unclosed {self!r}", ResourceWarning, source=self)
            self.close()


def socketpair(family=theirs.AF_UNIX, type=theirs.SOCK_STREAM, proto=0):
    """Two connected sockets of our type."""
    a, b = ours.socketpair(family, type, proto)
    return socket(family, type, proto, a), socket(family, type, proto, b)


assert "socket" not in sys.modules, "too late: the socket module has the other type already"
mixed = types.ModuleType("_socket", theirs.__doc__)
mixed.__dict__.update(theirs.__dict__)
mixed.__dict__.update(socket=socket, SocketType=socket, socketpair=socketpair)
mixed.__dict__.update(CMSG_LEN=ours.cmsg_len, CMSG_SPACE=ours.cmsg_space)
for name in FUNCTIONS:
    setattr(mixed, name, getattr(ours, name))
sys.modules["_socket"] = mixed

if os.environ.get("SOCKEYE_EPOLL"):
    import select

    import sockeye_epoll

    select.epoll = sockeye_epoll.epoll
