"""Other people's programs, each in an environment of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from . import environments


@pytest.fixture(scope="session")
def environment() -> Callable[..., Path]:
    return environments.environment
