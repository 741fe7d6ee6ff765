"""Every line of every command and every failure is a message of Airbyte's protocol, and nothing else is on stdout.

The schema is that of Airbyte's own models: https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from airbyte_protocol.models import AirbyteMessage
from jsonschema import Draft202012Validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from close_emulator import SMALL, Behaviour, Emulator, faults
from source_closeio.endpoints import ENDPOINTS

from .configs import credentials
from .conftest import API_KEY, NOW, catalog_of

IMPATIENT = """
from source_closeio import http_policy
http_policy.LONGEST_PAUSE = 0.0
from source_closeio.run import main
main()
"""
EVERYTHING = tuple(each.name for each in ENDPOINTS)
LEADS = catalog_of(("leads",))
A_NUMBER = {"type": "object", "properties": {"id": {"type": "string"}, "custom.cf_a": {"type": "number"}}}


class WithoutNulls(GenerateJsonSchema):
    """The protocol knows keys that may be missing; in the models they may be null as well."""

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def protocol() -> Draft202012Validator:
    """Stricter than the protocol, which allows any key beside those it knows: here one that is unknown is a slip."""
    schema = AirbyteMessage.model_json_schema(schema_generator=WithoutNulls)
    for definition in (schema, *schema["$defs"].values()):
        if definition.get("properties"):
            definition["additionalProperties"] = False
    return Draft202012Validator(schema)


@dataclass(frozen=True)
class Case:
    """A command, what is wrong with its files or with Close, and how it ends. `None` for a file: it does not exist."""

    words: str
    kinds: set[str]
    exit_code: int = 0
    config: dict[str, Any] | str | None = field(default_factory=dict)
    catalog: dict[str, Any] | str | None = field(default_factory=lambda: LEADS)
    state: Any = field(default_factory=list)
    fault: faults.Fault | None = None


READ = "read --config {config} --catalog {catalog} --state {state}"
CHECK = "check --config {config}"
DISCOVER = "discover --config {config}"
STATUS = {"CONNECTION_STATUS"}
FAILURE = {"TRACE"}

CASES = {
    "spec": Case("spec", {"SPEC"}),
    "check": Case(CHECK, STATUS),
    "check, a token is renewed": Case(CHECK, STATUS | {"CONTROL"}, config=credentials()),
    "check, the refresh token is used up": Case(CHECK, STATUS, config=credentials("used_up")),
    "check, a wrong key": Case(CHECK, STATUS, config={"api_key": "another"}),
    "check, a wrong option": Case(CHECK, STATUS, config={"start_date": "yesterday"}),
    "check, no key": Case(CHECK, STATUS, config={"api_key": None}),
    "check, nobody there": Case(CHECK, FAILURE, 1, config={"base_url": "http://127.0.0.1:9"}),
    "check, a web page": Case(CHECK, FAILURE, 1, fault=faults.html_ok()),
    "check, no file": Case(CHECK, FAILURE, 1, config=None),
    "check, no JSON": Case(CHECK, FAILURE, 1, config="api_key"),
    "discover": Case(DISCOVER, {"CATALOG"}),
    "discover, a token is renewed": Case(DISCOVER, {"CATALOG", "CONTROL"}, config=credentials()),
    "discover, a wrong option": Case(DISCOVER, FAILURE, 1, config={"num_workers": 100}),
    "discover, a wrong key": Case(DISCOVER, FAILURE, 1, config={"api_key": "another"}),
    "read": Case(
        READ,
        {"RECORD", "STATE", "TRACE"},
        config={"custom_field_names": True},
        catalog=catalog_of(EVERYTHING),
    ),
    "read, with every log": Case(f"{READ} --debug", {"RECORD", "STATE", "TRACE"}),
    "read, a token is renewed": Case(READ, {"RECORD", "STATE", "TRACE", "CONTROL"}, config=credentials()),
    "read, the refresh token is used up": Case(READ, FAILURE, 1, config=credentials("used_up")),
    "read, values that do not fit": Case(
        READ,
        {"RECORD"},
        catalog={
            "streams": [{**LEADS["streams"][0], "stream": {**LEADS["streams"][0]["stream"], "json_schema": A_NUMBER}}]
        },
    ),
    "read, a list that the key may not read": Case(
        READ, {"STATE", "TRACE"}, catalog=catalog_of(("users", "tasks")), fault=faults.answer(403, {})
    ),
    "read, Close does not understand": Case(READ, FAILURE, 1, fault=faults.answer(400, {"error": "no"})),
    "read, rows that are no objects": Case(READ, FAILURE, 1, fault=faults.answer(200, {"data": [1, "a"]})),
    "read, a wrong key": Case(READ, FAILURE, 1, config={"api_key": "another"}),
    "read, a stream that is none": Case(READ, FAILURE, 1, catalog=catalog_of(("unicorns",))),
    "read, nothing": Case(READ, set(), catalog={"streams": []}),
    "read, a catalogue that is none": Case(READ, FAILURE, 1, catalog={"streams": [{"stream": "leads"}]}),
    "read, no catalogue": Case(READ, FAILURE, 1, catalog=None),
    "read, a state in the future": Case(
        READ,
        FAILURE,
        1,
        state=[
            {
                "type": "STREAM",
                "stream": {"stream_descriptor": {"name": "leads"}, "stream_state": {"date_updated": "2999-01-01"}},
            }
        ],
    ),
    "read, a state that is none": Case(READ, FAILURE, 1, state=["leads"]),
    "no command": Case("", FAILURE, 1),
    "an unknown command": Case("write", set(), 2),
    "an unknown option": Case("spec --loud", set(), 2),
}


@pytest.fixture
def close() -> Iterator[Emulator]:
    """An organisation with a row in every list."""
    emulator = Emulator(SMALL, now=NOW, behaviour=Behaviour(api_key=API_KEY))
    emulator.add("lead/", {"id": "lead_odd", "custom.cf_a": "no number"})
    with emulator:
        yield emulator


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_all_that_is_written_is_of_the_protocol(close: Emulator, tmp_path: Path, case: Case) -> None:
    if case.fault:
        close.fail(case.fault, path="task/" if "tasks" in str(case.catalog) else None)
    config = case.config
    if isinstance(config, dict):
        given = {"api_key": API_KEY, "base_url": close.base_url, **config}
        config = {key: value for key, value in given.items() if value is not None}
    files = {}
    for name, content in (("config", config), ("catalog", case.catalog), ("state", case.state)):
        files[name] = tmp_path / f"{name}.json"
        if content is not None:
            files[name].write_text(content if isinstance(content, str) else json.dumps(content))

    words = [word.format(**files) for word in case.words.split()]
    done = subprocess.run([sys.executable, "-c", IMPATIENT, *words], capture_output=True, text=True, check=False)

    assert done.returncode == case.exit_code, done.stdout
    schema = protocol()
    kinds = set()
    for line in done.stdout.splitlines():
        message = json.loads(line)
        if message["type"] == "DEBUG":  # what the CDK writes with --debug, which the platform takes for text
            assert "--debug" in words
            continue
        assert [error.message for error in schema.iter_errors(message)] == []
        (part,) = set(message) - {"type"}
        assert part.replace("connectionStatus", "connection_status") == message["type"].lower()
        kinds.add(message["type"])
    assert case.kinds <= kinds
