"""One stream in one sync, without Close: its slices, their rest, and what becomes of failures and refusals."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airbyte_cdk.utils import AirbyteTracedException

from source_closeio import readers
from source_closeio.errors import FixInput, Stopped, StreamRefused, TellUs
from source_closeio.pagination import Share, alone
from source_closeio.readers import DatedReader, Sharing, Slice, StreamReader
from source_closeio.windows import Part, Rest, Span
from source_closeio.workers import BEGINNING

from .conftest import NOW
from .filling import DAY

REFUSED = StreamRefused("Close refuses this list (403).")
SLICES, TAIL = Span(NOW - 8 * DAY, NOW), Span(NOW)


class Listed:
    """In the place of a stream: what each of its parts brings; where that is an exception, it is raised."""

    def __init__(self, *rows: Sequence[Any], window: Any = None, counts: Any = None, otherwise: Any = None) -> None:
        self.name, self.group = "comments", "GET /comment/"
        self.endpoint = SimpleNamespace(window=window, path="comment/")
        self.names = SimpleNamespace(unplaced=set[str]())
        self.answered = False
        self.otherwise = otherwise
        self.asked: list[Part] = []
        self.shares: list[Share] = []
        self._rows = {f"parent_{number}": each for number, each in enumerate(rows)}
        self._counts = counts

    def parts(self) -> Iterator[Part]:
        return (Part(parent=each) for each in self._rows)

    def records(self, part: Part, share: Share = alone) -> Iterator[Any]:
        self.asked.append(part)
        self.shares.append(share)
        for row in self._rows[part.parent]:
            if isinstance(row, Exception):
                raise row
            yield {"id": row}

    def probe(self) -> None:
        if self._counts is not None:
            raise self._counts

    def count(self) -> Any:
        if isinstance(self._counts, Exception):
            raise self._counts
        return self._counts


def reader_of(stream: Any, *, was_read: bool = False) -> StreamReader:
    return StreamReader(stream, was_read=was_read)


def ids(piece: Slice) -> list[str]:
    return [record.data["id"] for record in piece.read()]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


# Parts


def test_a_stream_is_over_and_counted_once_the_last_of_its_parts_is_read() -> None:
    reader = reader_of(Listed(["a", "b"], ["c"], counts=3))
    assert (reader.has_begun, reader.is_over, reader.failure, reader.records) == (False, False, None, 0)
    first, second = reader.generate()
    assert reader.has_begun

    assert ids(second) == ["c"]
    assert (reader.is_over, reader.counted, reader.records) == (False, None, 1)
    assert ids(first) == ["a", "b"]
    assert (reader.is_over, reader.counted, reader.records) == (True, 3, 3)
    assert 0 < reader.began <= reader.ended
    assert reader.lacks is False


def test_a_stream_without_parts_is_not_over_before_it_was_looked_for() -> None:
    reader = reader_of(Listed())
    assert list(reader.generate()) == []
    assert (reader.ended, reader.counted) == (0, None)


def test_records_bear_the_name_of_their_stream_and_slices_tell_what_they_are() -> None:
    reader = reader_of(Listed(["a"], ["b"]))
    first, second = reader.generate()

    assert [record.stream_name for record in first.read()] == ["comments"]
    assert (first.stream_name(), first.group, first.age) == ("comments", "GET /comment/", BEGINNING)
    assert first.to_slice() == {"slice": str(Part(parent="parent_0"))}
    assert hash(first) == hash(Slice(reader, 0, Part()))
    assert hash(first) != hash(second)
    assert hash(first) != hash(Slice(reader_of(SimpleNamespace(name="leads")), 0, Part()))


def test_what_close_cannot_count_fails_no_stream() -> None:
    reader = reader_of(Listed(["a"], counts=TellUs("no count")))
    (only,) = reader.generate()

    assert ids(only) == ["a"]
    assert (reader.counted, reader.failure) == (None, None)


# Failures


def test_the_first_failure_is_told_and_the_others_of_the_stream_are_not() -> None:
    first_failure = ValueError("first")
    reader = reader_of(stream := Listed([first_failure], ["b", TellUs("second")], ["c"], ["d", KeyError("third")]))
    first, second, third, fourth = reader.generate()
    begun = [iter(each.read()) for each in (second, fourth)]
    assert [next(each).data["id"] for each in begun] == ["b", "d"]

    with pytest.raises(ValueError, match="first"):
        ids(first)

    assert reader.failure is first_failure
    assert [list(each) for each in begun] == [[], []]
    assert reader.failure is first_failure
    assert ids(third) == []
    assert [part.parent for part in stream.asked] == ["parent_1", "parent_3", "parent_0"]
    assert reader.is_over


def test_a_problem_is_told_in_the_words_of_airbyte() -> None:
    problem = TellUs("It is so.")
    reader = reader_of(Listed([problem]))
    (only,) = reader.generate()

    with pytest.raises(AirbyteTracedException, match=r"^It is so\.$") as told:
        ids(only)
    assert reader.failure is told.value
    assert told.value.__cause__ is problem


def test_whoever_was_told_to_stop_is_no_failure() -> None:
    reader = reader_of(Listed(["a", Stopped()]))
    (only,) = reader.generate()

    assert ids(only) == ["a"]
    assert reader.failure is None
    assert reader.records == 1


# Refusals


def test_what_belongs_to_refused_parents_is_told_in_one_sentence(caplog: pytest.LogCaptureFixture) -> None:
    reader = reader_of(Listed([REFUSED], ["b"], [StreamRefused("Another (402).")]), was_read=True)

    assert [ids(each) for each in reader.generate()] == [[], ["b"], []]
    assert warnings(caplog) == ["Stream comments lacks what belongs to 2 of 3 parents: Close refuses this list (403)."]
    assert reader.failure is None
    assert reader.lacks is True


def test_a_stream_all_of_whose_parents_are_refused_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    reader = reader_of(Listed([REFUSED], [REFUSED]))

    assert [ids(each) for each in reader.generate()] == [[], []]
    assert warnings(caplog) == ["Stream comments is left out: Close refuses this list (403)."]
    assert reader.is_over
    assert reader.lacks is True


@pytest.mark.parametrize(
    ("answered", "was_read", "when"),
    [(True, False, "when the sync began"), (True, True, "when the sync began"), (False, True, "by an earlier sync")],
)
def test_the_refusal_of_what_was_read_is_a_failure_that_says_when(answered: bool, was_read: bool, when: str) -> None:
    stream = Listed([REFUSED])
    stream.answered = answered
    (only,) = reader_of(stream, was_read=was_read).generate()

    with pytest.raises(AirbyteTracedException) as told:
        ids(only)
    assert isinstance(told.value.__cause__, FixInput)
    assert str(told.value) == (
        f"Close refuses this list (403). It could be read {when}: give the permission back, or deselect comments."
    )


class Sliced(Listed):
    """Two slices of time, which bring the same."""

    def parts(self) -> Iterator[Part]:
        return iter((Part(Span(None, NOW)), Part(Span(NOW))))


def test_a_stream_whose_slices_are_refused_is_left_out_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    stream = Sliced()
    stream._rows = {"": ["a", REFUSED]}
    reader = reader_of(stream)
    begun = [iter(each.read()) for each in reader.generate()]
    assert [next(each).data["id"] for each in begun] == ["a", "a"]

    assert [list(each) for each in begun] == [[], []]
    assert reader.is_over
    assert warnings(caplog) == ["Stream comments is left out: Close refuses this list (403)."]


def test_a_stream_that_is_refused_is_read_in_its_other_way(caplog: pytest.LogCaptureFixture) -> None:
    other: Any = Listed(["a"])
    reader = reader_of(Listed(counts=REFUSED, otherwise=other))

    assert [ids(each) for each in reader.generate()] == [["a"]]
    assert warnings(caplog) == ["Stream comments is read through /comment/: Close refuses this list (403)."]
    assert reader.stream is other
    assert reader.lacks is True


def test_a_stream_with_another_way_is_read_in_its_own_where_it_can(caplog: pytest.LogCaptureFixture) -> None:
    own: Any = Listed(["a"], otherwise=Listed(["b"]))
    reader = reader_of(own)

    assert [ids(each) for each in reader.generate()] == [["a"]]
    assert reader.stream is own
    assert reader.lacks is False
    assert warnings(caplog) == []


def test_names_that_have_no_column_are_told_once_and_in_order(caplog: pytest.LogCaptureFixture) -> None:
    stream = Listed(["a"], ["b"])
    stream.names.unplaced.update(("Size", "Mood"))

    reader = reader_of(stream)
    assert [ids(each) for each in reader.generate()] == [["a"], ["b"]]
    assert reader.lacks is True
    assert warnings(caplog) == [
        "Stream comments lacks custom field values that Close sent by a name that no field, or more than one, has: "
        "Mood, Size; give each field a name of its own."
    ]


# Slices of time


class Noted:
    """In the place of the cursor, of what follows the event log, and of the CDK: what they were told, in order."""

    def __init__(self, *changed: str) -> None:
        self.told: list[Any] = []
        self.state = {"changes": "before"}
        self._changed = changed

    def opens(self, spans: dict[int, Span]) -> None:
        self.told.append(("opens", dict(spans)))

    def closes(self, number: int) -> None:
        self.told.append(("closes", number))

    def followed(self, beside: dict[str, str]) -> None:
        self.told.append(("followed", dict(beside)))

    def note(self, record: dict[str, str]) -> None:
        self.told.append(("note", record["id"]))

    def records(self) -> Iterator[dict[str, str]]:
        self.told.append("follows")
        yield from ({"id": each} for each in self._changed)
        self.state = {"changes": "after"}


def dated(
    stream: Any,
    noted: Any,
    *,
    follows: bool = False,
    span: Span = SLICES,
    wants: bool = False,
    longest: timedelta | None = None,
    was_read: bool = False,
) -> DatedReader:
    handed = Sharing(lambda group: wants and group == "GET /comment/", lambda piece: noted.told.append(piece), longest)
    return DatedReader(stream, span, TAIL, noted, handed, noted if follows else None, was_read=was_read)


WINDOW = SimpleNamespace(cursor="date_updated")


def test_a_dated_stream_closes_its_slices_and_then_reads_its_tail_and_what_the_log_tells() -> None:
    noted = Noted("d", "e")
    reader = dated(stream := Listed(["a", "b"], ["c"], window=WINDOW, counts=5), noted, follows=True)

    first, second = reader.generate()
    assert noted.told == [("opens", {0: SLICES, 1: SLICES})]
    assert ids(second) == ["c"]
    assert noted.told[1:] == [("note", "c"), ("closes", 1)]
    assert ids(first) == ["a", "b", "a", "b", "c", "d", "e"]

    assert noted.told[3:] == [
        *(("note", "a"), ("note", "b"), ("closes", 0)),
        *(("note", "a"), ("note", "b"), ("note", "c")),
        *("follows", ("followed", {"changes": "after"})),
    ]
    assert [(part.parent, part.span) for part in stream.asked] == [
        *(("parent_1", SLICES), ("parent_0", SLICES)),
        *(("parent_0", TAIL), ("parent_1", TAIL)),
    ]
    assert stream.shares[2:] == [alone, alone], "a tail is not shared"
    assert reader.records == 1 + 2 + 3 + 2
    assert reader.counted is None, "not all was read, but what came since the start of the slices"
    assert [record.stream_name for record in dated(Listed([]), Noted("f"), follows=True)._last_records()] == [
        "comments"
    ]


def test_a_dated_stream_that_is_read_from_the_beginning_is_counted() -> None:
    reader = dated(Listed(["a"], window=WINDOW, counts=5), noted := Noted(), span=Span(None, NOW))

    assert [ids(each) for each in reader.generate()] == [["a", "a"]]
    assert reader.counted == 5
    assert noted.told == [("opens", {0: Span(None, NOW)}), ("closes", 0)]


def test_an_empty_slice_costs_no_request_and_a_stream_without_parts_has_reached_its_end() -> None:
    reader = dated(stream := Listed(["a"], window=WINDOW), Noted(), span=Span(NOW, NOW))
    assert [ids(each) for each in reader.generate()] == [["a"]]
    assert [part.span for part in stream.asked] == [TAIL]

    reader = dated(Listed(window=WINDOW), noted := Noted())
    assert list(reader.generate()) == []
    assert noted.told == [("opens", {}), ("closes", 0)]


def test_the_refusal_of_a_dated_stream_that_was_read_is_a_failure() -> None:
    stream = Sliced(window=WINDOW)
    stream._rows = {"": [REFUSED]}
    first, second = dated(stream, Noted(), was_read=True).generate()

    with pytest.raises(AirbyteTracedException, match="It could be read by an earlier sync"):
        ids(first)
    assert ids(second) == []


def test_the_other_way_of_a_dated_stream_has_no_slices_and_moves_no_state() -> None:
    other = Listed(["a"], ["b"])
    reader = dated(Listed(window=WINDOW, counts=REFUSED, otherwise=other), noted := Noted("c"), follows=True)

    assert [ids(each) for each in reader.generate()] == [["a"], ["b", "c"]]
    assert [part.span for part in other.asked] == [Span(), Span()]
    assert noted.told == [("note", "a"), ("note", "b"), "follows", ("followed", {"changes": "after"})]


# What is left of a slice


def at(days: float) -> datetime:
    return NOW - 8 * DAY + days * DAY


WHOLE, MIDDLE = Span(at(2), at(8)), at(5)
DOWN = Rest(WHOLE, MIDDLE, at(7), ("x", "y"))
"""Of a walk from the newest to the oldest, that has come to the seventh day."""
UP = Rest(WHOLE, MIDDLE, None, ("x",))


def shared(rest: Rest, noted: Noted, pages: int = 1, **how: Any) -> tuple[Span, Slice, list[Slice]]:
    """What a slice goes on with behind so many pages, the slice, and those that it left to others."""
    reader = dated(Listed(["a"], window=WINDOW), noted, **how)
    (piece,) = reader.generate()
    piece.pages += pages - 1
    noted.told.clear()
    next(iter(piece.read()))
    (share,) = reader.stream.shares  # type: ignore[attr-defined]
    noted.told.clear()
    kept = share(rest)
    return kept, piece, [each for each in noted.told if isinstance(each, Slice)]


@pytest.mark.parametrize(
    ("rest", "pages", "how", "spans"),
    [
        (UP, 1, {}, [WHOLE]),
        (DOWN, readers.FILL - 1, {}, [WHOLE]),
        (UP, readers.FILL - 1, {"longest": 6 * DAY}, [WHOLE]),
        (UP, 1, {"longest": 5 * DAY}, [Span(at(2), at(5)), Span(at(5), at(8))]),
        (DOWN, 1, {"longest": 5 * DAY}, [Span(at(5), at(8)), Span(at(2), at(5))]),
        (replace(UP, must_part=True), 1, {}, [Span(at(2), at(5)), Span(at(5), at(8))]),
        (replace(DOWN, must_part=True), 1, {}, [Span(at(5), at(8)), Span(at(2), at(5))]),
        (UP, 1, {"wants": True}, [Span(at(2), at(5)), Span(at(5), at(8))]),
        (DOWN, 1, {"wants": True}, [Span(at(5), at(8)), Span(at(2), at(5))]),
        (UP, readers.FILL, {}, [Span(at(2), at(5)), Span(at(5), at(8))]),
        (DOWN, readers.FILL, {}, [Span(at(7), at(8)), Span(at(5), at(7)), Span(at(2), at(5))]),
        (DOWN, readers.FILL + 1, {"wants": True}, [Span(at(7), at(8)), Span(at(5), at(7)), Span(at(2), at(5))]),
    ],
)
def test_what_is_left_of_a_slice_is_parted_where_a_reader_is_idle_or_the_slice_is_long_or_has_its_fill(
    rest: Rest, pages: int, how: dict[str, Any], spans: list[Span]
) -> None:
    kept, piece, others = shared(rest, noted := Noted(), pages, **how)

    assert [kept, *(each.part.span for each in others)] == spans
    assert piece.part.span == kept
    assert [each.number for each in others] == list(range(1, len(spans)))
    assert {each.part.known for each in others} <= {frozenset(rest.known)}
    assert piece.pages == (pages if len(spans) == 1 else 0)
    assert noted.told == [("opens", dict(enumerate(spans))), *others], "open before anybody reads it"


def test_a_stream_is_not_over_before_what_a_slice_left_to_others_is_read() -> None:
    noted = Noted()
    reader = dated(stream := Listed(["a"], window=WINDOW), noted, wants=True)
    (piece,) = reader.generate()
    reading = iter(piece.read())
    next(reading)
    stream.shares[0](UP)
    assert list(reading) == []

    (other,) = (each for each in noted.told if isinstance(each, Slice))
    assert not reader.is_over
    assert (other.part.parent, other.age) == ("parent_0", at(5))
    assert ids(other) == ["a", "a"], "the slice and the tail"
    assert reader.is_over
    assert [each for each in noted.told if not isinstance(each, Slice) and each[0] == "closes"] == [
        ("closes", 0),
        ("closes", 1),
    ]
