"""The command line `tap-closeio`, and the process: stdout, stderr, exit codes.

The CDK is imported only for what needs it: that takes more than a second.
"""

import argparse
import gc
import json
import sys
import traceback
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, redirect_stdout
from types import ModuleType
from typing import Any, BinaryIO

from source_closeio import __version__
from source_closeio.ends import end_when_nobody_reads
from source_closeio.errors import Problem
from source_closeio.files import read_object

from . import logs
from .messages import Log, Message, line
from .options import PROFILES, read_options, secrets_of
from .tokens import keep_tokens

BUFFER = 2**18
"""Bytes. Python's own buffer holds two leads, and each write costs a switch to a reader's thread and back."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. Returns the exit code: 0 only if everything that was asked for was read whole."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if not (asked.config or asked.about):
        parser.error("the following arguments are required: -c/--config")
    logs.take_over()
    others = logs.NotStdout(lambda config: keep_tokens(asked.config, config))
    try:
        with open(sys.stdout.fileno(), "wb", BUFFER, closefd=False) as out, redirect_stdout(others):
            _run(asked, out)
    except BrokenPipeError:
        return 1  # whoever read us has gone, and says why
    except KeyboardInterrupt:
        return 130
    except Problem as failure:
        logs.log.critical(str(failure))
        return 1
    except Exception as failure:  # noqa: BLE001 - what it says may quote a record, so only where it happened is told
        places = "".join(traceback.format_tb(failure.__traceback__))
        logs.log.critical(f"Something failed that should not, {type(failure).__name__}; please report it:\n{places}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tap-closeio", description="Reads Close CRM for Singer targets.")
    parser.add_argument("-c", "--config", metavar="FILE", help="config; required, except for --about")
    parser.add_argument("-s", "--state", metavar="FILE", help="state to go on from")
    parser.add_argument("--catalog", metavar="FILE", help="catalog that says what to read; without it, everything")
    parser.add_argument("-p", "--properties", metavar="FILE", help="the same, by its older name")
    parser.add_argument("-d", "--discover", action="store_true", help="print the catalog")
    parser.add_argument("--profile", choices=PROFILES, help="overrides `profile` in the config")
    parser.add_argument("--about", action="store_true", help="print name, version, settings and streams as JSON")
    parser.add_argument("--dev", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"tap-closeio {__version__} (source-closeio)")
    return parser


def _run(asked: argparse.Namespace, out: BinaryIO) -> None:
    if asked.about:
        _print(_tap().about(asked.profile or "compat"), out)
        return
    options = read_options(read_object(asked.config), asked.profile)
    logs.LINES.secrets = list(secrets_of(options.source))
    catalog_file = asked.catalog or asked.properties
    catalog = read_object(catalog_file) if catalog_file else None
    state = read_object(asked.state) if asked.state else {}
    for remark in options.remarks:
        logs.log.warning(remark)
    tap = _tap()
    with logs.timed_requests():
        if asked.discover:
            _print(tap.discover(options), out)
        else:
            end_when_nobody_reads()
            _write(tap.sync(options, catalog, state), out)


def _tap() -> ModuleType:
    """`tap`, imported late, with the CDK."""
    # The CDK makes half a million objects while it is imported, all to stay: collecting meanwhile finds nothing.
    gc.disable()
    from . import tap

    logs.take_over()  # the CDK has put a handler on stdout
    # Records are trees without cycles: what the collector would walk through over and over costs a tenth of the CPU.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
    return tap


def _write(messages: Generator[Message | Log, None, None], out: BinaryIO) -> None:
    with closing(messages):
        for message in messages:
            if isinstance(message, Log):
                logs.log.log(message.level, message.text)
                continue
            out.write(line(message))
            if message["type"] == "STATE":
                out.flush()


def _print(document: Mapping[str, Any], out: BinaryIO) -> None:
    out.write(json.dumps(document, indent=2).encode() + b"\n")
