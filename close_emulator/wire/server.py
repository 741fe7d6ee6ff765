"""HTTP/1.1 over sockets: kept-alive connections, one thread each, and the damage faults do on the way."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from close_emulator.wire.faults import Damage

_HEAD_END = b"\r\n\r\n"
_READ = 65_536
_COMPRESS_FROM = 500
# Level 1 costs a third of the default level and pages of records compress well anyway.
_GZIP_LEVEL = 1
_REASONS = {int(status): status.phrase for status in HTTPStatus}


@dataclass
class RawRequest:
    """A request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Outcome:
    """What to send for a request."""

    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)
    compress: bool = True
    damage: Damage = "none"


Handler = Callable[[RawRequest], Outcome]
"""Answers a request."""
Sending = Callable[[int], None]
"""Told how many bytes are about to go out."""


class Server:
    """Listens on a loopback port from `start` to `stop`."""

    def __init__(self, port: int, handler: Handler, sending: Sending) -> None:
        self._handler = handler
        self._sending = sending
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._stopping = False
        self._acceptor = threading.Thread(target=self._accept, name="close-emulator", daemon=True)

    def start(self) -> None:
        """Take connections from now on."""
        self._acceptor.start()

    def stop(self) -> None:
        """Close every connection and wait for the threads."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()
        with self._lock:
            open_now = list(self._connections.items())
        for connection, _ in open_now:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for _, thread in open_now:
            thread.join(timeout=5)

    def _accept(self) -> None:
        while not self._stopping:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(connection,), name="close-connection", daemon=True)
            with self._lock:
                self._connections[connection] = thread
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        buffer = bytearray()
        try:
            while not self._stopping:
                request = _read(connection, buffer)
                if request is None or not self._answer(connection, request):
                    return
        except OSError:
            return  # the client went away
        finally:
            with self._lock:
                self._connections.pop(connection, None)
            connection.close()

    def _answer(self, connection: socket.socket, request: RawRequest) -> bool:
        """Send the answer; False when the connection is not to be used again."""
        outcome = self._handler(request)
        if outcome.damage == "reset":
            # Lingering for no time turns the close into a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._sending(0)
            return False
        keep = "close" not in request.headers.get("connection", "").lower() and outcome.damage != "cut"
        head, body = _written(outcome, request, keep=keep)
        if outcome.damage == "cut":
            body = body[: len(body) // 2]
        self._sending(len(head) + len(body))
        connection.sendall(head + body)
        return keep


def _written(outcome: Outcome, request: RawRequest, *, keep: bool) -> tuple[bytes, bytes]:
    """Head and body of an answer."""
    body = outcome.body
    headers = {"Content-Type": outcome.content_type, **outcome.headers}
    accepted = "gzip" in request.headers.get("accept-encoding", "")
    if outcome.compress and accepted and len(body) >= (1 if outcome.damage == "cut_gzip" else _COMPRESS_FROM):
        packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
        body = packer.compress(body) + packer.flush()
        headers["Content-Encoding"] = "gzip"
        headers["Vary"] = "Accept-Encoding"
    if outcome.damage == "cut_gzip":
        body = body[: len(body) // 2]
    headers["Content-Length"] = str(len(body))
    if not keep:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {outcome.status} {_REASONS.get(outcome.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head, b"" if request.method == "HEAD" else body


def _read(connection: socket.socket, buffer: bytearray) -> RawRequest | None:
    """The next request of a connection, None at its end; what follows it stays in the buffer."""
    while (end := buffer.find(_HEAD_END)) < 0:
        received = connection.recv(_READ)
        if not received:
            return None
        buffer += received
    first, *lines = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    del buffer[: end + len(_HEAD_END)]
    words = first.split(" ")
    if len(words) != 3:
        return None  # that is no HTTP
    method, target = words[:2]
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = int(headers.get("content-length") or 0)
    if length and headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(buffer) < length:
        received = connection.recv(_READ)
        if not received:
            return None
        buffer += received
    body = bytes(buffer[:length])
    del buffer[:length]
    return RawRequest(method, target, headers, body)
