"""`make bench-image`: the size of the Docker image and what its start costs. Writes benchmarks/image.md."""

import os
import platform
import re
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

IMAGE = os.environ.get("IMAGE", "source-closeio:dev")
BASE = os.environ.get("BASE", "python:3.11-slim-bookworm")
START = "$AIRBYTE_ENTRYPOINT spec > /dev/null; times"


def main() -> int:
    image, base = size(IMAGE), size(BASE)
    started = time.monotonic()
    run("spec")
    wall = time.monotonic() - started
    text = (
        f"Measured {date.today().isoformat()}, {os.cpu_count()} cores, {platform.machine()}: the image has "
        f"{image / 1e6:.0f} MB, of which {(image - base) / 1e6:.0f} MB are not the base's. "
        f"`docker run --rm {IMAGE} spec` takes {wall:.1f} s, {cpu():.1f} s of it CPU inside the container.\n"
    )
    Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)
    return 0


def size(image: str) -> int:
    return int(docker("image", "inspect", "--format", "{{.Size}}", image))


def cpu() -> float:
    """Seconds, user and system, of one `spec`: the second line of `times` is that of the shell's children."""
    children = run("-c", START, entrypoint="sh").splitlines()[1]
    return sum(60 * int(minutes) + float(seconds) for minutes, seconds in re.findall(r"(\d+)m([\d.]+)s", children))


def run(*words: str, entrypoint: str | None = None) -> str:
    options = ["--entrypoint", entrypoint] if entrypoint else []
    return docker("run", "--rm", "--network", "none", *options, IMAGE, *words)


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S607 - on the PATH


if __name__ == "__main__":
    sys.exit(main())
