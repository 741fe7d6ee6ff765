"""Starts source-close-com 0.5.30, in its own environment, on the address in CLOSE_BASE_URL: it has no option for that.

Its paths lack the slash at their end, and Close redirects to it; they get it here, so that no redirect counts.
"""

import os
import sys
from typing import Any

import requests
from airbyte_cdk.entrypoint import launch
from source_close_com import SourceCloseCom

CLOSE = "https://api.close.com/api/v1"
send = requests.Session.send


def to_emulator(session: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
    path, mark, query = (request.url or "").removeprefix(CLOSE).partition("?")
    request.url = f"{os.environ['CLOSE_BASE_URL']}/{path.strip('/')}/{mark}{query}"
    return send(session, request, **options)


requests.Session.send = to_emulator  # type: ignore[assignment, method-assign]
launch(SourceCloseCom(), sys.argv[1:])
