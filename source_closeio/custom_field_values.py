"""The stream custom_field_values: a row for each custom field value of the records of other streams.

It has no list of Close's behind it, so it is no row of the table; the option `custom_field_names` offers it.
"""

from collections.abc import Iterator
from dataclasses import replace

from .custom_fields import values_of
from .endpoints import DATES, ENDPOINTS, Endpoint, Walk
from .pagination import Share, alone
from .records import Record
from .streams import CloseStream, Connection, stream_of
from .windows import Part, Span, whole_second

CUSTOM_FIELD_VALUES = Endpoint("custom_field_values", "")

OWNERS = tuple(
    replace(endpoint, fields=("id", *DATES, "custom_object_type_id", "custom") if endpoint.walk is Walk.SEARCH else ())
    for endpoint in ENDPOINTS
    if endpoint.custom_fields and endpoint.name != "activities"
)
"""The streams whose records have custom fields; those of `activities` are custom activities."""


class CustomFieldValues(CloseStream):
    """A parent is one of the owners, by its name."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(CUSTOM_FIELD_VALUES, connection)

    def parts(self) -> Iterator[Part]:
        return (Part(parent=endpoint.name) for endpoint in OWNERS)

    def rows(self, part: Part, limit: int, share: Share = alone) -> Iterator[Record]:
        (owner,) = (endpoint for endpoint in OWNERS if endpoint.name == part.parent)
        kind, start = str(owner.custom_fields), self._connection.settings.start_date
        table = stream_of(owner, self._connection, self.meter)
        for each in table.parts():
            for record in table.records(replace(each, span=Span(start and whole_second(start)))):
                yield from values_of(kind, record, self._connection.custom_fields[kind])
        self.names.unplaced |= table.names.unplaced
