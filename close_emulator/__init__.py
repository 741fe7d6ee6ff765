"""An emulator of the Close CRM REST API: an organisation behind a loopback port.

It stands in for Close in tests and benchmarks, with the limits, delays and peculiarities of the real service as
switches. README.md says first what it is not.
"""

from close_emulator.behaviour import Behaviour
from close_emulator.emulator import Emulator, Request
from close_emulator.lists.catalogue import RESOURCES
from close_emulator.wire import faults
from close_emulator.wire.faults import Fault, Script

__all__ = ["RESOURCES", "SMALL", "Behaviour", "Emulator", "Fault", "Request", "Script", "faults"]

SMALL = {
    "leads": 60,
    "contacts": 80,
    "opportunities": 40,
    "activities": 400,
    "tasks": 120,
    "events": 150,
    "users": 12,
    "custom_fields": 60,
    "custom_objects": 40,
    "sequence_subscriptions": 30,
    "comments": 25,
}
"""The sizes of an organisation that has rows in every list and is read in a moment: `Emulator(**SMALL)`."""
