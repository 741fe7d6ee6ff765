"""Environments of their own for other people's programs, kept between runs: they take long to make."""

import os
import subprocess
import sys
from pathlib import Path

HOME = Path(os.environ.get("SOURCE_CLOSEIO_CLIENTS", "~/.cache/source-closeio/clients")).expanduser()


def environment(name: str, *requirements: str) -> Path:
    """`environment("pyairbyte", "airbyte==...")` is the folder of its programs. Other requirements make it anew."""
    home = HOME / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
    made_for = home / "made-for.txt"
    if not made_for.is_file() or made_for.read_text() != "\n".join(requirements):
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([home / "bin/python", "-m", "pip", "install", "--quiet", *requirements], check=True)
        made_for.write_text("\n".join(requirements))
    return home / "bin"
