"""`make docs`: writes docs/streams.md and the parts of README.md between `<!-- name -->` and `<!-- /name -->`.

Everything comes from the table of endpoints, the schemas, spec.json and benchmarks/results.md; a test compares.
"""

import json
import re
from pathlib import Path
from typing import Any

from source_closeio.endpoints import ENDPOINTS, Endpoint, Walk
from source_closeio.schemas import schema_of

ROOT = Path(__file__).parent.parent

HOW = {
    Walk.LIST: "the whole list, pages overlapping by one row; goes back if rows moved",
    Walk.WINDOW: "slices of time side by side, pages overlapping by one row; halved where offsets reach Close's cap",
    Walk.SEARCH: "slices of time side by side, ascending, each page anchored at the last second seen",
    Walk.EVENT: "days side by side, newest first by cursor; anchored at the last second seen if it expires",
}


def streams_page() -> str:
    parts = [
        "# Streams",
        "",
        "Written by `make docs` from the table of endpoints and the schemas. The primary key is `id` everywhere, and "
        "properties that Close sends and this page does not list are passed through. Custom fields arrive as "
        "`custom.cf_<id>`. A record may come twice, in one sync or in two; none is left out.",
        "",
        "Incremental streams with the cursor `date_updated` bring new and edited records. Those with `date_created` "
        "bring new records, and read the last `activities_window_seconds` before the state again, because Close cannot "
        "list activities by their last change. Deleted records are seen in `event_log` only, as rows with the action "
        "`deleted`. The contacts, opportunities and tasks inside a lead are as of the lead's own last change; the "
        "streams of these names are up to date.",
    ]
    for endpoint in ENDPOINTS:
        parts += ["", f"## {endpoint.name}", "", facts(endpoint), "", *columns(schema_of(endpoint.name))]
    return "\n".join(parts) + "\n"


def facts(endpoint: Endpoint) -> str:
    window = endpoint.window
    lines = [
        ("Close's list", f"`{'POST' if endpoint.walk is Walk.SEARCH else 'GET'} /{endpoint.path}`{_of(endpoint)}"),
        ("Sync modes", "full refresh, incremental" if window else "full refresh"),
        ("Cursor", f"`{window.cursor}`{', with lookback' if window.looks_back else ''}" if window else "none"),
        ("Read as", HOW[endpoint.walk]),
    ]
    return "\n".join(f"- {name}: {text}" for name, text in lines)


def _of(endpoint: Endpoint) -> str:
    if endpoint.object_type:
        return f" for `{endpoint.object_type}`"
    return f" with {', '.join(f'`{name}={value}`' for name, value in endpoint.params.items())}" * bool(endpoint.params)


def columns(schema: dict[str, Any]) -> list[str]:
    rows = ["| column | type | meaning |", "|---|---|---|"]
    for name, declared in schema["properties"].items():
        rows.append(f"| `{name}` | {kind(declared)} | {_cell(declared.get('description', ''))} |")
    return rows


def kind(declared: dict[str, Any]) -> str:
    types = [declared["type"]] if isinstance(declared["type"], str) else declared["type"]
    names = [declared["format"] if "format" in declared and each == "string" else each for each in types]
    text = " or ".join(name for name in names if name != "null")
    return f"{text} of {kind(declared['items'])}" if "items" in declared else text


def stream_table() -> str:
    rows = ["| stream | Close's list | cursor | read as |", "|---|---|---|---|"]
    for endpoint in ENDPOINTS:
        cursor = f"`{endpoint.window.cursor}`" if endpoint.window else "full refresh"
        lookback = " + lookback" if endpoint.window and endpoint.window.looks_back else ""
        rows.append(
            f"| `{endpoint.name}` | `/{endpoint.path}`{_of(endpoint)} | {cursor}{lookback} | {endpoint.walk.value} |"
        )
    return "\n".join(rows)


def option_table() -> str:
    spec = json.loads((ROOT / "source_closeio/spec.json").read_text(encoding="utf-8"))["connectionSpecification"]
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, option in spec["properties"].items():
        default = (
            "**required**" if name in spec["required"] else f"`{option['default']}`" if "default" in option else ""
        )
        bounds = f" {option['minimum']} to {option['maximum']}" if "maximum" in option else ""
        rows.append(f"| `{name}` | {option['type']}{bounds} | {default} | {_cell(option['description'])} |")
    return "\n".join(rows)


def figures() -> str:
    return (ROOT / "benchmarks/results.md").read_text(encoding="utf-8").strip()


def readme(text: str) -> str:
    """README.md with its generated parts anew."""
    for name, part in (("streams", stream_table()), ("options", option_table()), ("figures", figures())):
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not marks.search(text):
            raise ValueError(f"README.md has no part named {name}")
        text = marks.sub(lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text)  # type: ignore[misc]
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    (ROOT / "docs/streams.md").write_text(streams_page(), encoding="utf-8")
    page = ROOT / "README.md"
    page.write_text(readme(page.read_text(encoding="utf-8")), encoding="utf-8")
