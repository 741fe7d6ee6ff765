"""An Airbyte source connector for Close CRM."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("source-closeio")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0.0.0"
