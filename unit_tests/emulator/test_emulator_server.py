"""HTTP, authentication, rate limits, faults, the clock and what is recorded."""

import gzip
import http.client
import json
import threading
import zlib
from datetime import datetime, timezone

import pytest

from close_emulator import Behaviour, Sizes, faults
from unit_tests.emulator.conftest import Emulate, Records


def test_missing_slash_redirects(emulate: Emulate) -> None:
    _, client = emulate()
    reply = client.get("lead", _limit=1)
    assert (reply.status, reply.headers["location"]) == (301, "/api/v1/lead/?_limit=1")


def test_unknown_paths(emulate: Emulate) -> None:
    _, client = emulate()
    outside = client.send("GET", "/elsewhere/")
    assert outside.status == 404
    assert outside.headers["content-type"].startswith("text/html")
    assert client.get("nonsense/").json == {"error": "Not Found"}
    assert client.get("lead/lead_x/").json == {"error": "Empty query: Lead matching query does not exist."}


def test_keys(emulate: Emulate) -> None:
    close, client = emulate()
    assert client.get("me/").status == 200
    assert client.get("me/", {"Authorization": "Basic Og=="}).status == 401
    assert client.get("me/", {"Authorization": "nonsense"}).json == {"error": "Unauthorized"}
    close.behaviour.api_key = "other"
    assert client.get("me/").status == 401


def test_me_and_organization(emulate: Emulate) -> None:
    close, client = emulate(Sizes(users=12))
    me = client.get("me/").json
    assert me["id"] == close.user_id
    assert me["organizations"][0]["id"] == close.organization_id
    organization = client.get(f"organization/{close.organization_id}/").json
    assert len(organization["memberships"]) == 11
    assert len(organization["inactive_memberships"]) == 1
    assert client.get("organization/orga_x/").status == 404
    assert len(client.get("user/").ids) == 12


def test_custom_field_schema_includes_shared_fields(emulate: Emulate) -> None:
    close, client = emulate()
    close.add("custom_field/lead/", {"id": "cf_own"})
    close.add("custom_field/shared/", {"id": "cf_shared", "associations": [{"object_type": "lead"}]})
    assert [row["id"] for row in client.get("custom_field_schema/lead/").json["fields"]] == ["cf_own", "cf_shared"]
    assert client.get("custom_fields/lead/").ids == ["cf_own"]
    assert client.get("custom_fields/lead/cf_own/").json["id"] == "cf_own"


def test_refused_paths(emulate: Emulate) -> None:
    _, client = emulate(behaviour=Behaviour(refused={"send_as/": 402}))
    assert client.get("send_as/").status == 402


def test_rate_limit_and_its_dialects(emulate: Emulate) -> None:
    close, client = emulate(behaviour=Behaviour(rate_limit=1))
    assert client.get("me/").headers["ratelimit"].startswith("limit=1, remaining=0, reset=")
    refused = client.get("me/")
    assert refused.status == 429
    assert refused.headers["retry-after"] == "1"
    assert isinstance(refused.json["error"]["rate_reset"], float)
    assert client.get("user/").status == 200
    close.behaviour.rate_limit_body = "flat"
    close.behaviour.rate_limit_headers = "semicolons"
    flat = client.get("me/")
    assert isinstance(flat.json["rate_reset"], str)
    assert flat.headers["ratelimit"].startswith("limit=1; remaining=0; reset=")
    close.behaviour.rate_limit_headers = "old"
    assert client.get("me/").headers["x-rate-limit-limit"] == "1"
    close.behaviour.rate_limit_headers = "none"
    assert "ratelimit" not in client.get("me/").headers


def test_gzip_when_accepted(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("lead/", *records("lead", 3))
    packed = client.get("lead/", {"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json == client.get("lead/").json
    assert "content-encoding" not in client.get("lead/").headers
    close.behaviour.gzip = False
    assert "content-encoding" not in client.get("lead/", {"Accept-Encoding": "gzip"}).headers


def test_clock_sets_the_date_header_and_new_records(emulate: Emulate) -> None:
    close, client = emulate(now=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=timezone.utc))
    (lead,) = close.add("lead/", {})
    assert lead["date_created"] == "2026-01-02T03:04:05.678000+00:00"
    assert client.get("me/").headers["date"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    close.now = datetime(2026, 1, 3, tzinfo=timezone.utc)
    assert close.edit(lead["id"], name="x")["date_updated"] == "2026-01-03T00:00:00+00:00"


def test_requests_are_recorded(emulate: Emulate) -> None:
    close, client = emulate()
    client.get("activity/call/", _limit=5)
    client.post("data/search/", {"query": None})
    first, second = close.requests
    assert (first.method, first.path, first.params, first.body, first.status) == (
        "GET",
        "activity/call/",
        {"_limit": "5"},
        None,
        200,
    )
    assert (second.path, second.body, second.status) == ("data/search/", {"query": None}, 400)
    assert second.headers["content-type"] == "application/json"
    assert first.started <= first.ended
    close.forget_requests()
    assert close.requests == []


def test_hook_drifts_while_paging(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("contact/", *records("cont", 4))
    assert client.get("contact/", _limit=2).ids == ["cont_003", "cont_002"]
    close.on_request = lambda request: close.add("contact/", {"id": "cont_new"})
    assert client.get("contact/", _limit=2, _skip=2).ids == ["cont_002", "cont_001"]


def test_requests_in_flight(emulate: Emulate) -> None:
    close, client = emulate()
    barrier = threading.Barrier(3)
    close.on_request = lambda request: barrier.wait(5)
    host = close.base_url.split("/")[2]

    def get() -> None:
        connection = http.client.HTTPConnection(host, timeout=5)
        connection.request("GET", "/api/v1/me/", headers={"Authorization": "Basic YTo="})
        connection.getresponse().read()
        connection.close()

    threads = [threading.Thread(target=get) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert close.max_in_flight == 3
    close.on_request = None
    close.forget_requests()
    client.get("me/")
    assert close.max_in_flight == 1


def test_scripts_count(emulate: Emulate) -> None:
    close, client = emulate()
    close.fail(faults.every(3, faults.server_error(502)))
    assert [client.get("me/").status for _ in range(6)] == [200, 200, 502, 200, 200, 502]
    close.heal()
    close.fail(faults.times(2, faults.not_json()), path="user/")
    assert client.get("me/").status == 200
    assert [client.get("user/").raw.endswith(b"}") for _ in range(3)] == [False, False, True]
    close.heal()
    close.fail(faults.first(3, faults.server_error(500), faults.html_ok()))
    assert [client.get("me/").status for _ in range(4)] == [500, 200, 500, 200]
    close.heal()
    close.fail(faults.once(faults.answer(418, {"error": "tea"})))
    assert [client.get("me/").status for _ in range(2)] == [418, 200]


def test_rate_limited_fault(emulate: Emulate) -> None:
    close, client = emulate()
    close.fail(faults.once(faults.rate_limited("flat", reset="0.595956", headers="old")))
    reply = client.get("me/")
    assert (reply.status, reply.json["rate_reset"], reply.headers["x-rate-limit-remaining"]) == (429, "0.595956", "0")
    close.fail(faults.once(faults.rate_limited()))
    reply = client.get("me/")
    assert reply.json["error"]["rate_reset"] == 0.05
    assert reply.headers["retry-after"] == "1"


def test_html_faults(emulate: Emulate) -> None:
    close, client = emulate()
    close.fail(faults.once(faults.html_ok()))
    reply = client.get("me/")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    close.fail(faults.once(faults.server_error(504, html=False)))
    assert client.get("me/").raw == b""


def test_reset_fault(emulate: Emulate) -> None:
    close, client = emulate()
    close.fail(faults.once(faults.reset()))
    with pytest.raises(ConnectionResetError):
        client.get("me/")
    assert close.requests[-1].status == 0
    client.close()
    assert client.get("me/").status == 200


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_cut_body(emulate: Emulate, records: Records, encoding: str) -> None:
    close, client = emulate()
    close.add("lead/", *records("lead", 3))
    close.fail(faults.once(faults.cut_body()))
    with pytest.raises(http.client.IncompleteRead):
        client.get("lead/", {"Accept-Encoding": encoding})


def test_quietly_cut_gzip(emulate: Emulate, records: Records) -> None:
    close, client = emulate()
    close.add("lead/", *records("lead", 3))
    close.fail(faults.once(faults.cut_gzip_quietly()))
    with pytest.raises((EOFError, zlib.error, gzip.BadGzipFile)):
        client.get("lead/", {"Accept-Encoding": "gzip"})
    close.fail(faults.once(faults.cut_gzip_quietly()))
    with pytest.raises(json.JSONDecodeError):
        _ = client.get("lead/").json


def test_slow_answer(emulate: Emulate) -> None:
    close, client = emulate()
    close.fail(faults.once(faults.slow(0.02)))
    assert client.get("me/").status == 200
    assert close.requests[0].ended - close.requests[0].started >= 0.02
    close.latency = 0.02
    client.get("me/")
    assert close.requests[1].ended - close.requests[1].started >= 0.02


def test_control_endpoints(emulate: Emulate) -> None:
    close, client = emulate(Sizes(leads=20, contacts=20, activities=40, tasks=10, opportunities=10))
    client.get("lead/")
    stats = client.send("GET", "/_emulator/stats").json
    assert (stats["requests"], stats["by_path"], stats["max_in_flight"]) == (1, {"lead/": 1}, 1)
    assert stats["bytes"] > 1000
    client.send("POST", "/_emulator/reset-stats")
    assert client.send("GET", "/_emulator/stats").json["requests"] == 0
    assert len(client.send("GET", "/_emulator/ids?path=lead/").json) == 20
    assert client.send("POST", "/_emulator/evolve").json["lead/ created"] == 1
    assert len(close.ids("lead/")) == 20  # one made, one deleted
    assert client.send("GET", "/_emulator/nonsense").status == 404
