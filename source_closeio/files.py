"""The JSON files that a user hands in.

The standard library is enough for that, and `tap-closeio` reads its config before it imports the CDK.
"""

import json
from pathlib import Path
from typing import Any

from .errors import FileError

DEEPEST = 100
"""Objects and lists inside each other: no file of ours has a quarter of that, and copying and writing JSON recur."""


def read_json(path: str) -> Any:
    """What the file holds, with or without a byte order mark. Raises FileError."""
    try:
        held = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as failure:
        raise FileError(f"{path} cannot be read: {failure.strerror}.") from failure
    except json.JSONDecodeError as failure:
        where = f"line {failure.lineno}, column {failure.colno}"
        raise FileError(f"{path} is not JSON: {failure.msg} ({where}).") from failure
    except UnicodeDecodeError as failure:
        raise FileError(f"{path} is not text in UTF-8.") from failure
    except RecursionError:
        raise FileError(_too_deep(path)) from None
    except ValueError as failure:  # Python reads no more than some thousand digits
        raise FileError(f"{path} holds a number with too many digits.") from failure
    if not _is_shallow(held, DEEPEST):
        raise FileError(_too_deep(path))
    return held


def read_object(path: str) -> dict[str, Any]:
    """The JSON object that the file holds. Raises FileError."""
    held = read_json(path)
    if not isinstance(held, dict):
        raise FileError(f"{path} must hold a JSON object.")
    return held


def _too_deep(path: str) -> str:
    return f"{path} nests objects or lists more than {DEEPEST} deep."


def _is_shallow(value: Any, levels: int) -> bool:
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return below is None or (levels > 0 and all(_is_shallow(each, levels - 1) for each in below))
