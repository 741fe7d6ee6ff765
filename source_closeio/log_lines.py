"""What the CDK writes to the log, without what tells users nothing or a riddle: it has other words for what it means.

What happened is said by a sentence of ours, in an error trace, in the answer to `check`, or by whoever waits.
"""

import logging
import re

from airbyte_cdk.utils import AirbyteTracedException

LEFT_OUT = re.compile(
    "MemoryMonitor instantiated|Check failed$|UserDefinedBackoffException: |During the sync, the following streams did"
)
FAILED = re.compile(r"Exception while syncing stream (\w+)$")


class Plain(logging.Filter):
    """Leaves lines out, and of failures that have a sentence keeps that: the traceback is in the error trace."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = str(record.msg)
        if LEFT_OUT.match(text):
            return False
        failure = record.exc_info[1] if record.exc_info else None
        if isinstance(failure, AirbyteTracedException):
            stream = FAILED.match(text)
            record.msg = f"Stream {stream[1]} failed: {failure}" if stream else str(failure)
            record.args, record.exc_info = (), None
        return True


PLAIN = Plain()


def take_charge(source_name: str) -> None:
    """Of the two loggers that the CDK writes to for a source of this name."""
    for name in ("airbyte", f"airbyte.{source_name}"):
        logging.getLogger(name).addFilter(PLAIN)
