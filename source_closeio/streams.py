"""How: the `HttpStream` subclasses, one per way in which Close can be walked. They read the rows of `endpoints.py`."""

import logging
import threading
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy, ErrorHandler
from requests.adapters import HTTPAdapter

from . import pagination
from .advanced_filtering import asked_for, search_body
from .auth import authenticator
from .config import OFF, Settings
from .custom_columns import fits
from .custom_fields import Definitions, columns
from .endpoints import Endpoint, Walk
from .errors import NoProgress, NothingThere, Stopped, TellUs
from .http_policy import PATIENCE, REPORT, TIMEOUT, CloseErrorHandler, Patience
from .keyset import search
from .pagination import Answer, Share, alone
from .rate_limit import Budget, Meter, RateLimiter, group_of
from .records import Names, Record, shaper
from .schemas import DELETED_AT, DELETED_AT_COLUMN, columns_of, schema_of
from .windows import Part, Span, whole_second

# requests unpacks an answer in pieces of 10 kB, which for pages of 200 kB costs as much as parsing them.
requests.models.CONTENT_CHUNK_SIZE = 2**20


CLOCKS_DIFFER = timedelta(minutes=1)
"""Less than that, once Close has told its time."""

LISTED = ("data",)
"""Where the rows are in an answer that comes in pages."""


class Connection:
    """What the streams of one sync share: settings, connections, rate limits, custom fields, the order to stop.

    tries: of one request, before its stream gives up.
    """

    def __init__(self, settings: Settings, tries: int = PATIENCE) -> None:
        self.settings = settings
        self.tries = tries
        self.ahead = timedelta()
        """How far this machine's clock is ahead of Close's."""
        self.stop = threading.Event()
        self.auth = authenticator(settings, self.pause)
        self.rate_limiter = RateLimiter(sleep=self.pause, most_per_second=settings.most_per_second)
        self.adapter = HTTPAdapter(pool_maxsize=settings.num_workers + 1)
        self.custom_fields: Mapping[str, Definitions] = {}
        """By kind of object; see `custom_fields.load`."""

    def closed(self, span: Span) -> tuple[Span, ...]:
        """A span without an end in two; the first ends a minute ago, so that what is edited from now on leaves it."""
        now = whole_second(datetime.now(timezone.utc) - self.ahead) - CLOCKS_DIFFER
        if span.end is not None or (span.start is not None and span.start >= now):
            return (span,)
        return Span(span.start, now), Span(now)

    def pause(self, seconds: float) -> None:
        """Waits; raises Stopped at once when the sync is given up meanwhile."""
        if self.stop.wait(seconds):
            raise Stopped


class CloseStream(HttpStream):
    """A row of the table, read over HTTP. Subclasses say how, in `rows`."""

    def __init__(self, endpoint: Endpoint, connection: Connection, meter: Meter | None = None) -> None:
        """meter: of the stream that this one is read for, if it is read for another."""
        self.endpoint = endpoint
        self.meter = meter or Meter()
        self._connection = connection
        settings = connection.settings
        self._error_handler = CloseErrorHandler(
            urlsplit(settings.base_url).path, endpoint.refused_by, renews=settings.oauth is not None
        )
        super().__init__(authenticator=connection.auth, api_budget=Budget(connection.rate_limiter, self.meter))
        # The CDK gives each stream its own pool, of 10 connections for plain http: one for all, as large as needed.
        self._http_client._session.mount(connection.settings.base_url, connection.adapter)
        # The CDK would page only once through a stream without cursor field whose cursor is its default one.
        self.cursor = None
        self._declared: Mapping[str, Any] = {}
        self._total: object = None
        self.answered = False
        """Whether Close has let a request of this stream through."""
        self.names = Names(self._definitions)
        """Of the custom fields, for rows that hold their values by name alone."""
        self._shape = shaper(endpoint, names=self.names)

    @abstractmethod
    def rows(self, part: Part, limit: int, share: Share = alone) -> Iterator[Record]:
        """The rows of Close that belong to the part, as Close sends them.

        limit: rows a page. share: asked where the part is a slice of time. Generators: the first page is asked for with
        the first row.
        """

    def records(self, part: Part, share: Share = alone) -> Iterator[Record]:
        """The records of one part. Raises Problem, or Stopped."""
        try:
            yield from map(self._shape, self.rows(part, self.endpoint.page_size, share))
        except NoProgress as failure:
            raise TellUs(f"Stream {self.name} cannot be read exactly: {failure}") from failure

    def by_ids(self, ids: Sequence[str]) -> list[Record]:
        """One page of those that Close shows of these; whatever it shows where it does not know how to pick by ids."""
        return list(self.fetch({str(self.endpoint.ids): ",".join(ids), "_limit": len(ids)})["data"])

    def row_at(self, path: str) -> Record:
        """A row by the path of its own. Raises NothingThere; StreamRefused where this key may not read it."""
        own = replace(self.endpoint, path=path, params={}, rows_in=(), refused_by=(402, 403))
        row: Record = ListStream(own, self._connection, self.meter).fetch({})["data"][0]
        return row

    def any_row(self) -> list[Record]:
        """One that is there, if there is any."""
        return list(self.fetch({"_limit": 1})["data"])

    def shaped(self, row: Record) -> Record:
        """The record of a row; changes the row."""
        return self._shape(row)

    @property
    def columns(self) -> Mapping[str, Any]:
        """What the configured schema declares; nothing where none was given."""
        return self._declared

    def parts(self) -> Iterable[Part]:
        """What can be read side by side, slices of time apart; may ask Close."""
        return (Part(parent=each) for each in self._parents()) if self.endpoint.parent else (Part(),)

    def probe(self) -> None:
        """Raises StreamRefused if this key may not read the stream."""
        self.fetch({"_limit": 1} if self.endpoint.rows_in == LISTED else {})

    def count(self) -> int | None:
        """How many records of this stream Close counts, once all of them were read; None where it does not say."""
        return None

    def fetch(self, asked: dict[str, Any]) -> Answer:
        """One page. asked: query parameters, or what `request_body_json` makes a body of."""
        doc = self.answer(asked).doc  # type: ignore[attr-defined]
        page: Answer = doc if self.endpoint.rows_in == LISTED else {"data": _rows_in(doc, self.endpoint.rows_in)}
        rows = page.get("data")
        if not isinstance(rows, list) or not all(isinstance(row, dict) and self.endpoint.key in row for row in rows):
            raise TellUs(f"The answer of /{self.endpoint.path} holds no list of records; {REPORT}.")
        self.answered = True
        self._total = page.get("total_results", self._total)
        return page

    def answer(self, asked: Mapping[str, Any]) -> requests.Response:
        if self._connection.stop.is_set():
            raise Stopped
        self.meter.add(wanted=1)
        # One page of the CDK's own reading: it prepares, sends, judges and tries again.
        (response,) = self.read_records(SyncMode.full_refresh, stream_slice=asked)
        assert isinstance(response, requests.Response)  # noqa: S101 - what `parse_response` yields
        return response

    def fit_to(self, schema: Mapping[str, Any]) -> None:
        """From now on custom field values are made to fit the columns that this schema declares.

        Columns of ours that it does not declare are deselected: search is not asked for them.
        """
        self._declared = schema.get("properties") or {}
        if self.endpoint.custom_fields:
            columns = schema.get("properties") or self.get_json_schema()["properties"]
            self._shape = shaper(self.endpoint, fits(columns), self.names)

    @property
    def otherwise(self) -> "CloseStream | None":
        """The other way to read the same records, where there is one."""
        if self.endpoint.otherwise is None:
            return None
        other = stream_of(self.endpoint.otherwise, self._connection, self.meter)
        other._shape, other.names = self._shape, self.names
        return other

    def _parents(self) -> Iterator[str]:
        assert self.endpoint.parent is not None  # noqa: S101 - of a row that has children
        parents = stream_of(self.endpoint.parent.of, self._connection, self.meter)
        return (row[parents.endpoint.key] for row in parents.rows(Part(), parents.endpoint.page_size))

    def _definitions(self) -> Definitions:
        kind = self.endpoint.custom_fields
        return self._connection.custom_fields[kind] if kind else {}

    # What the CDK asks of a stream.

    @property
    def name(self) -> str:
        return self.endpoint.name

    @property
    def group(self) -> str:
        """Of endpoints, whose requests Close counts together."""
        return group_of(self.http_method, f"{urlsplit(self.url_base).path}{self.endpoint.path}")

    @property
    def logger(self) -> logging.Logger:
        """Never below INFO: at DEBUG the CDK's HTTP client logs headers (the key, in base64) and bodies (records)."""
        logger = logging.getLogger(f"airbyte.streams.{self.name}")
        logger.setLevel(logging.INFO)
        return logger

    @property
    def primary_key(self) -> str:
        return self.endpoint.key

    @property
    def cursor_field(self) -> str | list[str]:
        return self.endpoint.window.cursor if self.endpoint.window else []

    @property
    def is_resumable(self) -> bool:
        return self.endpoint.window is not None

    def get_json_schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # the CDK's is cached per instance
        declared = schema_of(self.name)
        added = columns(self._definitions()) if self.endpoint.custom_fields else {}
        if self.endpoint.is_followed and self._connection.settings.change_capture != OFF:
            added = {**added, DELETED_AT: DELETED_AT_COLUMN}
        return {**declared, "properties": {**declared["properties"], **added}} if added else declared

    @property
    def url_base(self) -> str:
        return self._connection.settings.base_url

    def path(self, **_: Any) -> str:
        return self.endpoint.path

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return {**self.endpoint.params, **(stream_slice or {})}

    def request_headers(self, *_: Any, **__: Any) -> Mapping[str, Any]:
        return {"User-Agent": self._connection.settings.user_agent, "Accept": "application/json"}

    def request_kwargs(self, *_: Any, **__: Any) -> Mapping[str, Any]:
        return {"timeout": TIMEOUT}

    def parse_response(self, response: requests.Response, **_: Any) -> Iterable[Any]:
        yield response

    def next_page_token(self, response: requests.Response) -> None:
        return None  # the walk in `rows` decides; see `answer`

    def get_error_handler(self) -> ErrorHandler:
        return self._error_handler

    def get_backoff_strategy(self) -> BackoffStrategy:
        held = self._connection.rate_limiter.held
        return Patience(self._error_handler, self._connection.tries, self._connection.pause, held)


class ListStream(CloseStream):
    def count(self) -> int | None:
        return self._total if isinstance(self._total, int) else None

    def rows(self, part: Part, limit: int, share: Share = alone) -> Iterator[Record]:
        if self.endpoint.rows_in == LISTED:
            yield from pagination.offset(self.fetch, limit, set(), self.endpoint.key)
        else:
            yield from self.fetch({})["data"]


class ChildStream(CloseStream):
    def rows(self, part: Part, limit: int, share: Share = alone) -> Iterator[Record]:
        for endpoint in self.endpoint.of(part.parent):
            try:
                yield from stream_of(endpoint, self._connection, self.meter).rows(Part(), limit)
            except NothingThere:
                # A parent that was deleted meanwhile took its children with it; anything else is a failure.
                if part.parent in self._parents():
                    raise

    def probe(self) -> None:
        """Asks for one parent and one child; of all parents none may have any."""
        for part in islice(self.parts(), 1):
            for endpoint in self.endpoint.of(part.parent):
                stream_of(endpoint, self._connection, self.meter).probe()


class WindowStream(CloseStream):
    def rows(self, part: Part, limit: int, share: Share = alone) -> Iterator[Record]:
        order = self.endpoint.params.get("_order_by")
        yield from pagination.window(self.fetch, part.span, str(self.cursor_field), limit, order, part.known, share)


class EventStream(WindowStream):
    def rows(self, part: Part, limit: int, share: Share = alone) -> Iterator[Record]:
        yield from filter(self.endpoint.has, pagination.events(self.fetch, part.span, limit, share))


class SearchStream(CloseStream):
    http_method = "POST"

    def probe(self) -> None:
        """Asks for one parent of all; none may have any."""
        for part in islice(self.parts(), 1):
            self.fetch({"where": self._where(part), "spans": {}, "sort": [self.cursor_field], "_limit": 1})

    def rows(self, part: Part, limit: int, share: Share = alone) -> Iterator[Record]:
        fields = (str(self.cursor_field), "date_created")
        fetch = partial(self._fetch_where, self._where(part))
        if part.span.end is not None:
            yield from search(fetch, part.span, fields, limit, share)
            return
        page = pagination.Pages(fetch, limit)({"spans": {fields[0]: part.span}, "sort": fields})
        if page.get("cursor") is None:
            yield from page["data"]
            return
        for span in self._connection.closed(part.span):
            yield from search(fetch, span, fields, limit)

    def count(self) -> int | None:
        if self.endpoint.parent:
            return None
        page = self.fetch({"spans": {}, "sort": [self.cursor_field], "_limit": 1, "include_counts": True})
        counted = page.get("count")
        total = counted.get("total") if isinstance(counted, dict) else None
        return total if isinstance(total, int) else None

    def by_ids(self, ids: Sequence[str]) -> list[Record]:
        return list(self.fetch({"ids": ids, "spans": {}, "sort": [], "_limit": len(ids)})["data"])

    def any_row(self) -> list[Record]:
        return list(self.fetch({"spans": {}, "sort": [], "_limit": 1})["data"])

    def _where(self, part: Part) -> Mapping[str, str]:
        """The condition that picks the children of the part's parent."""
        ask = self.endpoint.parent.asks[0] if self.endpoint.parent else {}
        return {name: value.replace("{id}", part.parent) for name, value in ask.items()}

    def _fetch_where(self, where: Mapping[str, str], asked: dict[str, Any]) -> Answer:
        return self.fetch({"where": where, **asked})

    def request_params(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {}

    def request_body_json(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        columns = self.endpoint.fields or asked_for(columns_of(self.name), self._declared)
        return search_body(str(self.endpoint.object_type), columns, stream_slice or {})


def _rows_in(doc: Any, names: tuple[str, ...]) -> Any:
    """The rows that an answer holds under several names, or the answer itself; None where one of them is no list."""
    if not names:
        return [doc]
    lists = {name: doc.get(name) for name in names}
    if not all(isinstance(rows, list) for rows in lists.values()):
        return None
    if len(names) == 1:
        return lists[names[0]]
    return [{**row, "found_in": name} for name, rows in lists.items() for row in rows]


CLASS_OF: Mapping[Walk, type[CloseStream]] = {
    Walk.LIST: ListStream,
    Walk.CHILD: ChildStream,
    Walk.WINDOW: WindowStream,
    Walk.SEARCH: SearchStream,
    Walk.EVENT: EventStream,
}


def stream_of(endpoint: Endpoint, connection: Connection, meter: Meter | None = None) -> CloseStream:
    return CLASS_OF[endpoint.walk](endpoint, connection, meter)


def rows_of(connection: Connection, endpoint: Endpoint) -> list[Record]:
    """All rows of a short list, as Close sends them."""
    return list(stream_of(endpoint, connection).rows(Part(), endpoint.page_size))
