"""The config of a Singer user -> the connector's config, and what concerns Singer alone."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from source_closeio.errors import ConfigError

PROFILES = ("compat", "native")

OWN: Mapping[str, Mapping[str, Any]] = {
    "profile": {
        "type": "string",
        "enum": PROFILES,
        "default": "compat",
        "description": "compat: the six streams of tap-closeio, as it wrote them; native: all of the connector.",
    },
    "undeclared_properties": {
        "type": "string",
        "enum": ("keep", "drop"),
        "description": "What becomes of properties that Close sends and the schema does not declare: keep (the default "
        "of compat) passes them on, drop (the default of native) leaves them out and says so.",
    },
}


@dataclass(frozen=True)
class Options:
    """What a Singer user wants."""

    profile: str
    keep_undeclared: bool
    source: dict[str, Any]
    """The connector's config."""
    remarks: tuple[str, ...] = ()
    """Sentences for the log."""


def settings() -> dict[str, Any]:
    """All options, as JSON Schema properties: the connector's and ours."""
    spec = json.loads(files("source_closeio").joinpath("spec.json").read_text(encoding="utf-8"))
    return {**spec["connectionSpecification"]["properties"], **OWN}


def read_options(config: Mapping[str, Any], profile: str | None = None) -> Options:
    """profile: from the command line, which has the last word.

    Orchestrators keep settings as text, and leave empty what is not set. Raises ConfigError.
    """
    known = settings()
    given = {
        key: _typed(known.get(key, {}).get("type"), value) for key, value in config.items() if value not in (None, "")
    }
    chosen = given.pop("profile", "compat") if profile is None else profile
    undeclared = given.pop("undeclared_properties", "keep" if chosen == "compat" else "drop")
    given.pop("profile", None)
    for name, value in (("profile", chosen), ("undeclared_properties", undeclared)):
        if value not in OWN[name]["enum"]:
            raise ConfigError(f"`{name}` must be {' or '.join(OWN[name]['enum'])}.")

    remarks = []
    window, bounds = given.get("date_window"), known["date_window"]
    if "date_window" in given and not (type(window) is int and bounds["minimum"] <= window <= bounds["maximum"]):
        # tap-closeio took what it could not use for its default, so configs may hold anything.
        del given["date_window"]
        remarks.append("`date_window` is no number of days that can be used; slices follow the records.")
    if unknown := sorted(given.keys() - known.keys()):
        remarks.append(f"Options that are not known are ignored: {', '.join(unknown)}.")
    return Options(chosen, undeclared == "keep", given, tuple(remarks))


def _typed(kind: str | None, given: Any) -> Any:
    if kind == "integer":
        if isinstance(given, float) and given.is_integer():
            return int(given)
        if isinstance(given, str) and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", given):
            return int(given)
    if kind == "boolean" and isinstance(given, str):
        return {"true": True, "false": False}.get(given.strip().lower(), given)
    return given


def secrets_of(config: Mapping[str, Any]) -> Iterator[str]:
    """What must not reach a log: keys and tokens, and the key as HTTP sends it."""
    credentials = config.get("credentials")
    for holder in (config, credentials if isinstance(credentials, Mapping) else {}):
        for name in ("api_key", "client_id", "client_secret", "refresh_token", "access_token"):
            value = holder.get(name)
            if isinstance(value, str) and value.strip():
                yield value.strip()
                yield b64encode(f"{value.strip()}:".encode(errors="surrogatepass")).decode()
