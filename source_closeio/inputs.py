"""Config, catalog and state as Airbyte hands them in, or one sentence that says what to mend.

The CDK's own readers end in tracebacks, and take some states that they do not understand for none.
"""

import re
from abc import ABC
from collections import Counter
from collections.abc import Mapping, MutableMapping
from typing import Any

from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    StreamDescriptor,
)
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.utils.schema_helpers import InternalConfig

from .errors import CatalogError
from .files import read_json, read_object
from .reporting import sentences
from .state_migration import blobs


class Inputs(AbstractSource, ABC):
    """Where the CDK's entry point asks for the files. All three raise AirbyteTracedException with a sentence."""

    @staticmethod
    def read_config(config_path: str) -> MutableMapping[str, Any]:
        """The options that are set: null is as good as not there, and the CDK's own have no use here."""
        with sentences():
            held = _set(read_object(config_path))
        return {name: each for name, each in held.items() if name not in InternalConfig.KEYWORDS}

    @classmethod
    def read_catalog(cls, catalog_path: str) -> ConfiguredAirbyteCatalog:
        with sentences():
            return catalog_of(read_json(catalog_path))

    @classmethod
    def read_state(cls, state_path: str) -> list[AirbyteStateMessage]:
        """One message for each stream, whatever the file has."""
        if not state_path:
            return []
        with sentences():
            return [
                AirbyteStateMessage(
                    type=AirbyteStateType.STREAM,
                    stream=AirbyteStreamState(StreamDescriptor(name=name), AirbyteStateBlob(blob)),
                )
                for name, blob in blobs(read_json(state_path)).items()
            ]


NEXT = "make it again from what `discover` prints"


def catalog_of(held: Any) -> ConfiguredAirbyteCatalog:
    """Raises CatalogError if that is none, or has a stream twice: two readers of one stream have one state."""
    try:
        catalog = ConfiguredAirbyteCatalogSerializer.load(held)
    except ValueError as failure:
        # What else it tells quotes the file, which may be the config by mistake.
        places = ", ".join(place or "its top" for place in re.findall(r"\(instance_path='([^']*)'\)", str(failure)))
        raise CatalogError(f"The catalog is not as Airbyte's protocol wants it, at {places}; {NEXT}.") from None
    for name, times in Counter(each.stream.name for each in catalog.streams).items():
        if times > 1:
            raise CatalogError(f"The catalog has stream {name} {times} times; keep one of them.")
    for each in catalog.streams:
        columns = each.stream.json_schema.get("properties") or {}
        if not isinstance(columns, dict) or not all(isinstance(column, dict) for column in columns.values()):
            raise CatalogError(f"The schema of stream {each.stream.name} in the catalog is no JSON schema; {NEXT}.")
    return catalog


def _set(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _set(each) if isinstance(each, dict) else each for name, each in options.items() if each is not None}
