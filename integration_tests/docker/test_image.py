"""The image as Airbyte runs it, and what is in it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

import source_closeio
from examples.demo import path_of
from source_closeio.endpoints import ENDPOINTS
from unit_tests.conftest import catalog_of

from .conftest import IMAGE, Close, Run

pytestmark = pytest.mark.docker

STREAMS = ("leads", "opportunities", "tasks", "activities", "event_log", "users")
PATHS = {each.name: path_of(each) for each in ENDPOINTS if each.name in STREAMS}

Start = Callable[..., Container]
Begin = Callable[..., Run]


def test_spec_needs_no_network_no_rights_and_no_disk(start: Start) -> None:
    code, output = Run(start("spec", network_mode="none")).finish()

    assert code == 0
    specification = json.loads((Path(source_closeio.__file__).parent / "spec.json").read_text())
    assert output.of("SPEC")[0]["spec"]["connectionSpecification"] == specification["connectionSpecification"]


def test_check_succeeds_with_a_config_that_it_cannot_write(begin: Begin) -> None:
    code, output = begin("check").finish()

    assert code == 0
    assert output.of("CONNECTION_STATUS")[0]["connectionStatus"] == {"status": "SUCCEEDED"}


def test_check_with_a_wrong_key_says_so(begin: Begin) -> None:
    code, output = begin("check", api_key="nobody").finish()

    assert code == 0
    status = output.of("CONNECTION_STATUS")[0]["connectionStatus"]
    assert (status["status"], "rejected the API key" in status["message"]) == ("FAILED", True)


def test_a_sync_with_a_wrong_key_ends_with_exit_code_1(begin: Begin) -> None:
    code, output = begin("read", api_key="nobody", catalog=catalog_of(STREAMS)).finish()

    assert code == 1
    assert "rejected the API key" in output.errors[0]


def test_discover_offers_the_streams_with_this_organisations_custom_fields(begin: Begin) -> None:
    code, output = begin("discover").finish()

    assert code == 0
    (found,) = output.of("CATALOG")
    streams = {stream["name"]: stream["json_schema"]["properties"] for stream in found["catalog"]["streams"]}
    assert set(STREAMS) <= set(streams)
    assert any(column.startswith("custom.cf_") for column in streams["leads"])


def test_read_brings_every_record(begin: Begin, close: Close) -> None:
    code, output = begin("read", catalog=catalog_of(STREAMS)).finish()

    assert code == 0
    assert {stream: output.ids(stream) for stream in STREAMS} == {name: close.ids(path) for name, path in PATHS.items()}


@pytest.mark.parametrize(("signal", "exit_code"), [("SIGKILL", 137), ("SIGTERM", 143)])
def test_a_sync_that_is_cut_short_goes_on_from_its_last_state(
    begin: Begin, close: Close, signal: str, exit_code: int
) -> None:
    cut = begin("read", catalog=catalog_of(STREAMS))
    cut.read_until("STATE")
    cut.container.kill(signal)
    code, before = cut.finish()
    rest_code, rest = begin("read", catalog=catalog_of(STREAMS), state=before.state).finish()

    assert (code, rest_code) == (exit_code, 0)
    wanted = {name: close.ids(path) for name, path in PATHS.items()}
    assert {stream: before.ids(stream) for stream in STREAMS} != wanted, "ended before the signal came"
    assert {stream: before.ids(stream) | rest.ids(stream) for stream in STREAMS} == wanted


def test_docker_stop_ends_a_sync_within_five_seconds(begin: Begin) -> None:
    sync = begin("read", catalog=catalog_of(STREAMS))
    sync.read_until("RECORD")

    sync.container.stop(timeout=5)  # then the engine would kill it, which is 137

    assert sync.finish()[0] == 143


# what is in it


@pytest.fixture(scope="module")
def inside(start: Start) -> Callable[[str], str]:
    """What a shell script prints inside."""
    container = start(entrypoint=["sleep", "1000"], network_mode="none")

    def inside(script: str) -> str:
        written: Any = container.exec_run(["sh", "-c", script]).output
        return str(written, "utf-8").strip()

    return inside


def test_the_image_says_what_it_is_and_how_it_is_started(
    engine: docker.DockerClient, inside: Callable[[str], str]
) -> None:
    config: dict[str, Any] = engine.images.get(IMAGE).attrs["Config"]

    assert config["User"] == "1000:1000"
    assert config["Labels"]["io.airbyte.name"] == "source-closeio"
    version = inside('python -c "import source_closeio; print(source_closeio.__version__)"')
    assert config["Labels"]["io.airbyte.version"] == config["Labels"]["org.opencontainers.image.version"] == version
    assert f"AIRBYTE_ENTRYPOINT={' '.join(config['Entrypoint'])}" in config["Env"]
    assert config["Entrypoint"] == ["python", "/airbyte/integration_code/main.py"]
    # Kubernetes starts it by the variable, from a folder of its own.
    assert '{"type":"SPEC"' in inside('cd /tmp && eval "$AIRBYTE_ENTRYPOINT" spec')


def test_the_installed_package_runs_and_nothing_lies_beside_it(inside: Callable[[str], str]) -> None:
    module = inside('python -c "import source_closeio; print(source_closeio.__file__)"')

    assert module.endswith("/site-packages/source_closeio/__init__.py")
    assert inside("cd /airbyte && find . -type f") == "./integration_code/main.py"
    assert (
        inside(
            "find / -xdev \\( -name unit_tests -o -name integration_tests -o -name 'requirements*.txt' \\) 2>/dev/null"
        )
        == ""
    )
    assert inside("command -v cc gcc c++ make") == ""
    assert inside("ls -A ~root/.cache ~airbyte/.cache /tmp 2>/dev/null | grep -v :") == ""


def test_modules_are_compiled_beforehand_as_the_disk_cannot_be_written(inside: Callable[[str], str]) -> None:
    compiled = inside("python -v -c 'import source_closeio.source' 2>&1 | grep -c 'matches /opt/venv'")
    assert int(compiled) > 500


def test_what_the_cdk_requires_is_there_but_for_what_was_left_out(inside: Callable[[str], str]) -> None:
    missing = inside("pip --disable-pip-version-check --python /opt/venv/bin/python check 2>/dev/null").splitlines()

    packages = sorted(line.split(" requires ")[1].split(",")[0] for line in missing)
    assert packages == ["google-cloud-secret-manager", "nltk", "pandas"]


def test_the_image_is_below_400_megabytes(engine: docker.DockerClient) -> None:
    assert engine.images.get(IMAGE).attrs["Size"] < 400_000_000
