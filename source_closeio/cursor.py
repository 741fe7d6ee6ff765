"""The state of a stream with dates, on the CDK's interface for cursors."""

import threading
import time
from collections.abc import Mapping, MutableMapping
from queue import Queue
from typing import Any

from airbyte_cdk.models import AirbyteMessage
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.types import QueueItem
from airbyte_cdk.sources.types import Record

from .windows import Progress, Span, state_text

BETWEEN_STATES = 1.0
"""Seconds between two states of one stream; the last one comes at its end."""


class WindowCursor(Cursor):
    """The state of a stream with dates: it moves as slices are read, not with records.

    The CDK's own cursor parses the date of each record with a slow parser (4.4 s for 100,000) and is moved by what it
    finds there; this one needs neither, and a date in the future cannot move it.
    """

    def __init__(
        self,
        stream_name: str,
        cursor_field: str,
        progress: Progress,
        queue: Queue[QueueItem],
        repository: MessageRepository,
        states: ConnectorStateManager,
        given: Mapping[str, Any],
        beside: Mapping[str, Any],
    ) -> None:
        """given: the state that the sync began with. beside: what the state holds beside the date, from the first on.

        The first one of a first sync holds nothing else: if it is ended before any date, the next one knows from when
        on rows that were handed on already may have been deleted.
        """
        self._stream_name = stream_name
        self._cursor_field = cursor_field
        self._queue = queue
        self._repository = repository
        self._states = states
        self._beside = dict(beside)
        self._progress = progress
        self._told = given
        self._told_at = 0.0
        self._lock = threading.Lock()

    def opens(self, spans: Mapping[int, Span]) -> None:
        """Of the slices of these numbers this is to be read, or what is left of it."""
        with self._lock:
            self._progress.opens(spans)
            self._tell()

    def closes(self, number: int) -> None:
        """Called when all records of the slice are in the queue, so the state comes after them."""
        with self._lock:
            self._progress.closes(number)
            self._tell()

    def followed(self, beside: Mapping[str, str]) -> None:
        """From the next state on it holds this beside the date."""
        with self._lock:
            self._beside = dict(beside)

    def _tell(self) -> None:
        """Into the queue itself: what one worker leaves in the shared repository another may take out, late."""
        state, now = self.state, time.monotonic()
        if state != self._told and now >= self._told_at + BETWEEN_STATES:
            self._told = state
            if self._cursor_field in state:  # what a first sync says before any date holds up none
                self._told_at = now
            self._queue.put(self._message())

    @property
    def state(self) -> MutableMapping[str, Any]:
        reached = self._progress.reached
        return {**({} if reached is None else {self._cursor_field: state_text(reached)}), **self._beside}

    def observe(self, record: Record) -> None:
        """Nothing: see the class."""

    def close_partition(self, partition: Partition) -> None:
        """Nothing: see the class."""

    def ensure_at_least_one_state_emitted(self) -> None:
        """Called by the thread that empties the queue, which must not wait for a place in it."""
        self._repository.emit_message(self._message())

    def should_be_synced(self, record: Record) -> bool:
        return True

    def _message(self) -> AirbyteMessage:
        self._states.update_state_for_stream(self._stream_name, None, self.state)
        return self._states.create_state_message(self._stream_name, None)
