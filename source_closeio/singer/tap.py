"""The commands: the connector's public interface on one side, Singer on the other."""

import logging
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from airbyte_cdk.models import ConfiguredAirbyteCatalog, ConfiguredAirbyteStream, DestinationSyncMode, SyncMode
from airbyte_cdk.utils import AirbyteTracedException

from source_closeio import __version__
from source_closeio.errors import Problem
from source_closeio.schemas import DELETED_AT
from source_closeio.source import SourceCloseIO

from . import catalog, state
from .catalog import TapStream
from .compat import COMPAT
from .messages import Log, Message
from .options import Options, settings
from .translate import translate

Json = Mapping[str, Any]

logger = logging.getLogger("airbyte")

AIRBYTE_WORDS = ("order", "group", "always_show", "pattern_descriptor")


def discover(options: Options) -> dict[str, Any]:
    """The catalog of the profile, with the custom fields of the organisation."""
    return catalog.document(_streams(options))


def sync(options: Options, given: Json | None, state_given: Json) -> Generator[Message | Log, None, None]:
    """Reads what the given catalog selects, or everything. Raises Problem if that was not possible to the end."""
    streams = _streams(options)
    value = state.taken_over(state_given, {stream.name for stream in streams})
    if given is not None:
        streams, unknown = catalog.select(streams, given)
        if unknown:
            told = ", ".join(unknown)
            yield Log(logging.WARNING, f"The catalog has streams that the profile {options.profile} lacks: {told}.")
        if not streams:
            yield Log(logging.WARNING, "The catalog selects no stream; a sync without a catalog reads everything.")
    configured = ConfiguredAirbyteCatalog(streams=[_configured(stream) for stream in streams])
    version = round(datetime.now(timezone.utc).timestamp() * 1000)
    with _sentences():
        source = SourceCloseIO()
        messages = source.read(logger, options.source, configured, state.for_source(value, streams))
        with closing(messages):  # type: ignore[type-var]  # a generator
            yield from translate(messages, streams, value, options.keep_undeclared, version, source.lacks)


def about(profile: str) -> dict[str, Any]:
    """What orchestrators ask a tap about itself; needs no config and asks nobody."""
    offered = {stream.name: stream for stream in SourceCloseIO().streams({"api_key": "none"})}
    names = {row.name: row.source for row in COMPAT} if profile == "compat" else {name: name for name in offered}
    return {
        "name": "tap-closeio",
        "version": __version__,
        "description": "Close CRM, by source-closeio",
        "capabilities": ["about", "catalog", "discover", "state"],
        "settings": {"type": "object", "properties": _settings(settings())},
        "streams": [
            {
                "name": name,
                "key_properties": [offered[source].primary_key],
                "replication_key": offered[source].cursor_field or None,
            }
            for name, source in names.items()
        ],
    }


def _streams(options: Options) -> list[TapStream]:
    with _sentences():
        return catalog.streams_of(options.profile, SourceCloseIO().discover(logger, options.source).streams)


def _configured(stream: TapStream) -> ConfiguredAirbyteStream:
    schema, properties = stream.source.json_schema, stream.source.json_schema["properties"]
    if stream.row.deleted_at in stream.schema["properties"]:
        schema = {**schema, "properties": {**properties, DELETED_AT: properties[stream.row.deleted_at]}}
    incremental = stream.cursor is not None and not stream.whole
    return ConfiguredAirbyteStream(
        stream=replace(stream.source, json_schema=schema),
        sync_mode=SyncMode.incremental if incremental else SyncMode.full_refresh,
        destination_sync_mode=DestinationSyncMode.append_dedup if stream.keys else DestinationSyncMode.append,
    )


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except AirbyteTracedException as failure:
        raise Problem(str(failure)) from failure


def _settings(node: Any) -> Any:
    """JSON Schema without Airbyte's own words."""
    if isinstance(node, list):
        return [_settings(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    kept = {name: _settings(each) for name, each in node.items() if name not in AIRBYTE_WORDS}
    secret = kept.pop("airbyte_secret", False)
    kept = {name: each for name, each in kept.items() if not name.startswith("airbyte_")}
    return {**kept, "secret": True} if secret else kept
