"""Runs one of CPython's test files and writes down what became of each of its tests.

    python3 drive.py RESULT.json WHICH NAME [IGNORED...]

NAME is a module below `test` (`test_socket`), or a module and a class of it. IGNORED are classes
and tests that are left out. WHICH is what the run has to have, which is checked: `c`, `socket` (our
socket type), or `epoll` (our selector as well). The same file drives all runs, so that nothing
differs but that.
"""

import faulthandler
import json
import sys
import unittest

SECONDS_MAX = 300  # for the whole file; then every thread's stack is shown and the run ends


class Record(unittest.TextTestResult):
    """Keeps each outcome as [test, word, reason]."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.outcomes = []

    def note(self, test, word, reason=""):
        self.outcomes.append([test.id(), word, str(reason)])

    def addSuccess(self, test):
        super().addSuccess(test)
        self.note(test, "ok")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "skip", reason)

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "error", err[1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "fail", err[1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(subtest, "fail", err[1])

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.note(test, "expected failure")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.note(test, "unexpected success")


def kept(suite, ignored):
    """The suite without the tests that have an ignored name in theirs."""
    suite._tests = [
        kept(test, ignored) if isinstance(test, unittest.TestSuite) else test
        for test in suite
        if isinstance(test, unittest.TestSuite) or not ignored & set(test.id().split("."))
    ]
    return suite


def main(result, which, name, *ignored):
    faulthandler.dump_traceback_later(SECONDS_MAX, exit=True)
    # Told by the types themselves, not by what was asked for.
    import _socket
    import select

    found = "socket" if hasattr(_socket.socket, "_sockeye") else "c"
    found = "epoll" if hasattr(select.epoll, "_sockeye") else found
    if found != which:
        sys.exit(f"this run has {found}, not {which}")
    from test import support

    support.use_resources = ["network"]
    suite = kept(unittest.defaultTestLoader.loadTestsFromName(f"test.{name}"), set(ignored))
    done = unittest.TextTestRunner(verbosity=2, resultclass=Record).run(suite)
    with open(result, "w") as file:
        json.dump({"run": done.testsRun, "outcomes": done.outcomes}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
