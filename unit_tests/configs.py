"""Configurations, right ones and spoilt ones, what the spec says of them, and what a sentence may not say of them."""

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

import source_closeio

from .anything import ANY_JSON, MOMENTS, NASTY_TEXT, SCALARS, spoilt

SPEC = json.loads((Path(source_closeio.__file__).parent / "spec.json").read_text())["connectionSpecification"]
SENTENCE = re.compile(r"[^\n]+\.")
SECRET = "_of_the_fuzz"


def credentials(refresh_token: str = "refresh_0", **more: Any) -> dict[str, Any]:
    tokens = {"client_id": "oa2client_1", "client_secret": "a_secret_of_the_app", "refresh_token": refresh_token}
    return {"api_key": None, "credentials": {"auth_type": "oauth2", **tokens, **more}}


def assert_clear(failure: Exception) -> None:
    assert SENTENCE.fullmatch(str(failure))
    assert SECRET not in str(failure)


CONFIG = {
    "api_key": f"key{SECRET}",
    "start_date": "2024-01-31",
    "activities_window_seconds": 3600,
    "date_window": 15,
    "num_workers": 10,
    "custom_field_names": True,
    "user_agent": "somebody",
    "base_url": "https://close.example.com:8443/api",
}
BY_FORM = {**CONFIG, "credentials": {"auth_type": "api_key", "api_key": f"key{SECRET}"}}
OAUTH = {
    "auth_type": "oauth2",
    "client_id": f"client{SECRET}",
    "client_secret": f"secret{SECRET}",
    "refresh_token": f"refresh{SECRET}",
    "access_token": f"access{SECRET}",
    "token_expiry_date": "2024-01-31T09:30:00Z",
}
HOSTS = st.text("ab.-_*%é 1[]:@?#", max_size=6) | st.text("ab.* ", min_size=1, max_size=4)
URLS = st.builds("https://{}{}".format, HOSTS, st.just("/api") | NASTY_TEXT)
CONFIGS = (
    st.sampled_from((CONFIG, BY_FORM, {**CONFIG, "credentials": OAUTH})).flatmap(spoilt)
    | st.builds(lambda key, value: {**CONFIG, "credentials": {**OAUTH, key: value}}, st.sampled_from([*OAUTH]), SCALARS)
    | URLS.map(lambda url: {**CONFIG, "base_url": url})
    | MOMENTS.map(lambda moment: {**CONFIG, "start_date": moment})
    | st.fixed_dictionaries({}, optional={**dict.fromkeys(SPEC["properties"], ANY_JSON), "api_key": st.just("k")})
    | ANY_JSON
)
