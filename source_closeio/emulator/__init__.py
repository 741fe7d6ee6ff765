"""An emulator of the Close CRM REST API: an organisation behind a loopback port.

It stands in for Close in tests and benchmarks, with the limits, delays and peculiarities of the real service as
switches. LIMITS.md says what it is not.
"""

from source_closeio.emulator import faults
from source_closeio.emulator.behaviour import Behaviour
from source_closeio.emulator.emulator import Emulator, Request
from source_closeio.emulator.faults import Fault, Script

__all__ = ["Behaviour", "Emulator", "Fault", "Request", "Script", "faults"]
