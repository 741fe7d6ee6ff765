"""New OAuth tokens, which belong into the config file."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from source_closeio.errors import FileError
from source_closeio.files import read_object

from .logs import LINES, log
from .options import secrets_of


def keep_tokens(path: str, config: Mapping[str, Any]) -> None:
    """Writes the credentials of this config, new OAuth tokens, into the config file: the old ones are used up."""
    LINES.secrets += secrets_of(config)
    try:
        text = json.dumps({**read_object(path), "credentials": config["credentials"]}, indent=2) + "\n"
        try:
            _replace(Path(path).resolve(), text)
        except OSError:  # a file that is mounted by itself cannot be replaced
            Path(path).write_text(text, encoding="utf-8")
    except (OSError, FileError) as failure:
        log.error(f"The next sync cannot sign in: its new OAuth token could not be written to {path} ({failure}).")
    else:
        log.info(f"New OAuth tokens are in {path}.")


def _replace(path: Path, text: str) -> None:
    mode = path.stat().st_mode
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        try:
            file.write(text)
            file.flush()
            Path(file.name).chmod(mode)
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink()
            raise
