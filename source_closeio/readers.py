"""One stream in one sync: its slices, and what becomes of failures and refusals.

A stream with dates begins with one slice. After a page that is not the last the rest of a slice is halved if a reader
has nothing to do, or if the slice has read its fill; the half that it does not go on with is a slice of its own. So
slices follow the records, an empty past costs one request, and a long list is read by all.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record

from .capture import Capture
from .cursor import WindowCursor
from .errors import FixInput, Problem, Stopped, StreamRefused
from .pagination import Share, alone
from .reporting import traced
from .streams import CloseStream
from .windows import Part, Rest, Span
from .workers import BEGINNING, Piece

logger = logging.getLogger("airbyte")

FILL = 20
"""Pages that a slice reads before it leaves half of its rest to another, so that the state need not wait for all."""


class Slice(Piece):
    """What is read in one piece.

    part: what is left of it, as long as it is read. pages: so many since it was last made shorter.
    """

    def __init__(self, reader: "StreamReader", number: int, part: Part) -> None:
        self._reader = reader
        self.number = number
        self.part = part
        self.pages = 0

    @property
    def group(self) -> str:
        return self._reader.stream.group

    @property
    def age(self) -> datetime:
        """So the state moves steadily."""
        return self.part.span.start or BEGINNING

    def read(self) -> Iterable[Record]:
        return self._reader.read(self)

    def to_slice(self) -> Mapping[str, Any]:
        return {"slice": str(self.part)}

    def stream_name(self) -> str:
        return self._reader.stream.name

    def __hash__(self) -> int:
        return hash((self.stream_name(), self.number))


class StreamReader(PartitionGenerator):
    """One stream in one sync, part by part.

    The first part that fails reports for the stream. Those that have not begun by then are left out.
    has_begun: whether a worker looks, or has looked, for the parts. records: of the slices that have ended. counted: as
    Close counts all records of the stream, where it does and all were read. lacks: whether something was left out, or
    may have been, of which a warning tells.
    """

    def __init__(self, stream: CloseStream, *, was_read: bool) -> None:
        """was_read: an earlier sync brought rows of this stream."""
        self.stream = stream
        self.failure: Exception | None = None
        self.has_begun = False
        self.records = 0
        self.counted: int | None = None
        self.lacks = False
        self.began = self.ended = 0.0
        self._was_read = was_read
        self._lock = threading.Lock()
        self._ended = False
        self._parts: tuple[Part, ...] = ()
        self._unread = 0
        self._refused: list[StreamRefused] = []

    def generate(self) -> Iterator[Slice]:
        self.has_begun, self.began = True, time.monotonic()
        with self._reporting():
            self._choose_the_way()
            self._parts = tuple(self.stream.parts())
            self._unread = len(self._parts)
            yield from self._first_slices()

    def read(self, piece: Slice) -> Iterator[Record]:
        if self._ended:
            return
        try:
            with self._reporting():
                yield from self._records_of(piece)
                if self._is_last(piece):
                    yield from self._last_records()
                    self._judge_refusals()
                    self._tell_of_names()
                    if self.is_whole:
                        with suppress(Problem):  # all is read; no sync fails for a figure in the log
                            self.counted = self.stream.count()
        finally:
            self.ended = time.monotonic()

    @property
    def is_whole(self) -> bool:
        """Whether all records of the stream are read, and not only those since some moment."""
        return True

    @property
    def is_over(self) -> bool:
        return self._ended or (self.ended > 0 and self._unread == 0)

    def _first_slices(self) -> Iterator[Slice]:
        return (Slice(self, number, part) for number, part in enumerate(self._parts))

    def _records_of(self, piece: Slice) -> Iterator[Record]:
        try:
            yield from self._records(piece.part)
        except StreamRefused as refusal:
            if not piece.part.parent:
                raise
            self._refused.append(refusal)  # one parent is no stream

    def _last_records(self) -> Iterator[Record]:
        return iter(())

    def _choose_the_way(self) -> None:
        other = self.stream.otherwise
        if other is not None:
            try:
                self.stream.probe()
            except StreamRefused as refusal:
                logger.warning(f"Stream {self.stream.name} is read through /{other.endpoint.path}: {refusal}")
                self.stream, self.lacks = other, True

    def _records(self, part: Part, share: Share = alone) -> Iterator[Record]:
        name, number = self.stream.name, 0
        try:
            for record in self.stream.records(part, share):
                number += 1
                yield Record(record, name)
        finally:
            with self._lock:
                self.records += number

    def _is_last(self, piece: Slice) -> bool:
        """Notes that all records of a slice are in the queue."""
        with self._lock:
            self._unread -= 1
            return self._unread == 0

    def _judge_refusals(self) -> None:
        """Of a stream that is read parent by parent."""
        if not self._refused:
            return
        refusal = self._refused[0]
        if len(self._refused) == len(self._parts):
            self._leave_out(refusal)
            return
        self.lacks = True
        logger.warning(
            f"Stream {self.stream.name} lacks what belongs to {len(self._refused)} of {len(self._parts)} parents: "
            f"{refusal}"
        )

    def _tell_of_names(self) -> None:
        if unplaced := sorted(self.stream.names.unplaced):
            self.lacks = True
            logger.warning(
                f"Stream {self.stream.name} lacks custom field values that Close sent by a name that no field, or more "
                f"than one, has: {', '.join(unplaced)}; give each field a name of its own."
            )

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Lets the first failure of the stream through, and makes a warning of a refusal at its beginning."""
        try:
            try:
                yield
            except StreamRefused as refusal:
                self._leave_out(refusal)
        except Stopped:
            return
        except Problem as problem:
            failure = traced(problem)
            if self._fails_first(failure):
                raise failure from problem
        except Exception as error:
            if self._fails_first(error):
                raise

    def _fails_first(self, failure: Exception) -> bool:
        with self._lock:
            first, self._ended = not self._ended, True
            if first:
                self.failure = failure
            return first

    def _leave_out(self, refusal: StreamRefused) -> None:
        """With a warning; as a failure if rows of it were read before, which would be taken for gone or for all."""
        if self.stream.answered or self._was_read:
            when = "when the sync began" if self.stream.answered else "by an earlier sync"
            raise FixInput(
                f"{refusal} It could be read {when}: give the permission back, or deselect {self.stream.name}."
            )
        with self._lock:
            if not self._ended:
                logger.warning(f"Stream {self.stream.name} is left out: {refusal}")
            self._ended = self.lacks = True


@dataclass(frozen=True)
class Sharing:
    """How slices come to be shared."""

    wants: Callable[[str], bool]
    """Whether a reader has nothing to do, and requests of this group of endpoints would not only wait for their
    turn."""
    hand_over: Callable[[Slice], None]
    """To the CDK, which gives the slice to a worker and waits for its end."""
    longest: timedelta | None
    """A slice of more than one page is halved until it is no longer."""


class DatedReader(StreamReader):
    """A stream with dates: slices of time that are shared, then the tail."""

    def __init__(
        self,
        stream: CloseStream,
        span: Span,
        tail: Span,
        cursor: WindowCursor,
        sharing: Sharing,
        capture: Capture | None,
        *,
        was_read: bool,
    ) -> None:
        """capture: what follows the event log, where there is a sync to go on from."""
        super().__init__(stream, was_read=was_read)
        self._span = span
        self._tail = tail
        self._cursor = cursor
        self._sharing = sharing
        self._capture = capture
        self._numbers = count()

    @property
    def is_whole(self) -> bool:
        return self._span.start is None

    def _first_slices(self) -> Iterator[Slice]:
        if self.stream.endpoint.window is None:  # the other way to read it has no dates
            yield from super()._first_slices()
            return
        slices = [self._slice(replace(part, span=self._span)) for part in self._parts]
        self._cursor.opens({each.number: each.part.span for each in slices})
        if not slices:
            self._cursor.closes(0)
        yield from slices

    def _records_of(self, piece: Slice) -> Iterator[Record]:
        if self.stream.endpoint.window is None:
            yield from super()._records_of(piece)
            return
        if not piece.part.span.is_empty:
            yield from self._records(piece.part, partial(self._share, piece))

    def _last_records(self) -> Iterator[Record]:
        for part in self._parts if self.stream.endpoint.window else ():
            yield from self._records(replace(part, span=self._tail))
        if self._capture is not None:
            yield from self._followed(self._capture)

    def _records(self, part: Part, share: Share = alone) -> Iterator[Record]:
        records = super()._records(part, share)
        return records if self._capture is None else _noted(records, self._capture)

    def _followed(self, capture: Capture) -> Iterator[Record]:
        for record in capture.records():
            self.records += 1
            yield Record(record, self.stream.name)
        self._cursor.followed(capture.state)

    def _is_last(self, piece: Slice) -> bool:
        if self.stream.endpoint.window is not None:
            self._cursor.closes(piece.number)
        return super()._is_last(piece)

    def _slice(self, part: Part) -> Slice:
        return Slice(self, next(self._numbers), part)

    def _share(self, piece: Slice, rest: Rest) -> Span:
        """Halves what is left if it must be, a reader has nothing to do, or the slice is to be shorter.

        If it has read its fill and goes on towards the older, it ends here: the oldest comes first, for the state.
        """
        piece.pages += 1
        kept, left = rest.span, list[Span]()
        if piece.pages >= FILL and rest.thirds:
            kept, *left = rest.thirds
        elif (
            rest.must_part
            or piece.pages >= FILL
            or rest.span.is_longer_than(self._sharing.longest)
            or self._sharing.wants(piece.group)
        ):
            kept, *left = rest.halves
        if left:
            piece.pages = 0
        piece.part = replace(piece.part, span=kept)
        others = [self._slice(replace(piece.part, span=span, known=frozenset(rest.known))) for span in left]
        with self._lock:
            self._unread += len(others)
        self._cursor.opens({each.number: each.part.span for each in (piece, *others)})
        for each in others:
            self._sharing.hand_over(each)
        return kept


def _noted(records: Iterator[Record], capture: Capture) -> Iterator[Record]:
    for record in records:
        capture.note(record.data)
        yield record
