"""`RESOURCES` by the name that it had."""

from close_emulator.lists.catalogue import RESOURCES

__all__ = ["RESOURCES"]
