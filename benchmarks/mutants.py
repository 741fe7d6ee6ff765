"""`make mutants`: changes the code in small ways, one at a time, and runs the tests that should notice; with mutmut.

Each module is changed in a copy below build/mutants and tried against the tests that concern it, fastest first. Writes
benchmarks/mutants.md from the copies that are there: how many changes were noticed, and each that was not, with the
reason in benchmarks/survivors.json. mutmut leaves alone what stands outside of functions, and decorated functions.

    make mutants                     all modules
    make mutants MODULE=pagination   one of them, or several with spaces

`--again` tries only what lived or was not tried in the run before, and what changed in the module since: for the time
in which tests are added.
"""

import argparse
import ast
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
COPIES = ROOT / "build" / "mutants"
TREES = ("source_closeio", "close_emulator", "unit_tests", "examples")

PAGING = (
    "test_pagination.py",
    "test_chain.py",
    "test_events.py",
    "test_parting.py",
    "test_rounds.py",
    "test_keyset.py",
)
MODULES = {
    "pagination": PAGING,
    "proof": ("test_proof.py",),
    "keyset": ("test_keyset.py", "test_pagination.py"),
    "windows": ("test_windows.py", "test_events.py"),
    "rate_limit": ("test_rate_limit.py",),
    "pacing": ("test_group.py", "test_rate_limit.py"),
    "records": ("test_records.py",),
    "custom_columns": ("test_custom_columns.py", "test_custom_fields.py"),
    "state_migration": ("test_state_migration.py",),
    "http_policy": ("test_http_policy.py", "test_rate_limit.py"),
    "singer/translate": ("singer/test_translate.py", "singer/test_golden.py"),
    "singer/state": ("singer/test_state.py", "singer/test_golden.py"),
    "engine": ("test_engine.py",),
    "readers": ("test_readers.py",),
    "changes": ("test_change_capture.py", "test_following.py"),
    "capture": ("test_change_capture.py", "test_following.py"),
    "by_id": ("test_change_capture.py", "test_following.py"),
    "cursor": ("test_cursor.py",),
    "workers": ("test_workers.py",),
    "streams": ("test_sent.py", "test_asked.py", "test_edges.py::test_waits_end_with_the_order_to_stop"),
    "source": ("test_source.py",),
}
"""The tests of each module."""

LEFT_OUT = "not (exit_code or killed_process or ctrl_c or broken_pipe or reaches_a_log)"
"""Tests that start processes: mutmut does not change the code in those."""

LIVED = (0, 5, 33)
"""How mutmut notes that the tests passed, or that there are none."""

CONFIG = """[mutmut]
source_paths=source_closeio
only_mutate=source_closeio/{module}.py
also_copy=
  {trees}
pytest_add_cli_args=
  -p
  no:cacheprovider
  -p
  no:xdist
  -k
  {left_out}
pytest_add_cli_args_test_selection=
  {tests}
timeout_multiplier=4
timeout_constant=5
track_dependencies=false
use_git_change_detection=false
"""


@dataclass(frozen=True)
class Survivor:
    """A change that no test noticed; `before` and `after` are the lines of the change."""

    line: int
    before: str
    after: str


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", choices=[[], *MODULES], help="all if none is named")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--again", action="store_true", help="keep what earlier runs noticed")
    parser.add_argument("--only-report", action="store_true", help="write the page from earlier runs")
    options = parser.parse_args()
    for module in () if options.only_report else options.modules or MODULES:
        run(module, options.processes, options.again)
        collect(module)
    for module in MODULES if options.only_report else ():
        if (COPIES / module.replace("/", ".") / "mutants" / "mutmut-stats.json").exists():
            collect(module)
    (HERE / "mutants.md").write_text(page(), encoding="utf-8")
    return 0


def run(module: str, processes: int, again: bool) -> None:
    copy = COPIES / module.replace("/", ".")
    if again:
        forget_what_lived(copy / "mutants", module)
    else:
        shutil.rmtree(copy, ignore_errors=True)
    for tree in TREES:
        shutil.rmtree(copy / tree, ignore_errors=True)
        shutil.copytree(ROOT / tree, copy / tree, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    tests = [f"unit_tests/{name}" for name in MODULES[module]]
    settings = CONFIG.format(module=module, left_out=LEFT_OUT, trees="\n  ".join(TREES), tests="\n  ".join(tests))
    (copy / "setup.cfg").write_text(settings, encoding="utf-8")
    with (copy / "log.txt").open("wb") as log:
        done = mutmut(copy, "run", "--max-children", str(processes), stdout=log, stderr=log)
    if done.returncode:
        sys.exit(f"mutmut could not try {module}; {copy / 'log.txt'} says why.")


def forget_what_lived(mutants: Path, module: str) -> None:
    """So that mutmut tries it again; what did not change it keeps by itself."""
    (mutants / "mutmut-stats.json").unlink(missing_ok=True)  # which test runs which function
    held = mutants / "source_closeio" / f"{module}.py.meta"
    known = json.loads(held.read_text(encoding="utf-8"))
    for name, code in known["exit_code_by_key"].items():
        if code in LIVED:
            known["exit_code_by_key"][name] = None
    held.write_text(json.dumps(known), encoding="utf-8")


def collect(module: str) -> None:
    """Prints and notes what lived, also of a run that was stopped."""
    copy = COPIES / module.replace("/", ".")
    mutmut(copy, "export-cicd-stats", stdout=subprocess.DEVNULL)
    found = survivors(copy, module)
    (copy / "survivors.json").write_text(json.dumps([vars(each) for each in found], indent=1), encoding="utf-8")
    print(module, *figures(copy))
    for each in found:
        print(f"  {each.line}: {each.before}  ->  {each.after}")


def mutmut(copy: Path, *words: str, **streams: object) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "mutmut"
    return subprocess.run([program, *words], cwd=copy, text=True, check=False, **streams)  # type: ignore[call-overload, no-any-return]


def figures(copy: Path) -> tuple[int, int, int]:
    """Changes noticed, tried, and all. One that makes the tests run for ever is noticed."""
    stats = json.loads((copy / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    noticed = stats["killed"] + stats["timeout"] + stats["segfault"]
    return noticed, noticed + stats["survived"] + stats["no_tests"] + stats["suspicious"], stats["total"]


def survivors(copy: Path, module: str) -> list[Survivor]:
    listed = mutmut(copy, "results", stdout=subprocess.PIPE).stdout
    names = re.findall(r"^\s*(\S+): (?:survived|no tests)$", listed, re.MULTILINE)
    source = (copy / "source_closeio" / f"{module}.py").read_text(encoding="utf-8")
    return sorted((survivor(copy, name, source) for name in names), key=lambda each: (each.line, each.after))


def survivor(copy: Path, name: str, source: str) -> Survivor:
    shown = mutmut(copy, "show", name, stdout=subprocess.PIPE).stdout.splitlines()
    start = next(index for index, line in enumerate(shown) if line.startswith("@@"))
    hunk = shown[start + 1 :]
    before, after = ([line[1:].strip() for line in hunk if line.startswith(sign)] for sign in "-+")
    offset = int(re.findall(r"\d+", shown[start])[0]) - 1 + next(i for i, line in enumerate(hunk) if line[:1] in "-+")
    function = re.sub(r"__mutmut_\d+$", "", name).rpartition(".")[2].replace("ǁ", ".").removeprefix("x_").split(".")[-1]
    lines = [line.strip() for line in source.splitlines()]
    begin, end = next(
        (node.lineno, node.end_lineno or 0)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and node.name == function
        and before[0] in lines[node.lineno - 1 : node.end_lineno]
    )
    places = [number for number in range(begin, end + 1) if lines[number - 1] == before[0]]
    return Survivor(min(places, key=lambda number: abs(number - begin - offset)), " ".join(before), " ".join(after))


def page() -> str:
    reasons = json.loads((HERE / "survivors.json").read_text(encoding="utf-8"))
    tried = {module: COPIES / module.replace("/", ".") for module in MODULES}
    tried = {module: copy for module, copy in tried.items() if (copy / "survivors.json").exists()}
    untried = [module for module in MODULES if module not in tried]
    counts = {module: figures(copy) for module, copy in tried.items()}
    noticed, tried_in_all, total = (sum(column) for column in zip(*counts.values(), strict=True))
    text = [
        f"Small changes of the code, made one at a time by mutmut {version('mutmut')}, and whether the tests notice "
        "them. `make mutants` writes this page. What stands outside of functions, and decorated functions, are left as "
        "they are.",
        "",
        "| module | noticed | of those tried | | of all |",
        "|---|---|---|---|---|",
        *(row(f"`{module}`", *count) for module, count in counts.items()),
        row("all", noticed, tried_in_all, total),
        *(["", "Not tried: " + ", ".join(f"`{each}`" for each in untried)] if untried else []),
        "",
        "## Changes that no test notices",
    ]
    for module, copy in tried.items():
        found = json.loads((copy / "survivors.json").read_text(encoding="utf-8"))
        if found:
            text += ["", f"### {module}", "", "| line | change | why it lives |", "|---|---|---|"]
        for each in found:
            why = reasons.get(module, {}).get(each["after"], "not looked at")
            text.append(f"| {each['line']} | {code(each['before'])} to {code(each['after'])} | {why} |")
    return "\n".join(text) + "\n"


def row(name: str, noticed: int, tried: int, total: int) -> str:
    return f"| {name} | {noticed} | {tried} | {100 * noticed / max(tried, 1):.1f} % | {total} |"


def code(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`"


if __name__ == "__main__":
    sys.exit(main())
