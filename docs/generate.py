"""`make docs`: writes docs/streams.md, and parts of README.md and docs/architecture.md: from `<!-- name -->` to
`<!-- /name -->`.

Everything comes from the table of endpoints, the schemas, spec.json and benchmarks/results.md; a test compares.
"""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from source_closeio.custom_field_values import CUSTOM_FIELD_VALUES, OWNERS
from source_closeio.endpoints import ENDPOINTS, Endpoint, Walk, Window
from source_closeio.schemas import DELETED_AT, DELETED_AT_COLUMN, schema_of

ROOT = Path(__file__).parent.parent

REASONS: dict[str, str] = json.loads((ROOT / "docs/close-lists.json").read_text(encoding="utf-8"))
"""Of the lists that Close documents and no stream has the rows of: why none has."""

REFERENCES = {
    "assigned_to": "users",
    "contact_id": "contacts",
    "custom_activity_type_id": "custom_activity_types",
    "custom_object_type_id": "custom_object_types",
    "lead_id": "leads",
    "opportunity_id": "opportunities",
    "outcome_id": "outcomes",
    "pipeline_id": "pipelines",
    "role_id": "roles",
    "sequence_id": "sequences",
    "user_id": "users",
}
"""What a column with an id refers to, in any stream."""
OWN_REFERENCES = {
    "leads": {"status_id": "lead_statuses"},
    "opportunities": {"status_id": "opportunity_statuses"},
    "comments": {"thread_id": "comment_threads"},
}
"""Columns that refer to something else in another stream."""
DRAWN = [
    *("leads", "contacts", "opportunities", "tasks", "activities", "custom_activities", "custom_objects"),
    *("call_activities", "memberships", "sequence_subscriptions", "comments", "opportunity_statuses"),
]


def streams_page() -> str:
    parts = [
        "# Streams",
        "",
        "Written by `make docs` from the table of endpoints and the schemas. Properties that Close sends and this page "
        "does not list are passed through. A record may come twice, in one sync or in two; none is left out.",
        "",
        "**Incremental** streams with the cursor `date_updated` bring new and edited records. Those with "
        "`date_created` bring new records, and read the last `activities_window_seconds` before the state again, "
        "because Close cannot list activities by their last change. What lies outside of that is followed through "
        "Close's event log, for the streams that say so: edited, merged and back-dated rows come, and a deleted one "
        f"comes as a record with its key, its cursor, `lead_id` and `{DELETED_AT}`. The option `change_capture` says "
        "how much of that is wanted. Custom objects of a deleted lead are not told of.",
        "",
        "**Full refresh** is what all other streams offer, even where their rows have a `date_updated`: Close cannot "
        "filter these lists, so the whole list is read anyway, and handing on only what is newer would hide what was "
        "deleted.",
        "",
        "**Custom fields** are columns `custom.cf_<id>` of the streams that say so below, typed by the field's "
        "definition: number, date, date-time, text, or an array where a field takes several values. Names change and "
        "ids do not, so columns are ids; the names stand in `lead_custom_fields` and the other streams of custom "
        "fields. A value that no longer fits, because the field was changed after the schema was read, is made to fit, "
        "and the record says so in its `meta.changes`. The "
        "option `custom_field_names` adds the stream `custom_field_values`, one row for each "
        "value, with the field's name.",
        "",
        "A stream that the key may not read is left out with a warning that says why; if an earlier sync read it, it "
        "fails instead.",
        "",
        "## How they refer to each other",
        "",
        "```mermaid",
        *diagram(),
        "```",
        "",
        "Every kind of activity and task refers to leads, contacts and users as `activities` and `tasks` do.",
        "",
        "## Close's lists",
        "",
        "Every list of Close's API, and the stream that has its rows, or why none has.",
        "",
        "| list | stream |",
        "|---|---|",
        *(f"| `{path}` | {text} |" for path, text in sorted({**REASONS, **streams_by_list()}.items())),
    ]
    for endpoint in ENDPOINTS:
        schema = schema_of(endpoint.name)
        parts += ["", f"## {endpoint.name}", "", schema["description"], "", facts(endpoint), "", *columns(schema)]
        if endpoint.custom_fields:
            parts.append("| `custom.cf_<id>` | by the field's type | A custom field. |")
        if endpoint.is_followed:
            parts.append(f"| `{DELETED_AT}` | {kind(DELETED_AT_COLUMN)} | {DELETED_AT_COLUMN['description']} |")
    parts += ["", f"## {CUSTOM_FIELD_VALUES.name}", "", *values()]
    return "\n".join(parts) + "\n"


def values() -> list[str]:
    """The stream that no list of Close's is behind."""
    schema = schema_of(CUSTOM_FIELD_VALUES.name)
    owners = ", ".join(f"[{each.name}](#{each.name})" for each in OWNERS)
    told = f"- Key: `{CUSTOM_FIELD_VALUES.key}`\n- Sync modes: full refresh\n- Read as: a first sync of {owners}"
    return [schema["description"], "", told, "", *columns(schema)]


def diagram() -> list[str]:
    """A Mermaid entity diagram of the streams that most people join."""
    lines = ["erDiagram"]
    for name in DRAWN:
        found = {**REFERENCES, **OWN_REFERENCES.get(name, {})}
        properties = schema_of(name)["properties"]
        lines += [
            f"    {found[column]} ||--o{{ {name} : {column}" for column in properties if found.get(column, name) != name
        ]
    return lines


def streams_by_list() -> dict[str, str]:
    """Of each list that the table reads, as Close documents it: links to the streams that have its rows."""
    names: dict[str, list[str]] = {}
    for endpoint in ENDPOINTS:
        names.setdefault(_documented(endpoint), []).append(f"[{endpoint.name}](#{endpoint.name})")
    return {path: ", ".join(links) for path, links in names.items()}


def _documented(endpoint: Endpoint) -> str:
    """The list whose rows a stream has, whichever way they are read: by a search, or one by one after their ids."""
    one_by_one = endpoint.parent is not None and endpoint.path == f"{endpoint.parent.of.path}{{id}}/"
    return f"/{endpoint.object_type or endpoint.path.removesuffix('{id}/' if one_by_one else '').rstrip('/')}/"


def facts(endpoint: Endpoint) -> str:
    window = endpoint.window
    sizes = {"rows": endpoint.page_size - 1, "size": endpoint.page_size}
    lines = [
        ("Close's list", _list_of(endpoint)),
        ("Key", f"`{endpoint.key}`"),
        ("Sync modes", "full refresh, incremental" if window else "full refresh"),
        ("Cursor", f"`{window.cursor}`" if window else "none"),
        ("Read as", endpoint.walk.how),
        ("Requests", endpoint.walk.cost.format_map(sizes)),
    ]
    if endpoint.is_followed:
        lines.append(("Followed through the event log", ", ".join(f"`{event}`" for event in endpoint.events)))
    if endpoint.otherwise:
        lines.append(("Where that is refused", _list_of(endpoint.otherwise)))
    if endpoint.secrets:
        lines.append(("Never handed on", ", ".join(f"`{name}`" for name in endpoint.secrets)))
    return "\n".join(f"- {name}: {text}" for name, text in lines)


def _list_of(endpoint: Endpoint) -> str:
    """The request, and for which object, parameters and parents."""
    asks = endpoint.parent.asks if endpoint.parent else ()
    each = [f"`{name}={value}`" for ask in asks for name, value in ask.items()]
    parts = [
        f"`{'POST' if endpoint.walk is Walk.SEARCH else 'GET'} /{endpoint.path}`",
        f"for `{endpoint.object_type}`" if endpoint.object_type else "",
        "with " + ", ".join(f"`{name}={value}`" for name, value in endpoint.params.items()) if endpoint.params else "",
        f"for each `{{id}}` of {endpoint.parent.of.name}" if endpoint.parent else "",
        f"({' and '.join(each)})" if each else "",
    ]
    return " ".join(part for part in parts if part)


def columns(schema: dict[str, Any]) -> list[str]:
    rows = ["| column | type | meaning |", "|---|---|---|"]
    for name, declared in schema["properties"].items():
        rows.append(f"| `{name}` | {kind(declared)} | {_cell(declared.get('description', ''))} |")
    return rows


def kind(declared: Mapping[str, Any]) -> str:
    types = [declared["type"]] if isinstance(declared["type"], str) else declared["type"]
    names = [declared["format"] if "format" in declared and each == "string" else each for each in types]
    text = " or ".join(name for name in names if name != "null")
    return f"{text} of {kind(declared['items'])}" if "items" in declared else text


def stream_table() -> str:
    """The streams by how they can be synced."""
    kinds: dict[str, Callable[[Window | None], bool]] = {
        "new and edited records": lambda window: window is not None and window.cursor == "date_updated",
        "new records, and the lookback again": lambda window: window is not None and window.cursor == "date_created",
        "the whole list": lambda window: window is None,
    }
    rows = ["| a sync brings | streams |", "|---|---|"]
    for words, belongs in kinds.items():
        names = [endpoint.name for endpoint in ENDPOINTS if belongs(endpoint.window)]
        rows.append(f"| {words} | {', '.join(f'`{name}`' for name in names)} |")
    return "\n".join(rows)


REQUIRED = {"credentials": "**required**", "api_key": "instead of `credentials`"}


def option_table() -> str:
    spec = json.loads((ROOT / "source_closeio/spec.json").read_text(encoding="utf-8"))["connectionSpecification"]
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, option in spec["properties"].items():
        default = f"`{str(option['default']).lower()}`" if "default" in option else REQUIRED.get(name, "")
        bounds = f" {option['minimum']} to {option['maximum']}" if "maximum" in option else ""
        rows.append(f"| `{name}` | {option['type']}{bounds} | {default} | {_cell(option['description'])} |")
    return "\n".join(rows)


def figures(name: str) -> str:
    """What a page of figures says before its first heading."""
    page = (ROOT / f"benchmarks/{name}.md").read_text(encoding="utf-8")
    return page.partition("\n## ")[0].strip()


def shown(language: str) -> str:
    """The first block of a language in docs/singer.md, which a test runs."""
    page = (ROOT / "docs/singer.md").read_text(encoding="utf-8")
    start = page.index(f"```{language}\n")
    return page[start : page.index("```\n", start + 3) + 3]


def walk_table() -> str:
    """The walks, what they cost, and one or two streams of each."""
    rows = ["| walk | how | requests | for example |", "|---|---|---|---|"]
    for walk in Walk:
        names = [f"`{endpoint.name}`" for endpoint in ENDPOINTS if endpoint.walk is walk]
        cost = walk.cost.format(rows="page of", size="page of")
        rows.append(f"| {walk.name.lower()} | {walk.how} | {cost} | {', '.join(names[:2])} |")
    return "\n".join(rows)


def readme(text: str) -> str:
    """README.md with its generated parts anew."""
    parts = {
        "streams": stream_table(),
        "options": option_table(),
        "sync": shown("sh"),
        "meltano": shown("yaml"),
        "peers": figures("peers"),
        "figures": figures("results"),
        "singer": figures("singer"),
        "image": figures("image"),
    }
    return filled("README.md", text, parts)


def architecture(text: str) -> str:
    """docs/architecture.md with its generated part anew."""
    return filled("docs/architecture.md", text, {"walks": walk_table()})


def filled(page: str, text: str, parts: Mapping[str, str]) -> str:
    """The text of a page with these between their marks. Raises ValueError for marks that are not there."""
    for name, part in parts.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not marks.search(text):
            raise ValueError(f"{page} has no part named {name}")
        text = marks.sub(lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text)  # type: ignore[misc]
    return text


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    (ROOT / "docs/streams.md").write_text(streams_page(), encoding="utf-8")
    for page, written in ((ROOT / "README.md", readme), (ROOT / "docs/architecture.md", architecture)):
        page.write_text(written(page.read_text(encoding="utf-8")), encoding="utf-8")
