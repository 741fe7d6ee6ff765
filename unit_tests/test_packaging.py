"""What is said in several files is the same everywhere, Airbyte's files are as Airbyte wants them, and the package that
`make dist` builds works where the checkout is not.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import metadata, packages_distributions, requires
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import source_closeio
from source_closeio.config import BASE_URL
from source_closeio.endpoints import ENDPOINTS

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
METADATA: dict[str, Any] = yaml.safe_load((ROOT / "metadata.yaml").read_text())
LOCKED = dict(
    re.findall(r"^([\w.-]+)==(\S+) \\\n +--hash=sha256:", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
)


def test_the_metadata_is_valid() -> None:
    module = "airbyte_connector_models.metadata.v0.connector_metadata_definition_v0"
    models = pytest.importorskip(module, reason="not for this Python")

    models.ConnectorMetadataDefinitionV0.model_validate(METADATA)


def test_the_metadata_speaks_of_this_connector() -> None:
    data = METADATA["data"]

    assert (ROOT / data["icon"]).is_file()
    assert data["allowedHosts"]["hosts"] == [urlsplit(BASE_URL).hostname]
    suggested = set(data["suggestedStreams"]["streams"])
    assert suggested <= {endpoint.name for endpoint in ENDPOINTS}
    assert {"activities", "tasks"} <= suggested
    assert not [name for name in suggested if name.endswith(("_activities", "_tasks", "_values"))], "these overlap"
    assert f"ARG BASE={data['connectorBuildOptions']['baseImage']}\n" in DOCKERFILE
    spec = json.loads((Path(source_closeio.__file__).parent / "spec.json").read_text())
    assert data["documentationUrl"] == spec["documentationUrl"]


def test_the_version_is_the_same_everywhere() -> None:
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    guide = (ROOT / "docs/airbyte.md").read_text()

    assert re.findall(r"^ARG VERSION=(.+)$", DOCKERFILE, re.MULTILINE) == [version]
    assert METADATA["data"]["dockerImageTag"] == version
    assert re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version
    assert set(re.findall(r"source-closeio:(\d\S+)", guide)) == {version}
    assert f"| Docker image tag | `{version}` |" in guide
    assert metadata("source-closeio")["Version"] == source_closeio.__version__ == version


@pytest.fixture(scope="module")
def distributions() -> Mapping[str, list[str]]:
    """For each name that can be imported, the distributions that have it."""
    return packages_distributions()


def imported(folder: str, distributions: Mapping[str, list[str]]) -> set[str]:
    """The distributions that the modules of a folder import, but for ourselves."""
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return {str(canonicalize_name(each)) for name in names for each in distributions.get(name, [])} - {"source-closeio"}


def declared(*extras: str) -> set[str]:
    """The distributions that are required always, or with one of these extras."""
    wanted = map(Requirement, requires("source-closeio") or [])
    names = (
        each.name
        for each in wanted
        if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    )
    return {canonicalize_name(name) for name in names}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("source_closeio", ()),
        ("examples", ("demo",)),
        ("benchmarks", ("bench",)),
        ("docs", ()),
        ("unit_tests", ("dev",)),
    ],
)
def test_what_is_imported_is_declared_by_whom_needs_it(
    folder: str, extras: tuple[str, ...], distributions: Mapping[str, list[str]]
) -> None:
    assert imported(folder, distributions) - declared(*extras) == set()


def test_nothing_is_required_that_the_connector_does_not_import(distributions: Mapping[str, list[str]]) -> None:
    assert declared() == imported("source_closeio", distributions)


def test_the_locked_dependencies_are_those_of_the_package() -> None:
    wanted = [Requirement(text) for text in requires("source-closeio") or [] if "extra ==" not in text]

    assert len(wanted) >= 4
    for requirement in wanted:
        assert LOCKED[requirement.name] in requirement.specifier, f"{requirement}: run `make lock`"


def test_every_locked_dependency_has_a_hash_and_none_says_where_it_comes_from() -> None:
    text = (ROOT / "requirements.txt").read_text()

    assert set(LOCKED) == set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))
    assert not re.search(r"://|--(extra-)?index|--find-links", text)


def test_scenarios_of_the_standard_tests_name_files_that_exist() -> None:
    scenarios = (ROOT / "acceptance-test-config.yml").read_text()

    named = re.findall(r"_path: (\S+)", scenarios)
    assert len(named) >= 7
    assert [name for name in named if not (ROOT / name).is_file()] == []


# what `make dist` builds


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make dist` writes, in a copy of the checkout. The wheel is built from the unpacked source."""
    copy = tmp_path_factory.mktemp("copy") / "checkout"
    left_out = shutil.ignore_patterns(".*", "build", "dist", "demo-output", "*.egg-info", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=left_out)
    programs = Path(sys.executable).parent
    subprocess.run(["make", "--old-file=.venv/ready", f"BIN={programs}", "dist"], cwd=copy, check=True)
    return copy / "dist"


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new environment with the wheel in it. This one lends it the dependencies, but not the checkout:
    a .pth file is not read in a folder that another .pth file names.
    """
    home = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    (wheel,) = built.glob("*.whl")
    install = [
        str(Path(sys.executable).with_name("uv")),
        "pip",
        "install",
        "--quiet",
        "--no-config",
        "--offline",
        "--no-deps",
    ]
    subprocess.run([*install, "--python", home / "bin/python", wheel], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin"


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Callable[..., str]:
    """`run("source-closeio", "spec")` is what that program writes, far from the checkout."""

    def run(program: str, *words: str | Path) -> str:
        done = subprocess.run(
            [installed / program, *words], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def of(kind: str, written: str) -> list[Any]:
    """What the messages of a kind say."""
    messages = [json.loads(line) for line in written.splitlines()]
    return [message[kind.lower()] for message in messages if message["type"] == kind]


def test_the_wheel_holds_the_two_packages_whole_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if ".dist-info/" not in name}

    paths = [path for package in ("source_closeio", "close_emulator") for path in (ROOT / package).rglob("*.*")]
    files = {str(path.relative_to(ROOT)) for path in paths if path.is_file() and path.suffix != ".pyc"}
    assert held == files
    assert {"source_closeio/py.typed", "source_closeio/spec.json", "source_closeio/schemas/leads.json"} <= held


def test_the_source_holds_what_the_wheel_is_built_from(built: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as opened:
        held = {name.partition("/")[2] for name in opened.getnames()}

    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py", "source_closeio/spec.json"} <= held
    assert not [name for name in held if name.startswith(("unit_tests", "integration_tests", "examples", "benchmarks"))]


def test_the_wheel_runs_where_the_checkout_is_not(run: Callable[..., str], installed: Path) -> None:
    module = run("python", "-c", "import source_closeio; print(source_closeio.__file__)")
    (specification,) = of("SPEC", run("source-closeio", "spec"))
    about = json.loads(run("tap-closeio", "--about"))

    assert Path(module.strip()).is_relative_to(installed.parent)
    assert specification["connectionSpecification"]["properties"].keys() >= {"credentials", "start_date"}
    assert run("tap-closeio", "--version") == f"tap-closeio {source_closeio.__version__} (source-closeio)\n"
    assert about["version"] == source_closeio.__version__


@pytest.fixture
def close(installed: Path, tmp_path: Path) -> Iterator[str]:
    """The address of the emulator that is in the wheel."""
    words = [str(installed / "python"), "-m", "close_emulator", "--leads", "3"]
    with subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as emulator:
        assert emulator.stdout
        yield emulator.stdout.readline().strip()
        emulator.terminate()


def test_the_connector_in_the_wheel_discovers_every_stream_of_the_emulator_in_the_wheel(
    run: Callable[..., str], close: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"api_key": "api_wheel", "base_url": close}))

    (catalog,) = of("CATALOG", run("source-closeio", "discover", "--config", config))

    found = {stream["name"] for stream in catalog["streams"]}
    assert found == {endpoint.name for endpoint in ENDPOINTS} - {"custom_field_values"}
