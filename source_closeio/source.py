"""The commands: check, discover and read; config in, streams out."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteStateMessage,
    AirbyteStreamStatus,
    ConfiguredAirbyteCatalog,
    Status,
    StreamDescriptor,
)
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message as status_message

from . import log_lines
from .config import OFF, Settings, named, read_settings
from .custom_field_values import CUSTOM_FIELD_VALUES, OWNERS, CustomFieldValues
from .custom_fields import Definitions, load
from .endpoints import CUSTOM_FIELD_SCHEMAS, ENDPOINTS, EVENTS, ME
from .engine import Engine
from .errors import ConfigError, FixInput, NothingThere, Problem, StateError, StreamRefused, TryLater
from .inputs import Inputs
from .reporting import KINDS, cause_of, config_errors_last, sentences, traced, with_changes
from .streams import CloseStream, Connection, rows_of, stream_of
from .workers import TookTooLong, in_time, side_by_side

Made = TypeVar("Made")

UNUSABLE = "unusable_because"
"""Where `configure` puts the sentence about a config that cannot be used."""

CHECK_SECONDS, DISCOVER_SECONDS = 240.0, 480.0
"""Airbyte ends either after nine minutes, and then nobody reads what it waited for."""

PROBE_SECONDS, PROBE_TRIES = 60.0, 2
"""Of one list, where a check looks at all of them: its trouble is a warning."""

EDITS_AND_DELETES_COME = "Edits and deletes come with this key: Close shows it the event log."
DELETES_DO_NOT_COME = (
    "Deletes do not come with this key, and of edits outside of the lookbacks only those of activities that can be "
    "searched: Close refuses it the event log."
)


class SourceCloseIO(Inputs):
    """The connector: https://docs.airbyte.com/platform/understanding-airbyte/airbyte-protocol."""

    def __init__(self) -> None:
        super().__init__()
        log_lines.take_charge(self.name)
        self._engine: Engine | None = None

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
        with sentences():
            return _streams(Connection(_settings(config)))

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:
        """The streams with the custom fields of this organisation as columns."""
        with sentences():
            connection = Connection(_settings(config))
            return _in_time(partial(_discover, connection), "discover", DISCOVER_SECONDS, [connection])

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, str | None]:
        """False where the user has something to mend: Airbyte tries nothing again then. What may pass is raised."""
        with sentences():
            try:
                settings = _settings(config)
                connection, probing = Connection(settings), Connection(settings, PROBE_TRIES)
                _in_time(partial(_check, connection, probing, logger), "check", CHECK_SECONDS, [connection, probing])
            except FixInput as problem:
                return False, str(problem)
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
        with sentences():
            yield from self._read(Connection(_settings(config)), catalog, state or [])

    def lacks(self, stream: str) -> bool:
        """Whether something was left out of a stream, or may have been, of which a warning told.

        Known once `read` has said that the stream is complete.
        """
        return self._engine is not None and stream in self._engine.lacking

    def _read(
        self, connection: Connection, catalog: ConfiguredAirbyteCatalog, state: list[AirbyteStateMessage]
    ) -> Iterator[AirbyteMessage]:
        available = {stream.name: stream for stream in _streams(connection)}
        unread: dict[str, Problem] = {
            wanted.stream.name: _not_offered(wanted.stream.name)
            for wanted in catalog.streams
            if wanted.stream.name not in available
        }
        engine = None
        if known := [wanted for wanted in catalog.streams if wanted.stream.name in available]:
            engine = self._engine = Engine(connection, state, _ask_identity(connection)[1])
            connection.custom_fields = _definitions(connection, _kinds(available[each.stream.name] for each in known))
            for wanted in known:
                available[wanted.stream.name].fit_to(wanted.stream.json_schema)
                try:
                    engine.add(available[wanted.stream.name], wanted)
                except StateError as problem:
                    unread[wanted.stream.name] = problem

        read = map(with_changes, engine.read()) if engine else ()
        yield from config_errors_last(chain(read, (message for each in unread.items() for message in _untold(*each))))
        failures = engine.failures if engine else {}
        if incomplete := sorted([*failures, *unread]):
            raise cause_of(failures.values())(
                f"Not read whole: {', '.join(incomplete)}. The errors above say why; the next sync goes on from the "
                "last state."
            )

    @property
    def message_repository(self) -> MessageRepository | None:
        return None  # all messages of `read` go through its own queue


def _settings(config: Mapping[str, Any]) -> Settings:
    if UNUSABLE in config:
        raise ConfigError(config[UNUSABLE])
    return read_settings(config)


def _streams(connection: Connection) -> list[CloseStream]:
    """All that are offered."""
    values = [CustomFieldValues(connection)] if connection.settings.custom_field_names else []
    return [*(stream_of(endpoint, connection) for endpoint in ENDPOINTS), *values]


def _ask_identity(connection: Connection) -> tuple[Mapping[str, Any], datetime]:
    """Whose key it is, and the moment up to which time is over: the earlier of this machine's clock and Close's.

    A clock that runs ahead would put the state behind records that are yet to come.
    """
    try:
        answer = stream_of(ME, connection).answer({})
    except NothingThere as problem:
        raise FixInput("`base_url` does not lead to Close's API, which knows /me/.") from problem
    now = datetime.now(timezone.utc)
    with suppress(KeyError, ValueError):  # a proxy may drop the header
        told = parsedate_to_datetime(answer.headers["Date"]).astimezone(timezone.utc)
        connection.ahead = max(now - told, connection.ahead)
    return answer.doc, now - connection.ahead  # type: ignore[attr-defined]


def _untold(name: str, problem: Problem) -> Iterator[AirbyteMessage]:
    """What is said of a stream that was not begun."""
    descriptor = StreamDescriptor(name=name)
    yield status_message(descriptor, AirbyteStreamStatus.INCOMPLETE)
    yield traced(problem).as_airbyte_message(descriptor)


def _not_offered(name: str) -> FixInput:
    if name == CUSTOM_FIELD_VALUES.name:
        option = named("custom_field_names")
        return FixInput(f"Stream {name} needs {option}: switch it on, or deselect the stream.")
    return FixInput(f"Close has no stream {name}; refresh the schema of the connection and deselect it.")


def _kinds(streams: Iterable[CloseStream]) -> set[str]:
    """Whose custom fields have to be known to read these."""
    read = [
        endpoint
        for stream in streams
        for endpoint in (OWNERS if isinstance(stream, CustomFieldValues) else [stream.endpoint])
    ]
    return {endpoint.custom_fields for endpoint in read if endpoint.custom_fields}


def _definitions(connection: Connection, kinds: Iterable[str]) -> Mapping[str, Definitions]:
    return load(kinds, partial(rows_of, connection), connection.settings.num_workers)


def _in_time(make: Callable[[], Made], command: str, seconds: float, connections: Iterable[Connection]) -> Made:
    """What a command makes; a Problem where it takes too long. In either case its requests end."""
    try:
        return in_time(make, seconds)
    except TookTooLong:
        raise TryLater(
            f"`{command}` was given up after {seconds / 60:g} minutes: Close, or the network on the way, answers too "
            "slowly; try again later."
        ) from None
    finally:
        for each in connections:
            each.stop.set()


def _discover(connection: Connection) -> AirbyteCatalog:
    connection.custom_fields = _definitions(connection, CUSTOM_FIELD_SCHEMAS)
    return AirbyteCatalog(streams=[stream.as_airbyte_stream() for stream in _streams(connection)])


def _check(connection: Connection, probing: Connection, logger: logging.Logger) -> None:
    """Tells whose key it is and which streams cannot be read; raises Problem if none can."""
    me = _ask_identity(connection)[0]
    organisations = ", ".join(str(each.get("name")) for each in me.get("organizations") or []).removesuffix(".")
    name = " ".join(str(me[part]) for part in ("first_name", "last_name") if me.get(part))
    logger.info(f"Connected to Close as {name or me.get('email')} of {organisations or 'an unnamed organisation'}.")
    streams = [stream_of(endpoint, probing) for endpoint in ENDPOINTS]
    problems = side_by_side(_problem, streams, probing.settings.num_workers)
    if all(problems):
        kind = next(kind for kind in KINDS if any(isinstance(each, kind) for each in problems))
        first = next(each for each in problems if isinstance(each, kind))
        raise kind(f"No stream can be read with this key. {first}")
    for stream, problem in zip(streams, problems, strict=True):
        if problem:
            logger.warning(f"Stream {stream.name} cannot be read now: {problem}")
    if connection.settings.change_capture != OFF:
        refused = {stream.name for stream, problem in zip(streams, problems, strict=True) if problem}
        logger.info(DELETES_DO_NOT_COME if EVENTS.name in refused else EDITS_AND_DELETES_COME)


def _problem(stream: CloseStream) -> Problem | None:
    """Why a stream cannot be read, in either way."""
    try:
        in_time(stream.probe, PROBE_SECONDS)
    except StreamRefused as refusal:
        return _problem(stream.otherwise) if stream.otherwise else refusal
    except TookTooLong:
        return TryLater(f"Close took longer than {PROBE_SECONDS:g} seconds to answer; try again later.")
    except Problem as problem:
        return problem
    return None
