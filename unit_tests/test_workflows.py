"""What is done on GitHub is what the Makefile does, with no more rights than it needs."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from source_closeio.http_policy import REPORT

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
METADATA = metadata("source-closeio")
HOME = "https://github.com/source-closeio/source-closeio"


def read(path: str) -> dict[Any, Any]:
    document = yaml.safe_load((GITHUB / path).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


WORKFLOWS = {path.name: read(f"workflows/{path.name}") for path in sorted((GITHUB / "workflows").iterdir())}
JOBS = {(name, job): body for name, workflow in WORKFLOWS.items() for job, body in workflow["jobs"].items()}


def steps(*workflows: str) -> Iterator[dict[str, Any]]:
    """The steps of these workflows, or of all."""
    for (workflow, _), job in JOBS.items():
        if not workflows or workflow in workflows:
            yield from job.get("steps", [])


def made(script: str) -> set[str]:
    """The targets that a shell script makes."""
    return set(re.findall(r"^\s*(?:\S+/with-docker )?make ([a-z-]+)", script, re.MULTILINE))


# the workflows


def test_the_workflows_make_targets_that_exist() -> None:
    called = set().union(*(made(step.get("run", "")) for step in steps()))

    assert called >= {"check", "test", "dist", "push", "release-notes"}
    assert called <= TARGETS


def test_a_change_is_tested_on_github_as_everywhere_else() -> None:
    everywhere = made((ROOT / ".ci/run").read_text(encoding="utf-8"))

    assert everywhere >= {"check", "test", "test-clients", "test-docker"}
    assert everywhere <= set().union(*(made(step.get("run", "")) for step in steps("tests.yml")))


def test_the_tests_run_on_every_python_that_the_package_says_it_runs_on() -> None:
    pythons = JOBS["tests.yml", "python"]["strategy"]["matrix"]["python"]
    allowed = SpecifierSet(METADATA["Requires-Python"])

    classifiers = re.findall(r"Python :: (3\.\d+)", "\n".join(METADATA.get_all("Classifier") or []))
    assert pythons == classifiers == [f"3.{minor}" for minor in range(50) if f"3.{minor}.0" in allowed]
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'python_version = "{pythons[0]}"' in settings
    assert f'target-version = "py{pythons[0].replace(".", "")}"' in settings
    assert {
        step["with"]["python-version"] for step in steps() if step.get("uses", "").startswith("actions/setup-python@")
    } - {"${{ matrix.python }}"} <= set(pythons)


def test_every_action_is_pinned_to_a_commit_whose_version_stands_beside_it() -> None:
    lines = [line for name in WORKFLOWS for line in (GITHUB / "workflows" / name).read_text().splitlines()]
    used = [line.split("uses: ")[1] for line in lines if "uses: " in line]

    assert len(used) >= 7
    for action in used:
        own = re.fullmatch(r"\./\.github/workflows/(\S+)", action)
        assert own[1] in WORKFLOWS if own else re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_a_job_may_write_only_what_it_makes() -> None:
    rights = {name: workflow["permissions"] for name, workflow in WORKFLOWS.items()}
    granted = [rights["tests.yml"], rights["release.yml"], *(job.get("permissions", {}) for job in JOBS.values())]

    writes = {
        (*job, right)
        for job, body in JOBS.items()
        for right, level in body.get("permissions", {}).items()
        if level != "read"
    }
    assert rights == {"tests.yml": {"contents": "read"}, "release.yml": {}}
    assert all(isinstance(each, dict) for each in granted), "write-all"
    assert writes == {("release.yml", "image", "packages"), ("release.yml", "package", "contents")}
    for step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_no_script_is_pasted_together_from_what_strangers_name() -> None:
    assert [step["run"] for step in steps() if "${{" in step.get("run", "")] == []


def test_a_release_is_made_only_after_the_tests() -> None:
    before = {job: body.get("needs") for (workflow, job), body in JOBS.items() if workflow == "release.yml"}

    assert before == {"agreed": None, "tests": "agreed", "image": "tests", "package": "image"}
    assert JOBS["release.yml", "tests"]["uses"] == "./.github/workflows/tests.yml"
    assert "workflow_call" in WORKFLOWS["tests.yml"][True], "YAML's `on`"


def test_dependabot_looks_after_the_actions_and_the_requirements() -> None:
    document = read("dependabot.yml")

    assert document["version"] == 2
    assert {each["package-ecosystem"] for each in document["updates"]} == {"github-actions", "pip"}
    assert all(each["directory"] == "/" and each["schedule"]["interval"] for each in document["updates"])


# where the sentences send people


def test_the_issue_form_asks_for_the_sentence_and_the_version() -> None:
    form = read("ISSUE_TEMPLATE/problem.yml")
    fields = {field["id"]: field for field in form["body"] if field["type"] != "markdown"}

    assert form["name"]
    assert form["description"]
    assert {field["type"] for field in form["body"]} <= {"markdown", "textarea", "input", "dropdown", "checkboxes"}
    assert all(field["attributes"]["label"] for field in fields.values())
    assert {name for name, field in fields.items() if field.get("validations", {}).get("required")} == {
        *("sentence", "version", "runs-in")
    }
    assert {"streams", "missing", "around"} <= set(fields)


def test_sentences_send_people_where_the_form_is_and_what_is_secret_elsewhere() -> None:
    urls = dict(each.split(", ") for each in METADATA.get_all("Project-URL") or [])
    private = f"{HOME}/security/advisories/new"

    assert urls["Homepage"] == HOME
    assert urls["Issues"] == REPORT.removeprefix("please report it at ")
    assert [link["url"] for link in read("ISSUE_TEMPLATE/config.yml")["contact_links"]] == [private]
    assert private in (ROOT / "SECURITY.md").read_text(encoding="utf-8")


# the targets that only maintainers use


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the Makefile, and with an environment whose linters find nothing."""
    for name in ("Makefile", "pyproject.toml", "setup.py"):
        shutil.copy2(ROOT / name, tmp_path)
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    for name in ("ruff", "mypy"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    (tmp_path / ".venv/ready").touch()
    return tmp_path


@pytest.fixture
def call(checkout: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`call("make", "hooks")` runs a program in the checkout, with nothing of what this test runs in."""
    around = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "MAKE", "MFLAGS"))}
    somebody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"} | {
        f"GIT_{who}_{what}": "somebody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=checkout, env={**around, **somebody}, capture_output=True, text=True, check=False
        )

    return call


def test_every_target_runs_even_if_a_file_has_its_name_and_is_in_the_help(
    call: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    (phony,) = re.findall(r"^\.PHONY:((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)

    assert set(phony.replace("\\", "").split()) == TARGETS
    assert set(re.findall(r"^  make (\S+) +\S", call("make").stdout, re.MULTILINE)) == TARGETS


def test_a_commit_that_does_not_pass_the_check_is_refused_once_there_is_the_hook(
    checkout: Path, call: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    call("git", "init", "--quiet")
    commit = ("git", "commit", "--quiet", "--allow-empty", "--message", "x")

    assert call("make", "hooks").returncode == 0
    assert call(*commit).returncode == 0
    (checkout / ".venv/bin/mypy").write_text("#!/bin/sh\nexit 1\n")
    assert call(*commit).returncode != 0


def test_a_hook_that_is_there_already_is_kept(
    checkout: Path, call: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    call("git", "init", "--quiet")
    hook = checkout / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\n# somebody's\n")

    done = call("make", "hooks")

    assert done.returncode != 0
    assert "let .git/hooks/pre-commit call `make check`" in done.stderr
    assert hook.read_text() == "#!/bin/sh\n# somebody's\n"


@pytest.mark.parametrize(
    ("tag", "day", "said"),
    [
        ("v1.2.3", "2026-11-24", None),
        ("v1.2.4", "2026-11-24", "set the version in pyproject.toml, or tag v1.2.3"),
        ("", "2026-11-24", "set the version in pyproject.toml, or tag v1.2.3"),
        ("v1.2.3", "unreleased", "Give 1.2.3 its day in CHANGELOG.md"),
    ],
)
def test_a_release_needs_a_tag_a_version_and_a_dated_changelog_that_agree(
    checkout: Path, call: Callable[..., subprocess.CompletedProcess[str]], tag: str, day: str, said: str | None
) -> None:
    (checkout / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (checkout / "CHANGELOG.md").write_text(
        f"# Changelog\n\n## 1.2.3 - {day}\n\n- New.\n\n## 1.2.2 - 2026-01-01\n\n- Old.\n"
    )

    done = call("make", "release-notes", f"TAG={tag}")

    if said:
        assert (done.returncode != 0, done.stdout) == (True, "")
        assert said in done.stderr
    else:
        assert (done.returncode, done.stdout.strip()) == (0, "- New.")
