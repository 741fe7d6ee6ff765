"""The floor: a bare client that fetches the same lists and writes the same records with nothing in between.

Fetch, unpack, parse, write; in slices of 15 days, events by the day. `floor.py BASE_URL` writes to stdout.
"""

import http.client
import json
import sys
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

THREADS = 20
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
SCHEMA = Path(__file__).parent.parent / "source_closeio/schemas/leads.json"


def main(base_url: str) -> None:
    now = datetime.now(timezone.utc)
    with ThreadPoolExecutor(THREADS) as threads:
        client = Bare(base_url)
        jobs = [threads.submit(client.offset, "users", "user/", {})]
        jobs.append(threads.submit(client.offset, "lead_custom_fields", "custom_field/lead/", {}))
        for start, end in spans(START, now, 15):
            between = {"date_created__gte": start, "date_created__lt": end}
            jobs.append(threads.submit(client.offset, "activities", "activity/", between))
            between = {"date_updated__gte": start, "date_updated__lt": end, "_type": "all"}
            jobs.append(threads.submit(client.offset, "tasks", "task/", between))
            jobs.append(threads.submit(client.search, start, end))
        for start, end in spans(now - timedelta(days=30), now, 1):
            jobs.append(threads.submit(client.events, {"date_updated__gte": start, "date_updated__lt": end}))
        for job in jobs:
            job.result()


def spans(start: datetime, end: datetime, days: int) -> Iterator[tuple[str, str]]:
    while start < end:
        after = start + timedelta(days=days)
        yield start.isoformat(), (after if after < end else end + timedelta(days=3650)).isoformat()
        start = after


class Bare:
    def __init__(self, base_url: str) -> None:
        self._host = urlsplit(base_url).netloc
        self._local = threading.local()
        self._lock = threading.Lock()

    def fetch(self, path: str, params: dict[str, Any], body: Any = None) -> dict[str, Any]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._host)
        headers = {"Authorization": "Basic YXBpX2JlbmNoOg==", "Accept-Encoding": "gzip"}
        method, data = ("POST", orjson.dumps(body)) if body else ("GET", None)
        connection.request(method, f"/api/v1/{path}?{urlencode(params)}", data, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.headers["Content-Encoding"] == "gzip":
            content = zlib.decompress(content, 31)
        doc: dict[str, Any] = orjson.loads(content)
        return doc

    def write(self, stream: str, rows: list[Any]) -> None:
        lines = [orjson.dumps({"type": "RECORD", "record": {"stream": stream, "data": row}}) for row in rows]
        with self._lock:
            sys.stdout.buffer.write(b"\n".join([*lines, b""]))

    def offset(self, stream: str, path: str, params: dict[str, str]) -> None:
        skip, limit, more = 0, 250 if path == "task/" else 100, True
        while more:
            page = self.fetch(path, {**params, "_limit": limit, "_skip": skip})
            self.write(stream, page["data"])
            skip, more = skip + limit, page["has_more"]

    def events(self, params: dict[str, str]) -> None:
        cursor: dict[str, str] = {}
        while True:
            page = self.fetch("event/", {**params, **cursor, "_limit": 50})
            self.write("event_log", page["data"])
            if not page["cursor_next"]:
                return
            cursor = {"_cursor": page["cursor_next"]}

    def search(self, start: str, end: str) -> None:
        field = {"type": "regular_field", "object_type": "lead", "field_name": "date_updated"}
        bounds = {"on_or_after": {"type": "fixed_utc", "value": start}, "before": {"type": "fixed_utc", "value": end}}
        condition = {"type": "field_condition", "field": field, "condition": {"type": "moment_range", **bounds}}
        columns = [*json.loads(SCHEMA.read_text())["properties"], "custom"]
        body: dict[str, Any] = {
            "query": {"type": "and", "queries": [{"type": "object_type", "object_type": "lead"}, condition]},
            "sort": [{"direction": "asc", "field": field}],
            "_fields": {"lead": columns},
            "_limit": 200,
        }
        while True:
            page = self.fetch("data/search/", {}, body)
            self.write("leads", page["data"])
            if page["cursor"] is None:
                return
            body["cursor"] = page["cursor"]


if __name__ == "__main__":
    main(sys.argv[1])
