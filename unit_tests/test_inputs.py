"""The files that Airbyte hands in, read by the connector's own readers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteStateMessageSerializer
from airbyte_cdk.utils import AirbyteTracedException

from source_closeio.errors import FileError
from source_closeio.files import DEEPEST, read_json
from source_closeio.inputs import Inputs

from .conftest import catalog_of

Kept = Callable[[Any], str]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Writes a file and returns its path: bytes and text as they are, anything else as JSON."""
    path = tmp_path / "held.json"

    def kept(held: Any) -> str:
        text = held if isinstance(held, bytes | str) else json.dumps(held)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return kept


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_may_begin_with_a_byte_order_mark(kept: Kept, mark: bytes) -> None:
    assert read_json(kept(mark + '{"é": [1]}'.encode())) == {"é": [1]}


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ('{"api_key": secret}', "is not JSON: Expecting value (line 1, column 13)."),
        (b'{"api_key": "secret\xff"}', "is not text in UTF-8."),
        ("9" * 5000, "holds a number with too many digits."),
        ("[" * 100_000, "nests objects or lists more than 100 deep."),
        ("[" * 101 + "]" * 101, "nests objects or lists more than 100 deep."),
        ('{"a":' * 101 + "1" + "}" * 101, "nests objects or lists more than 100 deep."),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_that_quotes_nothing(kept: Kept, held: Any, sentence: str) -> None:
    path = kept(held)
    with pytest.raises(FileError) as caught:
        read_json(path)

    assert str(caught.value) == f"{path} {sentence}"


def test_what_is_as_deep_as_it_may_be_is_read(kept: Kept) -> None:
    assert read_json(kept("[" * DEEPEST + "]" * DEEPEST))


def test_null_in_a_config_is_as_good_as_not_there_and_the_options_of_the_cdk_have_no_use(kept: Kept) -> None:
    credentials = {"auth_type": "api_key", "api_key": "k", "access_token": None}
    given = {"start_date": None, "date_window": 5, "_limit": "x", "_page_size": None, "credentials": credentials}

    assert Inputs.read_config(kept(given)) == {
        "date_window": 5,
        "credentials": {"auth_type": "api_key", "api_key": "k"},
    }


def test_each_stream_has_one_state_message_whatever_the_file_has(kept: Kept) -> None:
    leads = {"stream_descriptor": {"name": "leads", "namespace": "n"}, "stream_state": {"date_updated": "2026-01-01"}}
    tasks = {"stream_descriptor": {"name": "tasks"}, "stream_state": None}

    read = Inputs.read_state(kept([{"type": "GLOBAL", "global": {"stream_states": [leads]}}, {"stream": tasks}]))

    assert [AirbyteStateMessageSerializer.dump(each) for each in read] == [
        {
            "type": "STREAM",
            "stream": {"stream_descriptor": {"name": "leads"}, "stream_state": {"date_updated": "2026-01-01"}},
        },
        {"type": "STREAM", "stream": {"stream_descriptor": {"name": "tasks"}, "stream_state": {}}},
    ]


def test_without_a_state_file_there_is_no_state() -> None:
    assert Inputs.read_state("") == []


def test_a_catalog_is_read(kept: Kept) -> None:
    read = Inputs.read_catalog(kept(catalog_of(("leads", "tasks"))))

    assert [each.stream.name for each in read.streams] == ["leads", "tasks"]


def with_schema(schema: Any) -> dict[str, Any]:
    catalog = catalog_of(("users", "leads"))
    catalog["streams"][1]["stream"]["json_schema"] = schema
    return catalog


@pytest.mark.parametrize("schema", [{}, {"properties": None}, {"properties": {}}, {"properties": {"id": {}}}])
def test_a_schema_may_be_empty(kept: Kept, schema: Any) -> None:
    assert len(Inputs.read_catalog(kept(with_schema(schema))).streams) == 2


NO_SCHEMA = "The schema of stream leads in the catalog is no JSON schema"


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        ([], "The catalog is not as Airbyte's protocol wants it, at its top"),
        ({"api_key": "secret"}, "The catalog is not as Airbyte's protocol wants it, at streams"),
        ({"streams": ["leads"]}, "The catalog is not as Airbyte's protocol wants it, at streams/0"),
        (catalog_of(("leads",), "secret"), "The catalog is not as Airbyte's protocol wants it, at streams/0/sync_mode"),
        (with_schema({"properties": ["id"]}), NO_SCHEMA),
        (with_schema({"properties": {"id": "string"}}), NO_SCHEMA),
    ],
)
def test_a_wrong_catalog_is_one_sentence_that_quotes_nothing(kept: Kept, held: Any, sentence: str) -> None:
    with pytest.raises(AirbyteTracedException) as caught:
        Inputs.read_catalog(kept(held))

    assert str(caught.value) == f"{sentence}; make it again from what `discover` prints."


def test_a_stream_that_is_twice_in_a_catalog_is_named(kept: Kept) -> None:
    """Its two readers would move one state, past what one of them has not read yet."""
    with pytest.raises(AirbyteTracedException, match=r"^The catalog has stream tasks 2 times; keep one of them\.$"):
        Inputs.read_catalog(kept(catalog_of(("tasks", "leads", "tasks"))))
