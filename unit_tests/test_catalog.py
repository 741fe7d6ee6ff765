"""spec and discover, and what must be true of every row of the table."""

from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from airbyte_cdk.utils import AirbyteTracedException

import source_closeio
from source_closeio.config import read_settings
from source_closeio.custom_field_values import CUSTOM_FIELD_VALUES
from source_closeio.endpoints import CUSTOM_FIELD_SCHEMAS, ENDPOINTS, Endpoint, Walk
from source_closeio.schemas import columns_of, schema_of
from source_closeio.source import SourceCloseIO

from .configs import SPEC
from .conftest import Output


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: str(endpoint.name))
def test_every_row_can_be_read_as_it_stands(endpoint: Endpoint) -> None:
    assert endpoint.path.endswith("/")
    assert not endpoint.path.startswith("/")
    assert (endpoint.window is not None) == endpoint.walk.dated
    assert (endpoint.object_type is not None) == (endpoint.walk is Walk.SEARCH)
    assert (endpoint.parent is not None) or endpoint.walk is not Walk.CHILD
    assert ("{id}" in f"{endpoint.path}{endpoint.parent and endpoint.parent.asks}") == (endpoint.parent is not None)
    assert endpoint.custom_fields in (None, *CUSTOM_FIELD_SCHEMAS)
    assert endpoint.page_size >= 2  # pages overlap by one row

    columns = columns_of(endpoint.name)
    assert endpoint.key in columns
    assert ("found_in" in columns) == (len(endpoint.rows_in) > 1)
    assert set(endpoint.json_text + endpoint.naive) <= set(columns)
    assert not set(endpoint.secrets) & set(columns)
    if endpoint.window:
        cursor = schema_of(endpoint.name)["properties"][endpoint.window.cursor]
        assert cursor["format"] == "date-time"
    if endpoint.walk is Walk.SEARCH:
        assert len(columns) < 99, "Close refuses a search for more than about 100 fields"
    if endpoint.otherwise:
        assert (endpoint.otherwise.name, endpoint.otherwise.key) == (endpoint.name, endpoint.key)
        assert 400 in endpoint.refused_by, "what Close does not understand is a refusal where there is another way"


def test_names_are_unique_and_each_schema_belongs_to_a_row() -> None:
    names = [endpoint.name for endpoint in ENDPOINTS]
    files = {path.stem for path in (Path(source_closeio.__file__).parent / "schemas").glob("*.json")}

    assert len(set(names)) == len(names)
    assert files == {*names, CUSTOM_FIELD_VALUES.name}, "each row has source_closeio/schemas/<name>.json"


def test_discover_offers_every_row(run: Callable[..., Output]) -> None:
    (message,) = run("discover", config={"custom_field_names": True}).of("CATALOG")
    streams = {stream["name"]: stream for stream in message["catalog"]["streams"]}

    assert list(streams) == [*(endpoint.name for endpoint in ENDPOINTS), CUSTOM_FIELD_VALUES.name]
    for endpoint in ENDPOINTS:
        stream = streams[endpoint.name]
        assert stream["source_defined_primary_key"] == [[endpoint.key]]
        assert stream["is_resumable"] == bool(endpoint.window)
        assert stream.get("default_cursor_field", []) == ([endpoint.window.cursor] if endpoint.window else [])
        assert ("incremental" in stream["supported_sync_modes"]) == bool(endpoint.window)


def test_the_spec_is_a_draft_7_schema_with_all_that_a_form_needs(run: Callable[..., Output]) -> None:
    assert run("spec").of("SPEC")[0]["spec"]["connectionSpecification"] == SPEC

    jsonschema.Draft7Validator.check_schema(SPEC)
    assert SPEC["required"] == [], "credentials, or an api_key alone"
    assert SPEC["additionalProperties"] is True
    assert {option["group"] for option in SPEC["properties"].values()} == {group["id"] for group in SPEC["groups"]}
    secrets = {"api_key", "client_id", "client_secret", "refresh_token", "access_token"}
    forms = [SPEC, *SPEC["properties"]["credentials"]["oneOf"]]
    found = {name for form in forms for name, option in form["properties"].items() if option.get("airbyte_secret")}
    assert found == secrets
    for form in forms[1:]:
        assert form["properties"]["auth_type"]["const"] in ("api_key", "oauth2")
        assert [option["order"] for option in form["properties"].values()] == list(range(len(form["properties"])))
    assert [option["order"] for option in SPEC["properties"].values()] == list(range(len(SPEC["properties"])))
    assert all(option["title"] and option["description"] for option in SPEC["properties"].values())


def test_the_defaults_and_limits_of_the_spec_are_those_that_are_read() -> None:
    bare = read_settings({"api_key": "k"})
    defaults = {name: option["default"] for name, option in SPEC["properties"].items() if "default" in option}

    assert read_settings({"api_key": "k", **defaults}) == bare
    for name, option in SPEC["properties"].items():
        for bound in ("minimum", "maximum"):
            if bound in option:
                read_settings({"api_key": "k", name: option[bound]})


@pytest.mark.parametrize("example", ["2024-01-01", "2024-01-01T00:00:00Z", "2024-01-01 10:00:00"])
def test_what_the_form_accepts_as_a_start_date_is_read(example: str) -> None:
    jsonschema.validate({"api_key": "k", "start_date": example}, SPEC)
    read_settings({"api_key": "k", "start_date": example})


@pytest.mark.parametrize("values", [True, False])
def test_the_streams_are_the_rows_of_the_table_and_the_values_of_custom_fields_if_wanted(values: bool) -> None:
    config = {"api_key": "key", "base_url": "https://eu.close.com/api/v1", "custom_field_names": values}

    streams = SourceCloseIO().streams(config)

    assert [each.name for each in streams] == [each.name for each in ENDPOINTS] + ["custom_field_values"] * values
    assert {each.url_base for each in streams} == {"https://eu.close.com/api/v1/"}
    with pytest.raises(AirbyteTracedException, match="`api_key`"):
        SourceCloseIO().streams({})
