"""The command line: `source-closeio` and `main.py`."""

import gc
import sys


def main() -> None:
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
        sentence = wrong_input(failure)
        if sentence is None:
            raise
        raise AirbyteTracedException(sentence, sentence, FailureType.config_error) from failure


def wrong_input(failure: Exception) -> str | None:
    """What is wrong with the command or its files, where the CDK only tells that something went wrong."""
    if isinstance(failure, OSError) and failure.filename:
        return f"The file {failure.filename} cannot be read: {failure.strerror}."
    text = str(failure)
    if text.startswith("Could not read json file"):
        return text
    if text.startswith("Schema validation failed"):
        where = "; ".join(line.removeprefix("- ") for line in text.splitlines()[1:] if line)
        return f"The catalog or the state is not as Airbyte's protocol wants it: {where}."
    if text == "No command passed":
        return "Give one of the commands spec, check, discover and read."
    return None
