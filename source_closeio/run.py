"""The command line: `source-closeio` and `main.py`."""

import gc
import sys

from airbyte_cdk.entrypoint import launch

from source_closeio.source import SourceCloseIO


def main() -> None:
    # Records are trees without cycles: what the collector would walk through over and over costs a tenth of the CPU.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    launch(SourceCloseIO(), sys.argv[1:])
