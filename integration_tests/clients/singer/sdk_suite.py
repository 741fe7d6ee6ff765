"""The tap test suite of singer-sdk on an executable. Run by pytest in the SDK's environment, not in ours.

TAP is the command line with its config; the SDK's own tap class is hollowed out to call it.
"""

import json
import os
import subprocess
import sys
from typing import Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk.testing import get_tap_test_class

COMMAND = json.loads(os.environ["TAP"])


def output(*words: str) -> str:
    return subprocess.run([*COMMAND, *words], check=True, capture_output=True, text=True).stdout


class Executable(Tap):
    name = "tap-closeio"
    config_jsonschema: ClassVar[dict[str, Any]] = {"properties": {}}

    def discover_streams(self) -> list[Stream]:
        streams = []
        for entry in json.loads(output("--discover"))["streams"]:
            streams.append(Discovered(self, schema=entry["schema"], name=entry["stream"]))
            streams[-1].primary_keys = entry["key_properties"]
        return streams

    def run_sync_dry_run(self, *_: Any, **__: Any) -> bool:
        sys.stdout.write(output())
        return True

    def run_connection_test(self) -> bool:
        return bool(output("--discover"))


class Discovered(Stream):
    def get_records(self, context: Any) -> Any:
        raise NotImplementedError


TestTap = get_tap_test_class(Executable, config={})
