"""The command line: `source-closeio` and `main.py`."""

import gc
import sys

from source_closeio.ends import end_when_nobody_reads, end_when_told


def main() -> None:
    end_when_told()
    if sys.argv[1:2] == ["read"]:  # whoever runs another command may take its answer and go
        end_when_nobody_reads()
    # The CDK makes half a million objects while it is imported, all to stay: collecting meanwhile finds nothing.
    gc.disable()
    from airbyte_cdk.entrypoint import launch
    from airbyte_cdk.models import FailureType
    from airbyte_cdk.utils import AirbyteTracedException

    from source_closeio.source import SourceCloseIO

    # Records are trees without cycles: what the collector would walk through over and over costs a tenth of the CPU.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
    try:
        launch(SourceCloseIO(), sys.argv[1:])
    except Exception as failure:
        if str(failure) != "No command passed":
            raise
        sentence = "Give one of the commands spec, check, discover and read."
        raise AirbyteTracedException(sentence, sentence, FailureType.config_error) from failure
