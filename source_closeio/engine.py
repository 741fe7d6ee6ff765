"""Slices beside each other, the state, one queue: the streams of a sync, read by the CDK's concurrent source."""

import logging
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from queue import Empty, Queue
from typing import Any

from airbyte_cdk.models import AirbyteMessage, AirbyteStateMessage, ConfiguredAirbyteStream, SyncMode
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import InMemoryMessageRepository
from airbyte_cdk.sources.message.concurrent_repository import ConcurrentMessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, CursorField, FinalStateCursor
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.types import QueueItem
from airbyte_cdk.sources.utils.slice_logger import DebugSliceLogger
from airbyte_cdk.utils import AirbyteTracedException

from .capture import Capture
from .changes import LAG, Changes
from .config import OFF
from .cursor import WindowCursor
from .endpoints import Window
from .readers import DatedReader, Sharing, StreamReader
from .reporting import came_to, under_way
from .schemas import schema_of
from .state_migration import CHANGES, SEARCHED, SYNC, followed, is_of_another_cursor, reached, says_how_far
from .streams import CloseStream, Connection
from .windows import Progress, state_text, to_read
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
        # One queue for slices, records and states, so that no state overtakes a record that it covers.
        self._queue: Queue[QueueItem] = Queue(maxsize=RECORDS_IN_FLIGHT)
        self._repository = ConcurrentMessageRepository(self._queue, InMemoryMessageRepository())
        self._states = ConnectorStateManager(state)
        self._workers: Workers  # while it reads
        self._changes = Changes(connection, now)
        self._readers: list[StreamReader] = []
        self._streams: list[DefaultStream] = []

    def add(self, stream: CloseStream, configured: ConfiguredAirbyteStream) -> None:
        """Raises StateError for a state that cannot be read."""
        incremental = configured.sync_mode == SyncMode.incremental
        blob = dict(self._states.get_stream_state(stream.name, None))
        begun_by = blob.pop(SYNC, None)
        if not incremental and (begun_by is None or begun_by != configured.sync_id):
            blob = {}
        reader: StreamReader
        cursor: Cursor = FinalStateCursor(stream.name, None, self._repository)
        was_read = says_how_far(blob) or (configured.generation_id or 0) > 1
        if window := stream.endpoint.window:
            state, settings = _state_of(stream, window, blob, self._now), self._connection.settings
            slices, tail = to_read(
                self._now, start_date=settings.start_date, state=state, lookback=settings.lookbacks[window.cursor]
            )
            progress = Progress(state, slices)
            capture, beside = self._follow(stream, blob, state, incremental=incremental)
            if not incremental and configured.sync_id is not None:
                beside = {**beside, SYNC: configured.sync_id}
            cursor = told = WindowCursor(
                stream.name, window.cursor, progress, self._queue, self._repository, self._states, blob, beside
            )
            sharing = Sharing(self._wants, self._queue.put, settings.date_window)
            reader = DatedReader(stream, slices, tail, told, sharing, capture, was_read=was_read)
        else:
            reader = StreamReader(stream, was_read=was_read)
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

    def _follow(
        self, stream: CloseStream, blob: Mapping[str, Any], state: datetime | None, *, incremental: bool
    ) -> tuple[Capture | None, dict[str, Any]]:
        """What follows the event log for a stream, and what its state says of that until it has.

        A first sync reads everything, so it has nothing to follow, and the next one goes on from its beginning; so does
        a full refresh, however many tries it takes. While the log is not followed the state stays as it is, so that it
        can be gone on from later.
        """
        given = followed(stream.name, blob, self._now)
        if not stream.endpoint.is_followed or self._connection.settings.change_capture == OFF:
            return None, {name: state_text(moment) for name, moment in given.items()}
        since = given.get(CHANGES, state)
        if since is None:
            return None, {CHANGES: state_text(self._now - LAG)}
        if not incremental:
            return None, {CHANGES: state_text(since)}
        capture = Capture(stream, self._changes, since, max(since, given.get(SEARCHED, since)), self._connection)
        return capture, capture.state

    @property
    def failures(self) -> Mapping[str, Exception]:
        """Why streams were not read whole, by their names."""
        return {reader.stream.name: reader.failure for reader in self._readers if reader.failure is not None}

    @property
    def lacking(self) -> set[str]:
        """The streams of which something was left out, or may have been, with a warning."""
        return {reader.stream.name for reader in self._readers if reader.lacks}

    def read(self) -> Iterator[AirbyteMessage]:
        """Each stream whole, or with an error that names it."""
        if not self._streams:
            return  # the CDK would wait for ever
        self._workers = Workers(self._connection.settings.num_workers, self._connection.rate_limiter.crowded)
        # Fewer streams looking for what there is to read than workers: one must be free to read it.
        at_once = max(1, self._connection.settings.num_workers // 2)
        source = ConcurrentSource(self._workers, logger, DebugSliceLogger(), self._queue, self._repository, at_once)
        threading.Thread(target=self._tell_once_a_minute, daemon=True).start()
        try:
            yield from source.read(list(self._streams))
            self._tell_at_the_end()
        except AirbyteTracedException:
            # The CDK's sum of the failures: always a config error, with the repr() of each exception.
            if not self.failures:
                raise
            self._tell_at_the_end()
        finally:
            # After a broken pipe or Ctrl-C readers wait for a place in the queue.
            self._connection.stop.set()
            self._workers.close()
            threading.Thread(target=self._empty, daemon=True).start()

    def _wants(self, group: str) -> bool:
        """Whether a reader has nothing to do, and requests of this group would not only wait for their turn."""
        return all(reader.has_begun for reader in self._readers) and self._workers.want(group)

    def _tell_once_a_minute(self) -> None:
        while not self._connection.stop.wait(60):
            unfinished = [(each.stream.name, each.stream.meter.requests) for each in self._readers if not each.is_over]
            logger.info(under_way(unfinished, self._connection.rate_limiter.waits()))

    def _tell_at_the_end(self) -> None:
        readers = [each for each in self._readers if each.ended]
        for each in readers:
            seconds, meter = each.ended - each.began, each.stream.meter
            logger.info(came_to(f"Stream {each.stream.name}", each.records, each.counted, seconds, [meter]))
        if readers:
            seconds = max(each.ended for each in readers) - min(each.began for each in readers)
            records = sum(each.records for each in readers)
            meters = [self._changes.meter, *(each.stream.meter for each in readers)]
            logger.info(came_to("The sync", records, None, seconds, meters))

    def _empty(self) -> None:
        while not self._workers.is_done():
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
