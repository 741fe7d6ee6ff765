"""stderr: `LEVEL message` lines and metrics, without secrets. And nothing of others on stdout."""

import io
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from .messages import metric

log = logging.getLogger("tap-closeio")


class Lines(logging.Formatter):
    """`LEVEL message`, what follows a newline indented. No tracebacks: what an exception says may quote a record."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: list[str] = []

    def format(self, record: logging.LogRecord) -> str:
        text = f"{record.levelname} {record.getMessage()}".replace("\n", "\n    ")
        for secret in self.secrets:
            text = text.replace(secret, "****")
        return text


LINES = Lines()


def take_over() -> None:
    """Makes stderr the only place for logs; anew after each import that may have set up its own."""
    handler = logging.StreamHandler()
    handler.setFormatter(LINES)
    logging.root.handlers[:] = [handler]
    log.setLevel(logging.INFO)


class NotStdout(io.TextIOBase):
    """What `print` reaches instead of stdout, which holds Singer messages alone.

    The CDK prints one thing that matters: a configuration with new OAuth tokens, for whoever keeps the old one.
    """

    def __init__(self, keep: Callable[[Mapping[str, Any]], None]) -> None:
        self._keep = keep

    def write(self, text: str) -> int:
        try:
            message = json.loads(text)
            config = message["control"]["connectorConfig"]["config"]
        except (ValueError, LookupError, TypeError):
            if text.strip():
                log.info(text.strip())
        else:
            self._keep(config)
        return len(text)


@contextmanager
def timed_requests() -> Iterator[None]:
    """While it lasts, each request of this process leaves a metric of its duration.

    requests has no hook that all sessions share and that sees failures too, so its adapter is wrapped.
    """
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def timed(self: HTTPAdapter, request: Any, *args: Any, **kwargs: Any) -> Any:
        started, status = time.monotonic(), None
        try:
            response = send(self, request, *args, **kwargs)
            status = response.status_code
            return response
        finally:
            tags = {
                "endpoint": urlsplit(request.url).path,
                "http_status_code": status,
                "status": "succeeded" if status is not None and status < 400 else "failed",
            }
            point = {"type": "timer", "metric": "http_request_duration", "value": time.monotonic() - started}
            log.info(metric({**point, "tags": tags}).text)

    HTTPAdapter.send = timed  # type: ignore[method-assign]
    try:
        yield
    finally:
        HTTPAdapter.send = send  # type: ignore[method-assign]
