"""How: the `HttpStream` subclasses, one per way in which Close can be walked. They read the rows of `endpoints.py`."""

import logging
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.http import HttpStream
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy, ErrorHandler
from airbyte_cdk.utils import AirbyteTracedException
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth

from . import pagination
from .config import Settings
from .endpoints import Endpoint, Walk
from .http_policy import PATIENCE, REPORT, TIMEOUT, CloseErrorHandler, Patience
from .pagination import Answer, NoProgress
from .rate_limit import RateLimiter
from .records import Record, shaper
from .schemas import columns_of, schema_of
from .windows import Span, parse_moment

# requests unpacks an answer in pieces of 10 kB, which for pages of 200 kB costs as much as parsing them.
requests.models.CONTENT_CHUNK_SIZE = 2**20


class Stopped(Exception):
    """The sync is being given up; the reader threads end at their next request."""


class Connection:
    """What the streams of one sync share: the settings, the connections, the rate limits, the order to stop.

    tries: of one request, before its stream gives up.
    """

    def __init__(self, settings: Settings, tries: int = PATIENCE) -> None:
        self.settings = settings
        self.tries = tries
        self.auth = HTTPBasicAuth(settings.api_key, "")
        self.rate_limiter = RateLimiter()
        self.adapter = HTTPAdapter(pool_maxsize=settings.num_workers + 1)
        self.stop = threading.Event()


class CloseStream(HttpStream):
    """A row of the table, read over HTTP. Subclasses say how, in `rows`."""

    def __init__(self, endpoint: Endpoint, connection: Connection) -> None:
        self.endpoint = endpoint
        self._connection = connection
        self._error_handler = CloseErrorHandler(urlsplit(connection.settings.base_url).path, endpoint.refused_by)
        super().__init__(authenticator=connection.auth, api_budget=connection.rate_limiter)
        # The CDK gives each stream its own pool, of 10 connections for plain http: one for all, as large as needed.
        self._http_client._session.mount(connection.settings.base_url, connection.adapter)
        # The CDK would page only once through a stream without cursor field whose cursor is its default one.
        self.cursor = None
        self._shape = shaper(endpoint)

    @abstractmethod
    def rows(self, span: Span, limit: int) -> Iterator[Record]:
        """The rows of Close that lie in the span, whole; a list that has no dates gives them all.

        limit: rows a page. Generators: the first page is asked for with the first row.
        """

    def fetch(self, asked: dict[str, Any]) -> Answer:
        """One page. asked: query parameters, or what `request_body_json` makes a body of."""
        doc = self.answer(asked).doc  # type: ignore[attr-defined]
        if not isinstance(doc.get("data"), list):
            sentence = f"The answer of /{self.endpoint.path} holds no list of records; {REPORT}."
            raise AirbyteTracedException(message=sentence, internal_message=sentence)
        page: Answer = doc
        return page

    def answer(self, asked: Mapping[str, Any]) -> requests.Response:
        if self._connection.stop.is_set():
            raise Stopped
        # One page of the CDK's own reading: it prepares, sends, judges and tries again.
        (response,) = super().read_records(SyncMode.full_refresh, stream_slice=asked)
        assert isinstance(response, requests.Response)  # noqa: S101 - what `parse_response` yields
        return response

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Record]:
        """The records of one slice, `{"start": ..., "end": ...}` in ISO 8601; without it, all."""
        start, end = ((stream_slice or {}).get(key) for key in ("start", "end"))
        span = Span(start and parse_moment(start), end and parse_moment(end))
        try:
            yield from map(self._shape, self.rows(span, self.endpoint.page_size))
        except NoProgress as failure:
            sentence = f"Stream {self.name} cannot be read exactly: {failure}"
            raise AirbyteTracedException(message=sentence, internal_message=sentence) from failure

    def holds_records(self, span: Span) -> bool:
        return next(self.rows(span, 1), None) is not None

    # What the CDK asks of a stream.

    @property
    def name(self) -> str:
        return self.endpoint.name

    @property
    def logger(self) -> logging.Logger:
        """Never below INFO: at DEBUG the CDK's HTTP client logs headers (the key, in base64) and bodies (records)."""
        logger = logging.getLogger(f"airbyte.streams.{self.name}")
        logger.setLevel(logging.INFO)
        return logger

    @property
    def primary_key(self) -> str:
        return "id"

    @property
    def cursor_field(self) -> str | list[str]:
        return self.endpoint.window.cursor if self.endpoint.window else []

    @property
    def is_resumable(self) -> bool:
        return self.endpoint.window is not None

    def get_json_schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # the CDK's is cached per instance
        return schema_of(self.name)

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
        return Patience(self._error_handler, self._connection.tries)


class ListStream(CloseStream):
    def rows(self, span: Span, limit: int) -> Iterator[Record]:
        yield from pagination.offset(self.fetch, limit, set())


class WindowStream(CloseStream):
    def rows(self, span: Span, limit: int) -> Iterator[Record]:
        yield from pagination.window(self.fetch, span, str(self.cursor_field), limit)


class EventStream(CloseStream):
    def rows(self, span: Span, limit: int) -> Iterator[Record]:
        yield from pagination.events(self.fetch, span, limit)


class SearchStream(CloseStream):
    http_method = "POST"

    def rows(self, span: Span, limit: int) -> Iterator[Record]:
        yield from pagination.search(self.fetch, span, (str(self.cursor_field), "date_created"), limit)

    def request_params(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {}

    def request_body_json(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        return search_body(str(self.endpoint.object_type), columns_of(self.name), stream_slice or {})


def search_body(object_type: str, columns: tuple[str, ...], asked: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `POST /data/search/` (https://developer.close.com/api/resources/advanced-filtering).

    asked: what `pagination.search` wants: `spans` by date field, `sort` fields, `_limit`, `cursor`. The selector
    `custom` stands for all custom fields: one by one they would exceed the length that Close allows for `_fields`.
    """

    def field(name: str) -> dict[str, str]:
        return {"type": "regular_field", "object_type": object_type, "field_name": name}

    conditions = [
        {
            "type": "field_condition",
            "field": field(name),
            "condition": {"type": "moment_range", "on_or_after": _moment(span.start), "before": _moment(span.end)},
        }
        for name, span in asked["spans"].items()
        if span != Span()
    ]
    return {
        "query": {"type": "and", "queries": [{"type": "object_type", "object_type": object_type}, *conditions]},
        "sort": [{"direction": "asc", "field": field(name)} for name in asked["sort"]],
        "_fields": {object_type: [*columns, "custom"]},
        "_limit": asked["_limit"],
        "cursor": asked.get("cursor"),
    }


def _moment(moment: Any) -> dict[str, str] | None:
    return None if moment is None else {"type": "fixed_utc", "value": moment.isoformat()}


CLASS_OF: Mapping[Walk, Callable[[Endpoint, Connection], CloseStream]] = {
    Walk.LIST: ListStream,
    Walk.WINDOW: WindowStream,
    Walk.SEARCH: SearchStream,
    Walk.EVENT: EventStream,
}


def stream_of(endpoint: Endpoint, connection: Connection) -> CloseStream:
    return CLASS_OF[endpoint.walk](endpoint, connection)
