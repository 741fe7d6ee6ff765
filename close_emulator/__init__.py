"""An emulator of the Close CRM REST API: an organisation behind a loopback port.

It stands in for Close in tests and benchmarks, with the limits, delays and peculiarities of the real service as
switches. README.md says first what it is not.
"""

from close_emulator.behaviour import Behaviour
from close_emulator.emulator import Emulator, Request
from close_emulator.lists.catalogue import RESOURCES
from close_emulator.wire import faults
from close_emulator.wire.faults import Fault, Script
from close_emulator.world.sizes import SMALL, Sizes

__all__ = ["RESOURCES", "SMALL", "Behaviour", "Emulator", "Fault", "Request", "Script", "Sizes", "faults"]
