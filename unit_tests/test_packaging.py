"""What is said in several files is the same everywhere, and Airbyte's files are as Airbyte wants them."""

import json
import re
from importlib.metadata import requires
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from packaging.requirements import Requirement

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
    versions = re.findall(r'^ +version="(.+)"', (ROOT / "setup.py").read_text(), re.MULTILINE)
    versions += re.findall(r'\.version="(.+?)"', DOCKERFILE)
    versions.append(METADATA["data"]["dockerImageTag"])

    assert len(versions) == 4
    assert len(set(versions)) == 1


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
