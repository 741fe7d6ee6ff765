"""The connector with the emulator in place of Close."""

import atexit
from functools import cache
from typing import Any

from close_emulator import SMALL, Behaviour, Emulator
from source_closeio.source import SourceCloseIO
from source_closeio.windows import parse_moment


@cache
def organisation() -> Emulator:
    """A small organisation with rows in every list, at noon of a day in March; it serves until the process ends."""
    emulator = Emulator(
        SMALL,
        seed=11,
        now=parse_moment("2026-03-01T12:00:00Z"),
        behaviour=Behaviour(api_key="api_emulated_0123456789"),
    )
    emulator.start()
    atexit.register(emulator.stop)
    return emulator


def emulated_source() -> SourceCloseIO:
    """Reads the emulator, whose address is known only now, where the config names no other."""
    source = SourceCloseIO()
    configure = source.configure

    def configured(config: dict[str, Any], temp_dir: str) -> Any:
        return configure({"base_url": organisation().base_url, **config}, temp_dir)

    source.configure = configured  # type: ignore[assignment, method-assign]
    return source
