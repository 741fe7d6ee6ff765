"""What a catalog selects, and that records and schemas agree about it."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_closeio.errors import CatalogError
from source_closeio.singer.catalog import TapStream, document, select
from source_closeio.singer.steps import without

from .offered import RECORD, offered


def leads(*fields: tuple[list[str], dict[str, Any]], **entry: Any) -> dict[str, Any]:
    metadata = [{"breadcrumb": crumb, "metadata": about} for crumb, about in ([[], {"selected": True}], *fields)]
    return {"streams": [{"tap_stream_id": "leads", "metadata": metadata, **entry}]}


def selected(*fields: tuple[list[str], dict[str, Any]]) -> TapStream:
    (stream,), _ = select(offered(), leads(*fields))
    return stream


def pruned(stream: TapStream) -> dict[str, Any]:
    record = copy.deepcopy(RECORD)
    without(stream.deselected)(record)
    return record


NO = {"selected": False}
NAME = ["properties", "name"]
EMAIL = ["properties", "contacts", "items", "properties", "email"]


@pytest.mark.parametrize(
    ("about", "kept"),
    [
        ({}, True),
        ({"selected": True}, True),
        ({"selected": False}, False),
        ({"selected": "false"}, False),
        ({"selected": "true"}, True),
        ({"selected-by-default": False}, False),
        ({"selected-by-default": False, "selected": True}, True),
        ({"inclusion": "unsupported", "selected": True}, False),
        ({"inclusion": "automatic", "selected": False}, False),
        ({"unknown": 1}, True),
    ],
)
def test_a_field_is_kept_unless_it_is_deselected(about: dict[str, Any], kept: bool) -> None:
    """`inclusion: automatic` of the given catalog does not count: tap-closeio wrote it everywhere."""
    stream = selected((NAME, about))

    assert ("name" in pruned(stream)) == ("name" in stream.schema["properties"]) == kept


@pytest.mark.parametrize("name", ["id", "date_updated"])
def test_keys_and_the_replication_key_stay(name: str) -> None:
    stream = selected((["properties", name], NO))

    assert name in stream.schema["properties"]
    assert pruned(stream)[name] == RECORD[name]


def test_an_object_goes_whole_even_if_a_part_of_it_is_selected() -> None:
    stream = selected(
        (["properties", "owner"], NO), (["properties", "owner", "properties", "name"], {"selected": True})
    )

    assert "owner" not in stream.schema["properties"]
    assert "owner" not in pruned(stream)


def test_an_object_goes_whole_whichever_comes_first() -> None:
    owner, part = (["properties", "owner"], NO), (["properties", "owner", "properties", "id"], NO)

    for stream in (selected(owner, part), selected(part, owner)):
        assert "owner" not in stream.schema["properties"]
        assert "owner" not in pruned(stream)


def test_a_key_inside_an_object_is_no_key() -> None:
    stream = selected((["properties", "owner", "properties", "id"], NO))

    assert list(stream.schema["properties"]["owner"]["properties"]) == ["name"]
    assert pruned(stream)["owner"] == {"name": "U", "undeclared": 1}


@pytest.mark.parametrize("crumb", [EMAIL, ["properties", "contacts", "properties", "email"]])
def test_the_parts_of_a_list_go_with_items_in_the_breadcrumb_or_without(crumb: list[str]) -> None:
    """Meltano leaves `items` out."""
    stream = selected((crumb, NO))

    assert "email" not in stream.schema["properties"]["contacts"]["items"]["properties"]
    assert pruned(stream)["contacts"] == [{"properties": "p", "phones": [{"n": "1"}, None]}, None]


def test_a_property_may_be_called_as_the_words_of_a_breadcrumb() -> None:
    stream = selected((["properties", "contacts", "items", "properties", "properties"], NO))

    assert pruned(stream)["contacts"][0] == {"email": "e", "phones": [{"n": "1"}, None]}


def test_lists_in_lists() -> None:
    stream = selected((["properties", "contacts", "items", "properties", "phones", "items", "properties", "n"], NO))

    assert pruned(stream)["contacts"][0]["phones"] == [{}, None]


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({}, False),
        ({"metadata": [{"breadcrumb": [], "metadata": {"selected": True}}]}, True),
        ({"metadata": [{"breadcrumb": [], "metadata": {"selected": "true"}}]}, True),
        ({"metadata": [{"breadcrumb": [], "metadata": {"selected": False}}], "selected": True}, False),
        ({"metadata": [{"breadcrumb": [], "metadata": {"selected-by-default": True}}]}, True),
        ({"metadata": [{"breadcrumb": [], "metadata": {"selected-by-default": True, "selected": False}}]}, False),
        ({"metadata": None, "schema": {"selected": True}}, True),
        ({"selected": True}, True),
        ({"metadata": [{"breadcrumb": NAME, "metadata": {"selected": True}}]}, False),
    ],
)
def test_a_stream_is_wanted_if_it_is_selected(entry: dict[str, Any], wanted: bool) -> None:
    streams, unknown = select(offered(), {"streams": [{"tap_stream_id": "leads", **entry}]})

    assert [stream.name for stream in streams] == ["leads"] * wanted
    assert unknown == []


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"selected": True, "schema": None}, True),
        ({"selected": None, "schema": {"selected": "True"}}, True),
        ({"metadata": [{"breadcrumb": None, "metadata": {"selected": True}}]}, True),
        ({"metadata": [{"metadata": {"selected": True}}, {"breadcrumb": [], "metadata": None}]}, True),
        ({"metadata": [{"breadcrumb": [], "metadata": {"selected": None, "selected-by-default": True}}]}, True),
        ({"metadata": [{"breadcrumb": NAME, "metadata": {"selected": True}}], "schema": None}, False),
    ],
)
def test_null_is_as_good_as_not_there(entry: dict[str, Any], wanted: bool) -> None:
    (streams, _) = select(offered(), {"streams": [{"tap_stream_id": "leads", **entry}]})

    assert [stream.name for stream in streams] == ["leads"] * wanted


def test_what_stands_in_two_places_under_one_breadcrumb_counts_together() -> None:
    more = {"breadcrumb": [], "metadata": {"replication-method": "FULL_TABLE"}}
    catalog = leads((NAME, {"inclusion": "available"}), (NAME, NO))
    catalog["streams"][0]["metadata"].append(more)
    ((stream,), _) = select(offered(), catalog)

    assert stream.whole
    assert "name" not in stream.schema["properties"]


AT_LEADS = "The catalog cannot be read at stream leads: "
ANY_STREAM = 'Each of the `streams` of the catalog must be like {"tap_stream_id": "leads", ...}.'


@pytest.mark.parametrize(
    ("streams", "sentence"),
    [
        (["leads"], ANY_STREAM),
        ([None], ANY_STREAM),
        ([{}], ANY_STREAM),
        ([{"tap_stream_id": 5}], ANY_STREAM),
        ([{"tap_stream_id": ["leads"]}], ANY_STREAM),
        (
            [{"tap_stream_id": "leads", "selected": True}, {"stream": "leads"}],
            "The catalog has stream leads more than once; keep one of them.",
        ),
        ([{"stream": "leads", "schema": "text"}], f"{AT_LEADS}`schema` must be an object."),
        ([{"stream": "leads", "metadata": {"selected": True}}], f"{AT_LEADS}`metadata` must be a list."),
        ([{"stream": "leads", "metadata": [None]}], f"{AT_LEADS}`metadata` must hold objects."),
        ([{"stream": "leads", "metadata": [{"metadata": []}]}], f"{AT_LEADS}`metadata` must be an object."),
        ([{"stream": "leads", "metadata": [{"breadcrumb": "x"}]}], f"{AT_LEADS}`breadcrumb` must be a list."),
        ([{"stream": "leads", "metadata": [{"breadcrumb": [["x"]]}]}], f"{AT_LEADS}`breadcrumb` must hold texts."),
        ([{"stream": "leads", "selected": 1}], f"{AT_LEADS}`selected` must be true or false."),
        ([{"stream": "leads", "schema": {"selected": "yes"}}], f"{AT_LEADS}`selected` must be true or false."),
        (
            leads((NAME, {"selected-by-default": ""}))["streams"],
            f"{AT_LEADS}`selected` must be true or false.",
        ),
        ([{"stream": "orders", "schema": 5}], AT_LEADS.replace("leads", "orders") + "`schema` must be an object."),
    ],
)
def test_a_catalog_that_cannot_be_read_is_a_sentence_and_no_guess(streams: list[Any], sentence: str) -> None:
    """A stream that was silently not read, or read whole, is what nobody asked for."""
    with pytest.raises(CatalogError) as caught:
        select(offered(), {"streams": streams})

    assert str(caught.value) == sentence


def test_streams_of_another_tap_are_named_and_the_order_is_ours() -> None:
    on = {"selected": True}
    streams, unknown = select(
        offered(), {"streams": [{"stream": "users", **on}, {"stream": "orders", **on}, {"stream": "leads", **on}]}
    )

    assert ([stream.name for stream in streams], unknown) == (["leads", "users"], ["orders"])


@pytest.mark.parametrize(
    "entry",
    [
        {"replication_method": "FULL_TABLE"},
        {"metadata": [{"breadcrumb": [], "metadata": {"selected": True, "replication-method": "FULL_TABLE"}}]},
    ],
)
def test_the_given_catalog_may_ask_for_the_whole_table(entry: dict[str, Any]) -> None:
    ((stream,), _), ((other,), _) = select(offered(), leads(**entry)), select(offered(), leads())

    assert (stream.whole, other.whole) == (True, False)


def test_schema_and_keys_of_the_given_catalog_do_not_count() -> None:
    (stream,), _ = select(offered(), leads(schema={"properties": {}}, key_properties=["name"]))

    assert stream.keys == ("id",)
    assert stream.schema == offered()[0].schema


def test_our_own_catalog_can_be_read_back() -> None:
    """`--discover` selects nothing: who marks some streams of it wants no others, as with tap-closeio."""
    catalog = document(offered())
    assert select(offered(), catalog) == ([], [])

    catalog["streams"][0]["metadata"][0]["metadata"]["selected"] = True
    (stream,), _ = select(offered(), catalog)
    assert stream == offered()[0]


PATHS = [
    NAME,
    ["properties", "owner"],
    ["properties", "owner", "properties", "id"],
    ["properties", "owner", "properties", "name"],
    ["properties", "contacts"],
    EMAIL,
    ["properties", "contacts", "items", "properties", "phones"],
    ["properties", "contacts", "properties", "phones", "properties", "n"],
    ["properties", "no_such", "properties", "field"],
]


def declared(schema: dict[str, Any], value: Any) -> Any:
    """The parts of a value that a schema knows."""
    if isinstance(value, list):
        return [declared(schema["items"], each) for each in value]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {name: declared(known[name], each) for name, each in value.items() if name in known}
    return value


@given(st.lists(st.sampled_from(PATHS)))
def test_records_and_schema_lose_the_same_parts(paths: list[list[str]]) -> None:
    stream = selected(*((path, NO) for path in paths))

    kept = pruned(stream)
    assert declared(offered()[0].schema, kept) == declared(stream.schema, RECORD)
    assert kept["undeclared"] == RECORD["undeclared"]
