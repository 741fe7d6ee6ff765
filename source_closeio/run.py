"""The command line: `source-closeio` and `main.py`."""

import gc
import sys


def main() -> None:
    # The CDK makes half a million objects while it is imported, all to stay: collecting meanwhile finds nothing.
    gc.disable()
    from airbyte_cdk.entrypoint import launch

    from source_closeio.source import SourceCloseIO

    # Records are trees without cycles: what the collector would walk through over and over costs a tenth of the CPU.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
    launch(SourceCloseIO(), sys.argv[1:])
