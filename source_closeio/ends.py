"""Ends that wait for nobody: the process is told to end, or who read what it writes has gone."""

import os
import select
import signal
import sys
import threading


def end_when_told() -> None:
    """At once, whatever the readers wait for, and without the CDK's traceback; the last state on stdout is valid.

    Linux keeps a SIGTERM from the first process of a container unless it has a handler.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: os._exit(128 + number))


def end_when_nobody_reads() -> None:
    """That nobody does shows at the next write only, and while Close is waited for nothing is written."""
    if hasattr(select, "poll"):  # not on Windows
        threading.Thread(target=_wait_for_the_reader_to_go, daemon=True).start()


def _wait_for_the_reader_to_go() -> None:
    gone = select.poll()
    gone.register(sys.__stdout__.fileno() if sys.__stdout__ else 1, 0)  # a broken pipe is reported unasked
    gone.poll()
    os._exit(1)
