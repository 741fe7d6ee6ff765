"""The image, and an emulator of Close in a second container on a network that those two share with nobody."""

import gc
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import docker
import pytest
from docker.models.containers import Container

import close_emulator
from unit_tests.conftest import API_KEY, Output

IMAGE = os.environ.get("IMAGE", "source-closeio:dev")

LOCKED_DOWN: dict[str, Any] = {
    "read_only": True,
    "tmpfs": {"/tmp": ""},  # noqa: S108 - the container's
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}
"""How every container of the tests runs: what works so works with more rights too."""


@contextmanager
def written(container: Container) -> Iterator[Iterator[bytes]]:
    """What a container writes to stdout, line by line, as it comes."""
    stream: Any = container.logs(stream=True, stderr=False)
    try:
        yield stream
    finally:
        stream._response.close()  # its own close() leaves the connection open


class Close:
    """The emulator, in a container without a network card; who joins its network finds it on loopback.

    So it needs no bridge of the engine, and the connector is seen to need no other host. The connector would not send
    its key unencrypted to any other address anyway.
    """

    def __init__(self, container: Container) -> None:
        self._container = container
        self.network = f"container:{container.id}"
        with written(container) as lines:
            self.base_url = next(lines).decode().strip()

    def ids(self, path: str) -> set[str]:
        """The ids of all records of a list."""
        url = urljoin(self.base_url, f"/_emulator/ids?path={path}")
        script = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
        written: Any = self._container.exec_run(["python", "-c", script, url]).output
        return set(json.loads(written))


class Run:
    """One run of the connector in a container."""

    def __init__(self, container: Container) -> None:
        self.container = container

    def read_until(self, kind: str) -> None:
        """Waits for the first message of this kind."""
        beginning = f'{{"type":"{kind}"'.encode()
        with written(self.container) as lines:
            assert any(line.startswith(beginning) for line in lines), f"ended without {kind}"

    def finish(self) -> tuple[int, Output]:
        """Waits for the end; the exit code, and what was written. A line that was cut off is none."""
        code = self.container.wait()["StatusCode"]
        *lines, _ = self.container.logs(stderr=False).split(b"\n")
        return code, Output([json.loads(line) for line in lines])


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the SDK forgets a socket that found nobody
        missing = _missing()
        gc.collect()
    if missing:
        pytest.fail(missing, pytrace=False)
    client = docker.from_env()
    yield client
    client.close()


def _missing() -> str | None:
    try:
        with closing(docker.from_env()) as client:
            client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        return f"There is no image {IMAGE}; build it with `make image`."
    except docker.errors.DockerException as failure:
        return f"These tests need a Docker engine, and none answers: {failure}"
    return None


@pytest.fixture(scope="session")
def start(engine: docker.DockerClient) -> Iterator[Callable[..., Container]]:
    """Starts a container of the image; what is left of them goes at the end."""
    containers: list[Container] = []

    def start(*words: str, **options: Any) -> Container:
        container = engine.containers.run(IMAGE, list(words), detach=True, **{**LOCKED_DOWN, **options})
        containers.append(container)
        return container

    yield start
    for container in reversed(containers):
        with suppress(docker.errors.NotFound):
            container.remove(force=True)


@pytest.fixture(scope="session")
def close(start: Callable[..., Container]) -> Close:
    # The image holds the connector alone; the emulator needs a Python and nothing else.
    words = ["-m", "close_emulator", "--leads", "300", "--latency", "0.05", "--api-key", API_KEY]
    mounted = [f"{Path(close_emulator.__file__).parent}:/emulator/close_emulator:ro"]
    return Close(start(*words, entrypoint="python", working_dir="/emulator", volumes=mounted, network_mode="none"))


@pytest.fixture
def begin(start: Callable[..., Container], close: Close, tmp_path: Path) -> Callable[..., Run]:
    """Begins a command: `begin("read", catalog=..., state=..., api_key=...)`. Its files are mounted read-only."""

    def begin(command: str, *, api_key: str = API_KEY, **files: Any) -> Run:
        files["config"] = {"api_key": api_key, "base_url": close.base_url, "num_workers": 4}
        mounted = tmp_path / "secrets"
        mounted.mkdir(exist_ok=True)
        words = [command]
        for name, content in files.items():
            (mounted / f"{name}.json").write_text(json.dumps(content))
            words += [f"--{name}", f"/secrets/{name}.json"]
        return Run(start(*words, network_mode=close.network, volumes=[f"{mounted}:/secrets:ro"]))

    return begin
