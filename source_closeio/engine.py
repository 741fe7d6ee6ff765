"""Streams read beside each other by the CDK's concurrent engine: slices, states, one queue.

A stream is cut into slices of time (`windows.plan`), or into the parts that it has. Whoever reads the last of the
slices also reads the tail, so that the tail begins when everything before it has been read: a row that was edited
meanwhile, and left a slice before it could be read there, is in it.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from queue import Empty, Queue
from typing import Any

from airbyte_cdk.models import AirbyteMessage, AirbyteStateMessage, ConfiguredAirbyteStream, SyncMode
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import InMemoryMessageRepository, MessageRepository
from airbyte_cdk.sources.message.concurrent_repository import ConcurrentMessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, CursorField, FinalStateCursor
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.streams.concurrent.partitions.types import QueueItem
from airbyte_cdk.sources.types import Record
from airbyte_cdk.sources.utils.slice_logger import DebugSliceLogger
from airbyte_cdk.utils import AirbyteTracedException

from .config import Settings
from .endpoints import Window
from .errors import FixInput, Problem, Stopped, StreamRefused
from .reporting import traced
from .schemas import schema_of
from .state_migration import is_of_another_cursor, reached
from .streams import CloseStream, Connection
from .windows import Part, Plan, Progress, Span, plan, state_text
from .workers import Workers

logger = logging.getLogger("airbyte")

RECORDS_IN_FLIGHT = 500
"""Records between the readers and stdout; a lead may weigh 100 kB. A longer queue was measured to be slower."""


class Engine:
    """Reads the streams that were added, once."""

    def __init__(self, connection: Connection, state: list[AirbyteStateMessage], now: datetime) -> None:
        """now: the moment up to which time is over."""
        self._connection = connection
        self._now = now
        # One queue for records and states, so that no state overtakes a record that it covers.
        self._queue: Queue[QueueItem] = Queue(maxsize=RECORDS_IN_FLIGHT)
        self._repository = ConcurrentMessageRepository(self._queue, InMemoryMessageRepository())
        self._states = ConnectorStateManager(state)
        self._readers: list[StreamReader] = []
        self._streams: list[DefaultStream] = []

    def add(self, stream: CloseStream, configured: ConfiguredAirbyteStream) -> None:
        """Raises StateError for a state that cannot be read."""
        incremental = configured.sync_mode == SyncMode.incremental
        blob = dict(self._states.get_stream_state(stream.name, None)) if incremental else {}
        cursor: Cursor = FinalStateCursor(stream.name, None, self._repository)
        cut: Callable[[CloseStream], Plan] = _parts_of
        if window := stream.endpoint.window:
            state = _state_of(stream, window, blob, self._now)
            cursor = dated = WindowCursor(
                stream.name, window.cursor, state, self._queue, self._repository, self._states
            )
            cut = partial(_slices_of, dated, self._connection.settings, state, self._now)
        reader = StreamReader(stream, cut, was_read=bool(blob) or (configured.generation_id or 0) > 1)
        self._readers.append(reader)
        self._streams.append(
            DefaultStream(
                partition_generator=reader,
                name=stream.name,
                json_schema=schema_of(stream.name),
                primary_key=[stream.primary_key],
                cursor_field=CursorField(window.cursor) if window else None,
                logger=stream.logger,
                cursor=cursor,
            )
        )

    @property
    def failures(self) -> Mapping[str, Exception]:
        """Why streams were not read whole, by their names."""
        return {reader.stream.name: reader.failure for reader in self._readers if reader.failure is not None}

    def read(self) -> Iterator[AirbyteMessage]:
        """Each stream whole, or with an error that names it."""
        count = self._connection.settings.num_workers
        workers = Workers(count)
        # Fewer streams cutting slices than workers: one must be free to read them.
        source = ConcurrentSource(
            workers, logger, DebugSliceLogger(), self._queue, self._repository, max(1, count // 2)
        )
        try:
            yield from source.read(list(self._streams))
        except AirbyteTracedException:
            # The CDK's sum of the failures: always a config error, with the repr() of each exception.
            if not self.failures:
                raise
        finally:
            # After a broken pipe or Ctrl-C readers wait for a place in the queue.
            self._connection.stop.set()
            workers.close()
            threading.Thread(target=self._empty, args=(workers,), daemon=True).start()

    def _empty(self, workers: Workers) -> None:
        while not workers.is_done():
            try:
                self._queue.get(timeout=0.1)
            except Empty:
                continue


def _state_of(stream: CloseStream, window: Window, blob: Mapping[str, Any], now: datetime) -> datetime | None:
    if is_of_another_cursor(blob, window.cursor):
        stream.logger.warning(
            f"Stream {stream.name} is read from the beginning: its state, by {', '.join(blob)}, does not tell which "
            "edits have been read."
        )
        return None
    state = reached(stream.name, blob, window.cursor, now)
    if state is not None and window.retention is not None and state < now - window.retention:
        stream.logger.warning(
            f"Stream {stream.name} has a hole: Close keeps {window.retention.days} days of it, so what came after "
            f"{state_text(state)} and before {state_text(now - window.retention)} is gone; sync more often."
        )
    return state


def _parts_of(stream: CloseStream) -> Plan:
    return Plan(tuple(stream.parts()), None)


def _slices_of(
    cursor: "WindowCursor", settings: Settings, state: datetime | None, now: datetime, stream: CloseStream
) -> Plan:
    window = stream.endpoint.window
    made = (
        _parts_of(stream)
        if window is None
        else plan(  # the other way to read it may have no dates
            window,
            start_date=settings.start_date,
            state=state,
            lookback=settings.lookbacks[window.cursor],
            date_window=settings.date_window,
            num_workers=settings.num_workers,
            now=now,
            holds_records=stream.holds_records,
        )
    )
    cursor.begin(made.slices)
    return made


class Slice(Partition):
    """What is read in one piece.

    number: its place among the slices of its stream, in the order of time.
    complete: once all its records are out, and never if the stream ended before.
    """

    def __init__(self, reader: "StreamReader", number: int, part: Part) -> None:
        self._reader = reader
        self.number = number
        self.part = part
        self.complete = False

    def read(self) -> Iterable[Record]:
        return self._reader.read(self)

    def to_slice(self) -> Mapping[str, Any]:
        return {"slice": str(self.part)}

    def stream_name(self) -> str:
        return self._reader.stream.name

    def __hash__(self) -> int:
        return hash((self.stream_name(), self.number))


class StreamReader(PartitionGenerator):
    """One stream in one sync: it cuts the slices and reads them.

    The first slice that fails reports for the stream. Those that have not begun by then are left out, incomplete, so
    the state stays before them.
    """

    def __init__(self, stream: CloseStream, cut: Callable[[CloseStream], Plan], *, was_read: bool) -> None:
        """cut: may ask Close, so it is called by a worker. was_read: an earlier sync brought rows of this stream."""
        self.stream = stream
        self.failure: Exception | None = None
        self._cut = cut
        self._was_read = was_read
        self._lock = threading.Lock()
        self._ended = False
        self._unread = self._parts = 0
        self._tail: Span | None = None
        self._refused: list[StreamRefused] = []

    def generate(self) -> Iterator[Slice]:
        with self._reporting():
            self._choose_the_way()
            made = self._cut(self.stream)
            self._tail, self._unread, self._parts = made.tail, len(made.parts), len(made.parts)
            if len(made.parts) > 1 and not (made.parts[0].parent or self._was_read):
                self.stream.probe()  # once, so that it does not hang on which of the slices is answered first
            yield from (Slice(self, number, part) for number, part in enumerate(made.parts))

    def read(self, piece: Slice) -> Iterator[Record]:
        if self._ended:
            return
        with self._reporting():
            try:
                yield from self._records(piece.part)
            except StreamRefused as refusal:
                if not piece.part.parent:
                    raise
                self._refused.append(refusal)  # one parent is no stream
            if self._is_last():
                if self._tail is not None:
                    yield from self._records(Part(self._tail))
                self._judge_refusals()
                self._tell_of_names()
            piece.complete = True

    def _choose_the_way(self) -> None:
        other = self.stream.otherwise
        if other is not None:
            try:
                self.stream.probe()
            except StreamRefused as refusal:
                logger.warning(f"Stream {self.stream.name} is read through /{other.endpoint.path}: {refusal}")
                self.stream = other

    def _records(self, part: Part) -> Iterator[Record]:
        name = self.stream.name
        return (Record(record, name) for record in self.stream.records(part))

    def _is_last(self) -> bool:
        with self._lock:
            self._unread -= 1
            return self._unread == 0

    def _judge_refusals(self) -> None:
        """Of a stream that is read parent by parent."""
        if not self._refused:
            return
        refusal = self._refused[0]
        if len(self._refused) == self._parts:
            self._leave_out(refusal)
            return
        logger.warning(
            f"Stream {self.stream.name} lacks what belongs to {len(self._refused)} of {self._parts} parents: {refusal}"
        )

    def _tell_of_names(self) -> None:
        if unplaced := sorted(self.stream.names.unplaced):
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
            self._ended = True


class WindowCursor(Cursor):
    """The state of a stream with dates: it moves when slices are complete, not with records.

    The CDK's own cursor parses the date of each record with a slow parser (4.4 s for 100,000) and is moved by what it
    finds there; this one needs neither, and a date in the future cannot move it.
    """

    def __init__(
        self,
        stream_name: str,
        cursor_field: str,
        reached: datetime | None,
        queue: "Queue[QueueItem]",
        repository: MessageRepository,
        states: ConnectorStateManager,
    ) -> None:
        """reached: what the state said when the sync began."""
        self._stream_name = stream_name
        self._cursor_field = cursor_field
        self._queue = queue
        self._repository = repository
        self._states = states
        self._progress = Progress((), reached)
        self._lock = threading.Lock()

    def begin(self, slices: Sequence[Span]) -> None:
        self._progress = Progress(slices, self._progress.reached)

    @property
    def state(self) -> MutableMapping[str, Any]:
        reached = self._progress.reached
        return {} if reached is None else {self._cursor_field: state_text(reached)}

    def observe(self, record: Record) -> None:
        """Nothing: see the class."""

    def close_partition(self, partition: Partition) -> None:
        """Called by a worker when all records of the slice are in the queue, so the state comes after them.

        It goes into the queue itself: what one worker leaves in the shared repository another may take out, late.
        """
        if isinstance(partition, Slice) and partition.complete:
            with self._lock:
                if self._progress.finish(partition.number):
                    self._queue.put(self._message())

    def ensure_at_least_one_state_emitted(self) -> None:
        """Called by the thread that empties the queue, which must not wait for a place in it."""
        self._repository.emit_message(self._message())

    def should_be_synced(self, record: Record) -> bool:
        return True

    def _message(self) -> AirbyteMessage:
        self._states.update_state_for_stream(self._stream_name, None, self.state)
        return self._states.create_state_message(self._stream_name, None)
