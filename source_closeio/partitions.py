"""How a stream runs beside the others in the CDK's concurrent engine: its partitions, its cursor, its end.

A partition is one slice of `windows.Plan`, or one part of a stream without dates. Whichever slice is read last also
reads the tail, so that the tail begins when everything before it has been read: a row that was edited meanwhile, and
left a slice before it could be read there, is in it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from airbyte_cdk.models import FailureType, SyncMode
from airbyte_cdk.sources.concurrent_source.thread_pool_manager import ThreadPoolManager
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record
from airbyte_cdk.utils import AirbyteTracedException

from .http_policy import StreamRefused
from .streams import CloseStream, Part, Stopped
from .windows import Plan, Progress, Span, state_text

logger = logging.getLogger("airbyte")

TAIL = -1
"""The index of a slice that is the tail, where there is no other."""


class Slice(Partition):
    """One slice of time, or one part of a stream that has none.

    index: the slice's place in the order of time; `TAIL` for what no other slice has to wait for.
    complete: once all its records are out, and never if the stream ended before.
    """

    def __init__(self, reader: "StreamReader", index: int, part: Part) -> None:
        self._reader = reader
        self.index = index
        self.part = part
        self.complete = False

    def read(self) -> Iterable[Record]:
        return self._reader.read(self)

    def to_slice(self) -> Part:
        return self.part

    def stream_name(self) -> str:
        return self._reader.stream.name

    def __hash__(self) -> int:
        return hash((self.stream_name(), self.index))


class StreamReader(PartitionGenerator):
    """One stream in one sync: it cuts the slices and reads them.

    The first slice that fails reports for the stream. Those that have not begun by then are left out, incomplete, so
    the state stays before them.
    """

    def __init__(self, stream: CloseStream, make_plan: Callable[[], Plan], cursor: Cursor) -> None:
        """make_plan: for a stream that has dates; may ask Close, so it is called by a reader thread."""
        self.stream = stream
        self.failure: Exception | None = None
        self._make_plan = make_plan
        self._cursor = cursor
        self._lock = threading.Lock()
        self._ended = False
        self._has_read = False
        self._unread = 0
        self._tail = Span()

    def generate(self) -> Iterator[Slice]:
        with self._reporting():
            self._choose_the_way()
            if self.stream.endpoint.window is None:
                yield from (Slice(self, TAIL, part) for part in self.stream.parts())
                return
            plan = self._make_plan()
            self._tail, self._unread = plan.tail, len(plan.slices)
            if isinstance(self._cursor, WindowCursor):
                self._cursor.begin(plan.slices)
            if plan.slices:
                yield from (Slice(self, index, _part(span)) for index, span in enumerate(plan.slices))
            else:
                yield Slice(self, TAIL, _part(plan.tail))

    def read(self, part: Slice) -> Iterator[Record]:
        if self._ended:
            return
        with self._reporting():
            yield from self._records(part.to_slice())
            if part.index != TAIL and self._nothing_else_is_unread():
                yield from self._records(_part(self._tail))
            part.complete = True

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
        for record in self.stream.read_records(SyncMode.incremental, stream_slice=part):
            self._has_read = True
            yield Record(record, name)

    def _nothing_else_is_unread(self) -> bool:
        with self._lock:
            self._unread -= 1
            return self._unread == 0

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Lets the first failure of the stream through, and makes a warning of a refusal at its beginning."""
        try:
            yield
        except Stopped:
            return
        except StreamRefused as refusal:
            if not self._has_read:
                self._leave_out(refusal)
                return
            sentence = f"{refusal} It could be read when the sync began."
            failure = AirbyteTracedException(sentence, sentence, FailureType.config_error)
            if self._fails_first(failure):
                raise failure from refusal
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
        with self._lock:
            if not self._ended:
                logger.warning(f"Stream {self.stream.name} is left out: {refusal}")
            self._ended = True


def _part(span: Span) -> Part:
    return {"start": span.start and span.start.isoformat(), "end": span.end and span.end.isoformat()}


class WindowCursor(Cursor):
    """The state of a windowed stream: it moves when slices are complete, not with records.

    The CDK's own cursor parses the date of each record with a slow parser (4.4 s for 100,000) and is moved by what it
    finds there; this one needs neither, and a date in the future cannot move it.
    """

    def __init__(
        self,
        stream_name: str,
        cursor_field: str,
        reached: datetime | None,
        repository: MessageRepository,
        state_manager: ConnectorStateManager,
    ) -> None:
        """reached: what the state said when the sync began."""
        self._stream_name = stream_name
        self._cursor_field = cursor_field
        self._repository = repository
        self._state_manager = state_manager
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
        """Called when all records of the slice are in the queue, so the state that this emits comes after them."""
        if isinstance(partition, Slice) and partition.complete and partition.index != TAIL:
            with self._lock:
                if self._progress.finish(partition.index):
                    self._emit()

    def ensure_at_least_one_state_emitted(self) -> None:
        self._emit()

    def should_be_synced(self, record: Record) -> bool:
        return True

    def _emit(self) -> None:
        self._state_manager.update_state_for_stream(self._stream_name, None, self.state)
        self._repository.emit_message(self._state_manager.create_state_message(self._stream_name, None))


class FairThreadPool(ThreadPoolManager):
    """The CDK's thread pool, taking the streams in turn instead of one after the other.

    Close limits requests per endpoint: a pool full of slices of one stream waits for that stream's allowance while
    those of the others lapse.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[str, deque[Callable[[], Any]]] = {}
        self._turns = threading.Lock()

    def submit(self, function: Callable[..., Any], *args: Any) -> None:
        partition = args[0] if args and isinstance(args[0], Partition) else None
        turn = partition.stream_name() if partition else ""
        with self._turns:
            self._waiting.setdefault(turn, deque()).append(lambda: function(*args))
        super().submit(self._run_next)

    def _run_next(self) -> None:
        with self._turns:
            # Partition generators (turn "") come first: they are short, and bring the work of their stream.
            turn = "" if "" in self._waiting else next(iter(self._waiting))
            tasks = self._waiting.pop(turn)
            task = tasks.popleft()
            if tasks:
                self._waiting[turn] = tasks  # back to the end of the line
        task()
