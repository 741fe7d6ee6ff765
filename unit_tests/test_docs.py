"""What the documentation says is generated or tried."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from source_closeio.endpoints import ENDPOINTS

ROOT = Path(__file__).parent.parent
OPENAPI = ROOT.parent / "shared/reference/close-openapi.yml"
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
SHELL = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines()]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date(generate: ModuleType) -> None:
    assert (ROOT / "docs/streams.md").read_text(encoding="utf-8") == generate.streams_page(), "run `make docs`"
    assert generate.readme(README) == README, "run `make docs`"
    assert generate.architecture(ARCHITECTURE) == ARCHITECTURE, "run `make docs`"


def test_a_list_has_a_stream_or_a_reason_why_none_has_and_not_both(generate: ModuleType) -> None:
    listed = generate.streams_by_list()
    linked = [name for links in listed.values() for name in re.findall(r"\[(\w+)\]", links)]

    assert sorted(linked) == sorted(endpoint.name for endpoint in ENDPOINTS)
    assert {"/lead/", "/group/", "/task/", "/organization/{id}/"} <= set(listed), "as Close documents them"
    assert not set(listed) & set(generate.REASONS), "docs/close-lists.json is for lists without a stream"
    for path, reason in generate.REASONS.items():
        assert re.fullmatch(r"/.*/", path), path
        assert reason.endswith("."), path


@pytest.mark.skipif(not OPENAPI.is_file(), reason="Close's OpenAPI is not part of the repository")
def test_no_list_of_the_openapi_is_missing(generate: ModuleType) -> None:
    paths = re.findall(r"^  (/\S*/):\n((?:    .*\n|\n)*)", OPENAPI.read_text(encoding="utf-8"), re.MULTILINE)
    lists = {path for path, below in paths if "    get:" in below and not re.search(r"\{(id|scf_id)\}/$", path)}

    assert len(lists) > 60
    unexplained = lists - {*generate.streams_by_list(), *generate.REASONS}
    assert not unexplained, "a row in source_closeio/endpoints.py, or a reason in docs/close-lists.json"


def test_the_diagram_joins_streams_that_exist(generate: ModuleType) -> None:
    names = {endpoint.name for endpoint in ENDPOINTS}
    drawn = {name for line in generate.diagram()[1:] for name in re.findall(r"^    (\w+) .* (\w+) :", line)[0]}

    assert drawn <= names
    assert {"leads", "users", "custom_objects", "opportunity_statuses"} <= drawn


def in_the_tree() -> set[str]:
    """The paths that docs/architecture.md names in its tree."""
    (tree,) = re.findall(r"```text\n(.*?)```", ARCHITECTURE, re.DOTALL)
    paths, folders = set(), [""]
    for indent, name in re.findall(r"^( *)(\S+)", tree, re.MULTILINE):
        folders = [*folders[: len(indent) // 2 + 1], name]
        paths.add("".join(folders))
    return paths


def test_the_tree_names_every_module_of_the_connector_and_every_folder_of_the_emulator_and_nothing_else() -> None:
    modules = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "source_closeio").rglob("*.py")
        if not path.name.startswith("__")
    }
    folders = {f"{path.parent.relative_to(ROOT)}/" for path in (ROOT / "close_emulator").glob("*/__init__.py")}

    assert modules | folders <= in_the_tree()
    assert not [path for path in in_the_tree() if not (ROOT / path).exists()]


def test_make_targets_that_the_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8") + ARCHITECTURE
    assert set(re.findall(r"`make ([a-z-]+)", pages)) <= targets

    shown = set(re.findall(r"`make ([a-z]+)", README)) | {line.split()[1] for line in SHELL if line.startswith("make")}
    assert {"demo", "test"} <= shown <= targets


@pytest.mark.parametrize("line", [line for line in SHELL if line.startswith("source-closeio")])
def test_commands_of_the_readme_are_understood(line: str) -> None:
    """Their files do not exist here, which is what they fail with, and not with usage."""
    _, *words = line.split()
    done = subprocess.run(
        [sys.executable, "main.py", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )

    assert "usage:" not in done.stdout + done.stderr
    assert "config.json" in done.stdout


def test_links_to_files_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), (page.name, link)


@pytest.mark.parametrize("page", ["airbyte", "clients", "singer"])
def test_tests_that_the_pages_name_exist(page: str) -> None:
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", text)

    assert len(named) == text.count("::") > 1
    for path, name in named:
        assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), name


def section(title: str) -> str:
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def test_sentences_in_the_readme_are_those_of_the_program() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "source_closeio").glob("*.py"))
    rows = re.findall(r"^\| ([A-Z.][^|`]+?) \|", section("When something goes wrong"), re.MULTILINE)

    assert len(rows) >= 6
    for row in rows:
        for piece in re.split(r"\.\.\.|\(\d+\)|, ", row):
            assert piece.strip(" :") in sources, piece


AIRBYTE = (ROOT / "docs/airbyte.md").read_text(encoding="utf-8")


def test_the_page_for_airbyte_explains_every_option_by_the_name_in_the_form() -> None:
    spec = json.loads((ROOT / "source_closeio/spec.json").read_text(encoding="utf-8"))["connectionSpecification"]
    explained = dict(re.findall(r"^\| (.+?) \| `(\w+)` \|", AIRBYTE, re.MULTILINE))

    shown = {option["title"]: key for key, option in spec["properties"].items() if not option.get("airbyte_hidden")}
    assert {title: key for title, key in explained.items() if title != "not shown"} == shown


def test_sentences_in_the_page_for_airbyte_are_those_of_the_program() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "source_closeio").glob("*.py"))
    sources = re.sub(r'"\n\s*f?"', "", sources)  # sentences that are broken over lines
    rows = re.findall(r"^\| (`.+`) \|", AIRBYTE.split("## Limitations & Troubleshooting")[1], re.MULTILINE)

    assert len(rows) >= 12
    for quoted in re.findall(r"`(.+?)`", " ".join(rows)):
        for piece in filter(None, re.split(r" ?… ?|^\(\d+\)$", quoted)):
            assert piece in sources, piece
