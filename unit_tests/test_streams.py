"""Every row of the table against an organisation that has all kinds of records: ids compared with ids."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft7Validator, FormatChecker

from close_emulator import SMALL, Emulator
from source_closeio.custom_columns import column
from source_closeio.endpoints import ENDPOINTS, Endpoint
from source_closeio.schemas import schema_of

from .conftest import NOW, Output
from .held import held, keys

Run = Callable[..., Output]

SECRETS = ("smtp", "imap", "signature_key")


@pytest.fixture(scope="module")
def organisation() -> Iterator[Emulator]:
    """A small organisation that nobody works in."""
    emulator = Emulator(SMALL, seed=11, now=NOW)
    with emulator:
        yield emulator


@pytest.fixture
def close(organisation: Emulator) -> Emulator:
    """Instead of the empty organisation of the other tests."""
    organisation.now = NOW
    organisation.forget_requests()
    return organisation


def sync(run: Run, endpoint: Endpoint, **options: Any) -> Output:
    output = run("read", endpoint.name, config={"custom_field_names": True}, **options)
    assert output.failure is None, output.errors
    return output


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: str(endpoint.name))
def test_a_stream_brings_what_close_holds(close: Emulator, run: Run, endpoint: Endpoint) -> None:
    expected = {row[endpoint.key] for row in held(close, endpoint)}

    output = sync(run, endpoint)

    assert expected, "an empty list proves nothing"
    assert set(keys(output, endpoint)) == expected
    assert len(keys(output, endpoint)) == len(expected)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: str(endpoint.name))
def test_records_are_valid_and_fully_declared(close: Emulator, run: Run, endpoint: Endpoint) -> None:
    definitions = [
        row
        for kind in ("lead", "contact", "opportunity", "activity", "custom_object_type", "shared")
        for row in close.all(f"custom_field/{kind}/")
    ]
    declared = dict(schema_of(endpoint.name))
    if endpoint.custom_fields:
        custom = {f"custom.{row['id']}": column(row) for row in definitions}
        declared["properties"] = {**declared["properties"], **custom}
    declared["additionalProperties"] = False
    validator = Draft7Validator(declared, format_checker=FormatChecker())

    for record in sync(run, endpoint).records(endpoint.name):
        faults = [f"{fault.json_path}: {fault.message[:200]}" for fault in validator.iter_errors(record)]
        assert faults == []
        assert not set(SECRETS) & set(record)


@pytest.mark.parametrize(
    "endpoint", [each for each in ENDPOINTS if each.window], ids=lambda endpoint: str(endpoint.name)
)
def test_a_second_sync_reads_only_what_it_must(close: Emulator, run: Run, endpoint: Endpoint) -> None:
    assert endpoint.window
    first = sync(run, endpoint)
    close.now = NOW + timedelta(minutes=30)
    close.forget_requests()

    second = sync(run, endpoint, state=first.state)

    lookback = timedelta(days=1) if endpoint.window.cursor == "date_created" else timedelta(hours=1)
    since = NOW - timedelta(minutes=5) - lookback
    (date, *_) = endpoint.columns.get(endpoint.window.cursor, (endpoint.window.cursor,))
    recent = {row["id"] for row in held(close, endpoint) if row[date][:19] >= since.isoformat()[:19]}
    assert set(keys(second, endpoint)) == recent
    # Who is asking, custom fields and types, and for each type or way to read them: one slice and the tail.
    lists = [request for request in close.requests if request.path == endpoint.path]
    assert len(lists) <= 2 * max(1, len(close.ids("custom_object_type/")) if endpoint.parent else 1) + 1


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: str(endpoint.name))
def test_a_sync_that_is_cut_off_anywhere_loses_nothing(close: Emulator, run: Run, endpoint: Endpoint) -> None:
    expected = {row[endpoint.key] for row in held(close, endpoint)}
    whole = len(sync(run, endpoint).messages)

    for lines in {whole // 4, whole // 2, whole - 2}:
        part = sync(run, endpoint, lines=lines)
        rest = sync(run, endpoint, state=part.state)
        assert set(keys(part, endpoint)) | set(keys(rest, endpoint)) >= expected
