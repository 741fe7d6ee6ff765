"""Answers in the shape of Close's: those of this repository, and others where they lie beside it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OURS = Path(__file__).parent / "recordings"
OTHERS = OURS.parents[2] / "shared" / "recordings"


def exchanges() -> Iterator[tuple[str, dict[str, Any]]]:
    """File and place in it, and `{"request": {method, url}, "response": {status, headers, body}}`."""
    for file in [*sorted(OURS.glob("*.json")), *sorted(OTHERS.glob("*.json"))]:
        for number, exchange in enumerate(json.loads(file.read_text(encoding="utf-8"))):
            yield f"{file.stem}-{number}", exchange
