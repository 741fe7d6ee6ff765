"""Together: config in, streams out; check; and the reading of all streams beside each other through one queue."""

import logging
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import partial
from queue import Empty, Queue
from typing import Any

from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteStateMessage,
    AirbyteStreamStatus,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    FailureType,
    Status,
    StreamDescriptor,
    SyncMode,
)
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import InMemoryMessageRepository, MessageRepository
from airbyte_cdk.sources.message.concurrent_repository import ConcurrentMessageRepository
from airbyte_cdk.sources.streams.concurrent.abstract_stream import AbstractStream
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, CursorField, FinalStateCursor
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.types import QueueItem
from airbyte_cdk.sources.utils.slice_logger import DebugSliceLogger
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message as status_message
from airbyte_protocol_dataclasses.models import (
    AirbyteRecordMessageMeta,
    AirbyteRecordMessageMetaChange,
    Change,
    Reason,
)

from .config import ConfigError, Settings, read_settings
from .endpoints import CUSTOM_FIELD_SCHEMAS, ENDPOINTS, ME, Walk
from .http_policy import StreamRefused
from .partitions import FairThreadPool, StreamReader, WindowCursor
from .records import CHANGED
from .schemas import schema_of
from .state_migration import StateError, is_of_another_cursor, reached
from .streams import CloseStream, Connection, stream_of
from .windows import Plan, Span, plan

RECORDS_IN_FLIGHT = 500
"""Records between the readers and stdout; a lead may weigh 100 kB. A longer queue was measured to be slower."""

UNUSABLE = "unusable_because"
"""Where `configure` puts the sentence about a config that cannot be used."""

CHECK_TRIES = 2


class SourceCloseIO(AbstractSource):
    """The connector: https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol."""

    def configure(self, config: Mapping[str, Any], temp_dir: str) -> Mapping[str, Any]:
        """Reads the config before the CDK validates it against spec.json, in sentences that do not name the key.

        It cannot raise: then `check` would end without the CONNECTION_STATUS that the protocol wants.
        """
        try:
            read_settings(config)
        except ConfigError as error:
            return {"api_key": "", UNUSABLE: str(error)}
        return config

    def streams(self, config: Mapping[str, Any]) -> list[CloseStream]:  # type: ignore[override]  # a narrower list
        return self._streams(Connection(self._settings(config)))

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:
        """The streams with the custom fields of this organisation as columns."""
        connection = Connection(self._settings(config))
        connection.custom_fields.load(CUSTOM_FIELD_SCHEMAS)
        return AirbyteCatalog(streams=[stream.as_airbyte_stream() for stream in self._streams(connection)])

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, str | None]:
        try:
            connection = Connection(self._settings(config), CHECK_TRIES)
            me = _ask_identity(connection)[0]
        except AirbyteTracedException as failure:
            return False, str(failure)
        organisations = ", ".join(str(each.get("name")) for each in me.get("organizations") or [])
        name = " ".join(str(me[part]) for part in ("first_name", "last_name") if me.get(part))
        logger.info(f"Connected to Close as {name or me.get('email')} of {organisations or 'an unnamed organisation'}.")
        streams = self._streams(connection)
        with ThreadPoolExecutor(connection.settings.num_workers) as threads:
            for stream, refusal in zip(streams, threads.map(_refusal, streams), strict=True):
                if refusal:
                    logger.warning(f"Stream {stream.name} cannot be read now: {refusal}")
        return True, None

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """As the CDK's, but the message is the sentence and not its repr()."""
        succeeded, sentence = self.check_connection(logger, config)
        return AirbyteConnectionStatus(status=Status.SUCCEEDED if succeeded else Status.FAILED, message=sentence)

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Reads all configured streams, each whole or with an error that names it; then raises if one was not."""
        connection = Connection(self._settings(config))
        available = {stream.name: stream for stream in self._streams(connection)}
        unknown = [wanted for wanted in catalog.streams if wanted.stream.name not in available]
        for wanted in unknown:
            yield status_message(wanted.stream, AirbyteStreamStatus.INCOMPLETE)
            yield _error(
                f"Close has no stream {wanted.stream.name}; refresh the schema of the connection and deselect it.",
                FailureType.config_error,
            ).as_airbyte_message(StreamDescriptor(name=wanted.stream.name))

        readers: list[StreamReader] = []
        if known := [wanted for wanted in catalog.streams if wanted.stream.name in available]:
            yield from self._read_concurrently(logger, connection, available, known, state or [], readers)

        failures = [reader for reader in readers if reader.failure]
        if incomplete := sorted([reader.stream.name for reader in failures] + [each.stream.name for each in unknown]):
            raise _error(
                f"Not read whole: {', '.join(incomplete)}. The errors above say why; the next sync goes on from the "
                "last state.",
                _common_kind([reader.failure for reader in failures]),
            )

    def _read_concurrently(
        self,
        logger: logging.Logger,
        connection: Connection,
        available: Mapping[str, CloseStream],
        wanted: list[ConfiguredAirbyteStream],
        state: list[AirbyteStateMessage],
        readers: list[StreamReader],
    ) -> Iterator[AirbyteMessage]:
        _, now = _ask_identity(connection)
        # One queue for records and states, so that no state overtakes a record that it covers.
        queue: Queue[QueueItem] = Queue(maxsize=RECORDS_IN_FLIGHT)
        repository = ConcurrentMessageRepository(queue, InMemoryMessageRepository())
        states = ConnectorStateManager(state)
        streams: list[AbstractStream] = []
        connection.custom_fields.load(_kinds_needed(available, wanted))  # before the first record, side by side
        for configured in wanted:
            available[configured.stream.name].fit_to(configured.stream.json_schema)
            reader, stream = _concurrent(
                available[configured.stream.name], configured.sync_mode, connection.settings, states, repository, now
            )
            readers.append(reader)
            streams.append(stream)

        workers = connection.settings.num_workers
        threads = ThreadPoolExecutor(workers, thread_name_prefix="reader")
        pool = FairThreadPool(threads, logger)
        engine = ConcurrentSource(
            pool, logger, DebugSliceLogger(), queue, repository, max(1, workers // 2)
        )  # fewer streams cutting slices than workers: one must be free to read them
        try:
            yield from map(_report_changes, engine.read(streams))
        except AirbyteTracedException:
            # The CDK's sum of the failures: always a config error, with the repr() of each exception. `read` says it.
            if not any(reader.failure for reader in readers):
                raise
        finally:
            # On a broken pipe or Ctrl-C the readers wait for a place in the queue, and Python for the readers.
            connection.stop.set()
            threads.shutdown(wait=False, cancel_futures=True)
            threading.Thread(target=_empty, args=(queue, pool), daemon=True).start()

    @property
    def message_repository(self) -> MessageRepository | None:
        return None  # all messages of `read` go through its own queue

    def _streams(self, connection: Connection) -> list[CloseStream]:
        offered = (each for each in ENDPOINTS if each.walk is not Walk.VALUES or connection.settings.custom_field_names)
        return [stream_of(endpoint, connection) for endpoint in offered]

    @staticmethod
    def _settings(config: Mapping[str, Any]) -> Settings:
        try:
            if UNUSABLE in config:
                raise ConfigError(config[UNUSABLE])
            return read_settings(config)
        except ConfigError as error:
            raise _error(str(error), FailureType.config_error) from None


def _concurrent(
    stream: CloseStream,
    sync_mode: SyncMode,
    settings: Settings,
    states: ConnectorStateManager,
    repository: MessageRepository,
    now: datetime,
) -> tuple[StreamReader, DefaultStream]:
    """The stream as the CDK's concurrent engine wants it."""
    window = stream.endpoint.window
    cursor: Cursor
    if window is None:
        cursor = FinalStateCursor(stream.name, None, repository)
        make_plan = partial(Plan, (), Span())  # never asked for
    else:
        blob = states.get_stream_state(stream.name, None) if sync_mode == SyncMode.incremental else {}
        if is_of_another_cursor(blob, window.cursor):
            stream.logger.warning(
                f"Stream {stream.name} is read from the beginning: its state, by {', '.join(blob)}, does not tell "
                "which edits have been read."
            )
            blob = {}
        try:
            state = reached(stream.name, blob, window.cursor, now)
        except StateError as error:
            raise _error(str(error), FailureType.config_error) from None
        cursor = WindowCursor(stream.name, window.cursor, state, repository, states)
        make_plan = partial(
            plan,
            window,
            start_date=settings.start_date,
            state=state,
            lookback=settings.lookback,
            date_window=settings.date_window,
            num_workers=settings.num_workers,
            now=now,
            holds_records=stream.holds_records,
        )
    reader = StreamReader(stream, make_plan, cursor)
    return reader, DefaultStream(
        partition_generator=reader,
        name=stream.name,
        json_schema=schema_of(stream.name),
        primary_key=[stream.primary_key],
        cursor_field=CursorField(window.cursor) if window else None,
        logger=stream.logger,
        cursor=cursor,
    )


def _kinds_needed(available: Mapping[str, CloseStream], wanted: list[ConfiguredAirbyteStream]) -> set[str]:
    """Whose custom fields have to be known to read these streams: a catalogue that was discovered has the columns."""
    if any(available[each.stream.name].endpoint.walk is Walk.VALUES for each in wanted):
        return set(CUSTOM_FIELD_SCHEMAS)
    bare = [available[each.stream.name].endpoint for each in wanted if not each.stream.json_schema.get("properties")]
    return {endpoint.custom_fields for endpoint in bare if endpoint.custom_fields}


def _report_changes(message: AirbyteMessage) -> AirbyteMessage:
    """Takes note of the values that were made to fit into the record's meta; the CDK makes messages without one."""
    record = message.record
    if record is not None and (changed := record.data.pop(CHANGED, None)):
        record.meta = AirbyteRecordMessageMeta(
            changes=[
                AirbyteRecordMessageMetaChange(
                    field=name,
                    change=Change.NULLED if record.data[name] is None else Change.TRUNCATED,
                    reason=Reason.SOURCE_SERIALIZATION_ERROR,
                )
                for name in changed
            ]
        )
    return message


def _ask_identity(connection: Connection) -> tuple[Mapping[str, Any], datetime]:
    """Whose key it is, and the moment up to which time is over: the earlier of this machine's clock and Close's.

    A clock that runs ahead would put the state behind records that are yet to come.
    """
    answer = stream_of(ME, connection).answer({})
    moments = [datetime.now(timezone.utc)]
    with suppress(KeyError, ValueError):  # a proxy may drop the header
        moments.append(parsedate_to_datetime(answer.headers["Date"]).astimezone(timezone.utc))
    return answer.doc, min(moments)  # type: ignore[attr-defined]


def _refusal(stream: CloseStream) -> str | None:
    try:
        stream.probe()
    except (AirbyteTracedException, StreamRefused) as failure:
        return str(failure)
    return None


def _error(sentence: str, kind: FailureType) -> AirbyteTracedException:
    return AirbyteTracedException(message=sentence, internal_message=sentence, failure_type=kind)


def _common_kind(failures: list[Exception | None]) -> FailureType:
    """What the failures have in common, so that a sync that would succeed later is not taken for a wrong config."""
    kinds = {getattr(failure, "failure_type", FailureType.system_error) for failure in failures}
    for kind in (FailureType.system_error, FailureType.transient_error):
        if kind in kinds:
            return kind
    return FailureType.config_error


def _empty(queue: "Queue[QueueItem]", pool: FairThreadPool) -> None:
    while not pool.is_done():
        try:
            queue.get(timeout=0.1)
        except Empty:
            continue
