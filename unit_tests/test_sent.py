"""What the streams send to Close, word for word, and what they make of an answer."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests_mock

from source_closeio import pagination, streams
from source_closeio.advanced_filtering import asked_for, search_body
from source_closeio.config import read_settings
from source_closeio.custom_fields import columns
from source_closeio.endpoints import ENDPOINTS, Endpoint
from source_closeio.errors import FixInput, NothingThere, Stopped, StreamRefused, TellUs, TryLater
from source_closeio.http_policy import REPORT, TIMEOUT
from source_closeio.records import CHANGED
from source_closeio.schemas import DELETED_AT, DELETED_AT_COLUMN, columns_of, schema_of
from source_closeio.streams import CloseStream, Connection, rows_of, stream_of
from source_closeio.windows import Part, Span

from .configs import credentials
from .conftest import NOW
from .filling import DAY

ROOT = "https://api.close.com/api/v1/"
SLICE = Span(NOW - DAY, NOW)


class Close:
    """Gives these answers, one after the other and the last one again; notes what is asked.

    An answer is a body, or a status and a body; for paths that are named there are answers of their own.
    """

    def __init__(self, mocker: requests_mock.Mocker) -> None:
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.requests: list[Any] = []
        self.answers: list[Any] = [{"data": []}]
        self.named: dict[str, Any] = {}
        mocker.register_uri(requests_mock.ANY, requests_mock.ANY, json=self._answer)

    def _answer(self, request: Any, context: Any) -> Any:
        address = urlsplit(request._request.url)
        query = "&".join(f"{name}={value}" for name, value in sorted(parse_qsl(address.query)))
        path = address.path.removeprefix("/api/v1/")
        self.asked.append(f"{path}?{query}" if query else path)
        self.requests.append(request)
        if request.method == "POST" and path.startswith("data/"):
            self.bodies.append(request.json())
        answer = self.named.get(path) or (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        if isinstance(answer, tuple):
            context.status_code, answer = answer
        return answer


@pytest.fixture
def close() -> Iterator[Close]:
    with requests_mock.Mocker() as mocker:
        yield Close(mocker)


def connection(**config: Any) -> Connection:
    return Connection(read_settings({"api_key": "key", **config}))


def row_of(name: str) -> Endpoint:
    (endpoint,) = (each for each in ENDPOINTS if each.name == name)
    return endpoint


def stream(name: str, **config: Any) -> CloseStream:
    return stream_of(row_of(name), connection(**config))


# Each request


def test_a_request_says_who_asks_signs_and_ends_in_time(close: Close) -> None:
    stream("users", user_agent="us").fetch({"_limit": 1})

    (request,) = close.requests
    assert request.headers["User-Agent"] == "us"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["Authorization"] == f"Basic {b64encode(b'key:').decode()}"
    assert request.timeout == TIMEOUT
    assert close.asked == ["user/?_limit=1"]


def test_what_the_streams_of_a_sync_share_is_as_the_user_wants_it() -> None:
    ours = connection(num_workers=7, max_requests_per_second=3)

    assert ours.adapter._pool_maxsize == 8  # type: ignore[attr-defined]
    assert ours.rate_limiter._organisation._most == 3
    assert ours.custom_fields == {}
    users = stream_of(row_of("users"), ours)
    assert users._http_client._session.get_adapter(f"{ROOT}user/") is ours.adapter
    assert users.get_backoff_strategy()._tries == ours.tries == Connection(ours.settings, 5).tries + 3  # type: ignore[attr-defined]


def test_a_token_that_was_revoked_is_renewed_and_the_page_asked_for_again(close: Close) -> None:
    close.named["/oauth2/token/"] = {"access_token": "new", "refresh_token": "next", "expires_in": 3600}
    close.answers = [(401, {"error": "no"}), {"data": [{"id": "user_1"}]}]
    config = {**credentials(), "api_key": None}

    assert stream("users", **config).any_row() == [{"id": "user_1"}]
    assert [each.headers["Authorization"] for each in close.requests if "user/" in each.url][1:] == ["Bearer new"]


def test_no_tokens_are_asked_for_once_a_sync_is_given_up(close: Close) -> None:
    ours = connection(**{**credentials(), "api_key": None})
    ours.stop.set()

    with pytest.raises(Stopped):
        ours.auth.get_access_token()  # type: ignore[attr-defined]
    assert close.asked == []


def test_a_key_that_is_rejected_is_not_renewed(close: Close) -> None:
    close.answers = [(401, {"error": "no"})]

    with pytest.raises(FixInput, match=r"Close rejected the API key \(401\)"):
        stream("users").any_row()


def test_requests_are_counted_with_the_stream_that_they_are_sent_for(close: Close) -> None:
    close.answers = [(500, {}), {"data": []}, {"id": "user_1"}]
    users = stream("users")

    users.any_row()
    users.row_at("user/user_1/")
    assert (users.meter.wanted, users.meter.requests) == (2, 3)


def test_who_gives_up_says_why_and_after_how_many_tries(close: Close) -> None:
    close.answers = [(500, {})]
    users = stream_of(row_of("users"), Connection(read_settings({"api_key": "key"}), tries=3))

    with pytest.raises(TryLater, match=r"^Close failed to answer /user/ \(500\); try again later. Tried 3 times\.$"):
        users.any_row()
    assert len(close.asked) == 3


# Rows by their ids


def test_rows_are_picked_by_their_ids_a_page_of_them_at_once(close: Close) -> None:
    close.answers = [{"data": [{"id": "a"}, {"id": "b"}]}]

    assert stream("call_activities").by_ids(["a", "b"]) == [{"id": "a"}, {"id": "b"}]
    assert close.asked == ["activity/call/?_limit=2&id__in=a,b"]
    close.answers = [{"data": [{"id": "a"}]}]
    assert stream("call_activities").any_row() == [{"id": "a"}]
    assert close.asked[1:] == ["activity/call/?_limit=1"]


def test_a_row_is_asked_for_by_its_own_path_without_what_the_list_wants(close: Close) -> None:
    close.answers = [{"id": "group_1", "memberships": []}]

    for name in ("groups", "memberships", "tasks"):
        assert stream(name).row_at("group/group_1/") == {"id": "group_1", "memberships": []}
    assert close.asked == ["group/group_1/"] * 3


@pytest.mark.parametrize(
    ("status", "problem"), [(402, StreamRefused), (403, StreamRefused), (400, TellUs), (404, NothingThere)]
)
def test_a_row_that_is_refused_is_told_from_one_that_is_not_there(close: Close, status: int, problem: Any) -> None:
    close.answers = [(status, {"error": "no"})]

    with pytest.raises(problem) as told:
        stream("custom_objects").row_at("custom_object/co_1/")
    assert type(told.value) is problem
    assert "/api/v1/" not in str(told.value)


# What is made of an answer


@pytest.mark.parametrize(
    ("name", "answer", "rows"),
    [
        ("users", {"data": [{"id": "a"}]}, [{"id": "a"}]),
        ("activity_metrics", {"metrics": [{"key": "a"}]}, [{"key": "a"}]),
        ("organizations", {"id": "orga_1"}, [{"id": "orga_1"}]),
        (
            "memberships",
            {"memberships": [{"id": "a"}], "inactive_memberships": [{"id": "b"}]},
            [{"id": "a", "found_in": "memberships"}, {"id": "b", "found_in": "inactive_memberships"}],
        ),
    ],
)
def test_rows_are_found_where_the_row_of_the_table_says(close: Close, name: str, answer: Any, rows: Any) -> None:
    close.answers = [answer]
    asked = stream(name)

    assert not asked.answered
    assert asked.fetch({})["data"] == rows
    assert asked.answered


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("users", {}),
        ("users", {"data": {}}),
        ("users", {"data": ["a"]}),
        ("users", {"data": [{"id": "a"}, {"name": "b"}]}),
        ("memberships", {"memberships": [{"id": "a"}]}),
        ("activity_metrics", {"data": [{"key": "a"}]}),
    ],
)
def test_an_answer_without_a_list_of_records_is_none(close: Close, name: str, answer: Any) -> None:
    close.answers = [answer]
    asked = stream(name)

    with pytest.raises(TellUs) as told:
        asked.fetch({})
    assert str(told.value) == f"The answer of /{row_of(name).path} holds no list of records; {REPORT}."
    assert not asked.answered


@pytest.mark.parametrize(
    ("answers", "counted"),
    [
        ([{"total_results": 5}, {}], 5),
        ([{"total_results": 5}, {"total_results": 6}], 6),
        ([{"total_results": "5"}], None),
    ],
)
def test_a_list_is_counted_by_the_latest_total_that_close_said(
    close: Close, answers: list[dict[str, Any]], counted: int | None
) -> None:
    users = stream("users")
    assert users.count() is None

    for each in answers:
        close.answers = [{"data": [], **each}]
        users.fetch({})
    assert users.count() == counted
    assert stream("call_activities").count() is None


def test_all_rows_of_a_short_list_are_read_by_the_page(close: Close) -> None:
    close.answers = [{"data": [{"id": "a"}], "has_more": False}]

    assert rows_of(connection(), row_of("outcomes")) == [{"id": "a"}]
    assert close.asked == ["outcome/?_limit=100&_skip=0"]


# Children


def test_the_children_of_a_parent_are_asked_for_by_the_page_and_count_with_their_stream(close: Close) -> None:
    close.answers = [{"data": [{"id": "comm_1"}], "has_more": False}]
    comments = stream("comments")

    assert list(comments.rows(Part(parent="comthr_1"), 7)) == [{"id": "comm_1"}]
    assert close.asked == ["comment/?_limit=7&_skip=0&thread_id=comthr_1"]
    assert [part.parent for part in comments.parts()] == ["comm_1"]
    assert close.asked[1:] == ["comment_thread/?_limit=100&_skip=0"]
    comments.probe()
    assert close.asked[2:] == ["comment_thread/?_limit=100&_skip=0", "comment/?_limit=1&thread_id=comm_1"]
    assert (comments.meter.wanted, comments.meter.requests) == (4, 4)


def test_a_parent_that_went_took_its_children_along_and_one_that_is_there_must_have_some(close: Close) -> None:
    close.answers = [(404, {"error": "no"})]
    close.named["comment_thread/"] = {"data": [{"id": "comthr_2"}], "has_more": False}

    assert list(stream("comments").rows(Part(parent="comthr_1"), 7)) == []
    with pytest.raises(NothingThere):
        list(stream("comments").rows(Part(parent="comthr_2"), 7))


def test_of_all_parents_one_is_asked_for_its_children(close: Close) -> None:
    close.answers = [{"data": [{"id": "a"}, {"id": "b"}], "has_more": False}]
    stream("comments").probe()
    assert close.asked[1:] == ["comment/?_limit=1&thread_id=a"]

    stream("custom_objects").probe()
    (body,) = close.bodies
    (condition,) = (each["condition"] for each in body["query"]["queries"] if "condition" in each)
    assert condition == {"type": "term", "values": ["a"]}


def test_the_other_way_of_a_stream_makes_the_same_records_and_counts_with_it() -> None:
    ours = stream("custom_objects")
    other = ours.otherwise

    assert other is not None
    assert other.endpoint == ours.endpoint.otherwise
    assert (other._shape, other.names, other.meter) == (ours._shape, ours.names, ours.meter)
    assert stream("users").otherwise is None


# Search


def body(asked: Mapping[str, Any], name: str = "leads") -> dict[str, Any]:
    return search_body(str(row_of(name).object_type), asked_for(columns_of(name), {}), asked)


def test_a_search_asks_for_no_more_than_it_says(close: Close) -> None:
    close.answers = [{"data": [{"id": "a"}], "cursor": None}]
    leads = stream("leads")

    leads.probe()
    assert leads.any_row() == [{"id": "a"}]
    assert leads.by_ids(["a", "b"]) == [{"id": "a"}]

    assert close.asked == ["data/search/"] * 3
    assert close.bodies == [
        body({"spans": {}, "sort": ["date_updated"], "_limit": 1}),
        body({"spans": {}, "sort": [], "_limit": 1}),
        body({"ids": ["a", "b"], "spans": {}, "sort": [], "_limit": 2}),
    ]


@pytest.mark.parametrize(
    ("count", "counted"),
    [({"total": 5}, 5), ({"total": "5"}, None), ({"limited": 5}, None), (5, None), (None, None)],
)
def test_a_search_is_counted_by_one_row(close: Close, count: Any, counted: int | None) -> None:
    close.answers = [{"data": [{"id": "a"}], "count": count}]

    assert stream("leads").count() == counted
    assert close.bodies == [body({"spans": {}, "sort": ["date_updated"], "_limit": 1, "include_counts": True})]
    assert stream("custom_objects").count() is None, "each parent would have to be asked"


@pytest.mark.parametrize("span", [SLICE, Span(NOW)])
def test_a_search_asks_for_the_children_of_a_parent_within_a_span(close: Close, span: Span) -> None:
    close.answers = [{"data": [], "cursor": None}]

    assert list(stream("custom_objects").rows(Part(span, parent="cotype_1"), 7)) == []
    sort = ("date_updated", "date_created")
    where = {"custom_object_type_id": "cotype_1"}
    asked = {"where": where, "spans": {"date_updated": span}, "sort": sort, "_limit": 7}
    assert close.bodies[0] == body(asked, "custom_objects")


# Slices


@pytest.mark.parametrize(("name", "walk"), [("tasks", "window"), ("event_log", "events"), ("leads", "search")])
def test_a_slice_is_read_as_its_walk_wants_it_and_shared_as_its_reader_wants_it(
    name: str, walk: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def walked(*all_of_it: Any) -> Iterator[Any]:
        given.extend(all_of_it)
        return iter([{"id": "a"}])

    monkeypatch.setattr(streams if walk == "search" else pagination, walk, walked)
    ours = stream(name)
    order, part = ours.endpoint.params.get("_order_by"), Part(SLICE, known=frozenset({"k"}))

    def share(rest: Any) -> Any:
        return rest.span

    (record,) = ours.records(part, share)

    size = ours.endpoint.page_size
    assert record["id"] == "a"
    assert (
        given[1:]
        == {
            "window": [SLICE, "date_updated", size, order, frozenset({"k"}), share],
            "events": [SLICE, size, share],
            "search": [SLICE, ("date_updated", "date_created"), size, share],
        }[walk]
    )


def test_the_rest_of_an_open_span_is_searched_by_pages_of_the_same_size(
    close: Close, monkeypatch: pytest.MonkeyPatch
) -> None:
    close.answers = [{"data": [], "cursor": "more"}, {"data": [], "cursor": None}]

    assert list(stream("leads").rows(Part(Span(NOW)), 7)) == []
    assert {each["_limit"] for each in close.bodies} == {7}
    assert len(close.bodies) == 3


def test_of_the_event_log_a_stream_has_the_rows_that_the_table_says(close: Close) -> None:
    dates = {"date_updated": "2026-02-28T12:00:00"}
    rows = [{"id": each, "action": each, **dates} for each in ("created", "deleted", "updated")]
    close.answers = [{"data": rows, "cursor_next": None}]

    assert [row["id"] for row in stream("deletions").rows(Part(SLICE), 7)] == ["deleted"]
    assert [row["id"] for row in stream("event_log").rows(Part(SLICE), 7)] == ["created", "deleted", "updated"]


# Columns


def test_a_schema_has_the_custom_fields_of_its_kind_and_where_the_log_is_followed_a_column_for_its_end() -> None:
    fields = {"cf_1": {"id": "cf_1", "name": "Size", "type": "number"}}

    def schema(name: str, **config: Any) -> Any:
        ours = connection(**config)
        ours.custom_fields = {"lead": fields, "contact": {}}
        return stream_of(row_of(name), ours).get_json_schema()

    declared = schema_of("leads")
    assert schema("leads", change_capture="off") == {
        **declared,
        "properties": {**declared["properties"], **columns(fields)},
    }
    assert schema("leads") == {
        **declared,
        "properties": {**declared["properties"], **columns(fields), DELETED_AT: DELETED_AT_COLUMN},
    }
    assert schema("contacts", change_capture="off") == schema_of("contacts")
    assert schema("users") == schema_of("users")
    assert DELETED_AT in schema("tasks")["properties"]


def test_values_fit_the_columns_of_the_given_schema_or_else_those_that_were_found(close: Close) -> None:
    ours = connection()
    ours.custom_fields = {"lead": {"cf_1": {"id": "cf_1", "name": "Size", "type": "number"}}}

    def shaped(given: Mapping[str, Any] | None) -> Any:
        leads = stream_of(row_of("leads"), ours)
        if given is not None:
            leads.fit_to(given)
            assert leads.columns == given.get("properties", {})
        record = leads.shaped({"id": "a", "custom": {"Size": "many", "Mood": "good"}})
        assert leads.names.unplaced == {"Mood"}
        return record

    assert shaped(None) == {"id": "a", "custom.cf_1": "many"}
    assert shaped({}) == {"id": "a", "custom.cf_1": None, CHANGED: ["custom.cf_1"]}
    assert shaped({"properties": {"custom.cf_1": {"type": ["null", "string"]}}}) == {"id": "a", "custom.cf_1": "many"}


def test_custom_values_of_what_has_no_custom_fields_stand_in_no_column() -> None:
    users = stream("users")

    assert users.shaped({"id": "a", "custom": {"Size": 1}}) == {"id": "a"}
    assert users.names.unplaced == {"Size"}


def test_a_search_asks_for_the_columns_that_are_wanted(close: Close) -> None:
    leads = stream("leads")
    leads.fit_to({"properties": {"name": {}}})
    leads.any_row()

    assert close.bodies[0]["_fields"] == {"lead": list(asked_for(columns_of("leads"), {"name": {}}))}
