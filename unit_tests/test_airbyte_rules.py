"""Airbyte's rules for connectors, as far as they hold outside of its own repository.

The form: https://docs.airbyte.com/platform/connector-development/connector-specification-reference and the UX handbook.
The page: the template of connectors_qa. Others are in test_packaging.py.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import source_closeio
from source_closeio.config import SPEC, named, read_settings
from source_closeio.endpoints import ENDPOINTS
from source_closeio.errors import ConfigError
from source_closeio.http_policy import BY_FAILURE, BY_STATUS

ROOT = Path(__file__).parent.parent
METADATA: Mapping[str, Any] = yaml.safe_load((ROOT / "metadata.yaml").read_text(encoding="utf-8"))
FORM: Mapping[str, Any] = SPEC["connectionSpecification"]
SMALL = {"a", "and", "at", "by", "of", "or", "per", "the", "to"}


def options() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each option by its path, and each way in which one can be given."""
    for key, option in FORM["properties"].items():
        yield key, option
        for way in option.get("oneOf", ()):
            yield f"{key}/{way['title']}", way
            yield from ((f"{key}.{name}", part) for name, part in way["properties"].items())


OPTIONS = list(options())


@pytest.mark.parametrize(("key", "option"), OPTIONS, ids=[key for key, _ in OPTIONS])
def test_each_option_has_a_title_in_title_case_and_a_description_of_sentences(
    key: str, option: Mapping[str, Any]
) -> None:
    words = re.findall(r"[A-Za-z]+", option["title"])
    assert all(word[0].isupper() or word in SMALL for word in words), option["title"]
    assert words[0][0].isupper()
    assert option["description"].endswith(".")


def test_each_option_has_a_place_of_its_own_in_a_group_that_exists() -> None:
    groups = [group["id"] for group in FORM["groups"]]
    placed = [(option["group"], option["order"]) for option in FORM["properties"].values()]

    assert {group for group, _ in placed} <= set(groups)
    assert len(set(placed)) == len(placed)
    assert [group["title"] for group in FORM["groups"]] == ["Authentication", "Data", "Performance"]
    for way in FORM["properties"]["credentials"]["oneOf"]:
        orders = [part["order"] for part in way["properties"].values()]
        assert orders == sorted(set(orders))


def test_ways_to_choose_from_are_told_apart_by_a_constant_and_what_is_secret_is_kept() -> None:
    ways = FORM["properties"]["credentials"]["oneOf"]

    assert [way["properties"]["auth_type"]["const"] for way in ways] == ["api_key", "oauth2"]
    secret = {key for key, option in OPTIONS if option.get("airbyte_secret")}
    assert secret == {"api_key"} | {
        f"credentials.{name}" for name in ("api_key", "client_id", "client_secret", "refresh_token", "access_token")
    }


def test_a_pattern_is_explained_and_examples_fit_it() -> None:
    for key, option in OPTIONS:
        if "pattern" in option:
            assert option["pattern_descriptor"], key
            assert all(re.match(option["pattern"], str(example)) for example in option["examples"]), key


# Sentences


def test_a_sentence_names_an_option_as_the_form_shows_it_with_its_key_behind() -> None:
    """What is not in the form has its key alone."""
    assert named("start_date") == "Start Date (`start_date`)"
    assert named("credentials.client_id") == "Client ID (`credentials.client_id`)"
    assert named("base_url") == "`base_url`"
    sentences = [each.sentence for each in BY_STATUS.values()] + [each.sentence for _, each in BY_FAILURE]
    keys = [key for key, option in FORM["properties"].items() if not option.get("airbyte_hidden")]

    for key in keys:
        with pytest.raises(ConfigError) as caught:
            read_settings({"api_key": "k", key: []})
        assert str(caught.value).startswith((f"{named(key)} ", "Method (`credentials.auth_type`) "))
        for sentence in sentences:
            assert f"`{key}`" not in sentence.replace(named(key), ""), sentence
    for given in ("", "2999-01-01"):
        with pytest.raises(ConfigError, match=r"^Start Date \(`start_date`\) "):
            read_settings({"api_key": "k", "start_date": given})
    assert any("Maximum Requests per Second (`max_requests_per_second`)" in each for each in sentences)
    assert any("API Key (`api_key`)" in each for each in sentences)


# The page

PAGE = (ROOT / "docs/airbyte.md").read_text(encoding="utf-8")
TEMPLATE = [
    "# Close",
    "## Prerequisites",
    "## Setup guide",
    "## Set up Close",
    "## Set up the Close connector in Airbyte",
    "### For Airbyte Open Source:",
    "## Supported sync modes",
    "## Supported Streams",
    "### Performance considerations",
    "## Limitations & Troubleshooting",
    "## Changelog",
]


def headers() -> list[str]:
    without_code = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    return re.findall(r"^#+ .*$", without_code, re.MULTILINE)


def test_the_page_has_the_sections_of_airbytes_template_in_their_order() -> None:
    assert [header for header in headers() if header in TEMPLATE] == TEMPLATE
    assert PAGE.startswith("# Close\n\n<HideInUI>\n")
    assert "The Close source connector supports the following [sync modes]" in PAGE


def test_the_prerequisites_say_what_is_required() -> None:
    section = PAGE.split("## Prerequisites")[1].split("\n## ")[0]

    assert "account" in section
    assert "API key" in section


def test_the_changelog_can_be_opened_and_has_this_version() -> None:
    changelog = PAGE.split("## Changelog")[1]

    assert re.match(r"\n\n<details>\n  <summary>Expand to review</summary>\n\n\| Version \| Date ", changelog)
    assert changelog.rstrip().endswith("</details>")
    assert f"| {source_closeio.__version__} |" in changelog


def test_airbyte_leads_to_the_page() -> None:
    assert SPEC["documentationUrl"].endswith("/blob/main/docs/airbyte.md")
    assert SPEC["documentationUrl"] == METADATA["data"]["documentationUrl"]
    assert f"`{SPEC['documentationUrl']}`" in PAGE


def test_every_stream_of_the_page_is_offered() -> None:
    section = PAGE.split("## Supported Streams")[1].split("\n## ")[0]
    permissions = PAGE.split("## Set up Close")[1].split("\n## ")[0]
    offered = {endpoint.name for endpoint in ENDPOINTS} | {"custom_field_values"}
    assert set(re.findall(r"\[`?(\w+)`?\]\(streams\.md#", section + permissions)) <= offered


# Metadata


def test_the_metadata_keeps_to_the_rules_of_connectors() -> None:
    data = METADATA["data"]

    assert {"language:python", "cdk:python"} <= set(data["tags"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", data["dockerImageTag"])
    assert data["license"] in ("MIT", "ELv2")
    assert "pypi" in data["remoteRegistries"]
    assert data["name"] == FORM["title"] == "Close"
    assert all(each["url"].startswith("https://") for each in data["externalDocumentationUrls"])


def test_the_connector_has_no_address_without_encryption() -> None:
    """But of this machine itself; `base_url` takes no other."""
    for path in [*(ROOT / "source_closeio").rglob("*.py"), ROOT / "source_closeio/spec.json", ROOT / "metadata.yaml"]:
        found = re.findall(r"http://[^\s\"'`]*", path.read_text(encoding="utf-8"))
        assert set(found) <= {"http://json-schema.org/draft-07/schema#"}, path


def test_the_icon_is_square() -> None:
    (box,) = re.findall(r'viewBox="0 0 (\d+) (\d+)"', (ROOT / "icon.svg").read_text())

    assert box[0] == box[1]
