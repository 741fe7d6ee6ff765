"""Config, catalog and state as Airbyte hands them in, or one sentence that says what to mend.

The CDK's own readers end in tracebacks, and take some states that they do not understand for none.
"""

import re
from abc import ABC
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    FailureType,
    StreamDescriptor,
)
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.utils.schema_helpers import InternalConfig
from airbyte_cdk.utils import AirbyteTracedException

from .files import FileError, read_json
from .state_migration import StateError, blobs


class Inputs(AbstractSource, ABC):
    """Where the CDK's entry point asks for the files. All three raise AirbyteTracedException with a sentence."""

    @staticmethod
    def read_config(config_path: str) -> MutableMapping[str, Any]:
        """The options that are set: null is as good as not there, and the CDK's own have no use here."""
        with _sentences():
            held = read_json(config_path)
            if not isinstance(held, dict):
                raise FileError(f'{config_path} must hold a JSON object like {{"api_key": "..."}}.')
            return {name: each for name, each in _set(held).items() if name not in InternalConfig.KEYWORDS}

    @classmethod
    def read_catalog(cls, catalog_path: str) -> ConfiguredAirbyteCatalog:
        with _sentences():
            return catalog_of(read_json(catalog_path))

    @classmethod
    def read_state(cls, state_path: str) -> list[AirbyteStateMessage]:
        """One message for each stream, whatever the file has."""
        if not state_path:
            return []
        with _sentences():
            return [
                AirbyteStateMessage(
                    type=AirbyteStateType.STREAM,
                    stream=AirbyteStreamState(StreamDescriptor(name=name), AirbyteStateBlob(blob)),
                )
                for name, blob in blobs(read_json(state_path)).items()
            ]


NEXT = "make it anew of what `discover` prints"


class CatalogError(ValueError):
    """A catalog that cannot be read; the text is one sentence."""


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
            raise CatalogError(f"The catalog has stream {name} {times} times; leave one of them.")
    for each in catalog.streams:
        columns = each.stream.json_schema.get("properties") or {}
        if not isinstance(columns, dict) or not all(isinstance(column, dict) for column in columns.values()):
            raise CatalogError(f"The schema of stream {each.stream.name} in the catalog is no JSON schema; {NEXT}.")
    return catalog


def _set(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _set(each) if isinstance(each, dict) else each for name, each in options.items() if each is not None}


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except (FileError, CatalogError, StateError) as failure:
        raise AirbyteTracedException(str(failure), str(failure), FailureType.config_error) from failure
