"""Endpoints which gather several lists: /me/, /organization/{id}/, pinned views and the schemas of custom fields."""

from __future__ import annotations

from typing import Any

from close_emulator.api.rendering import fields_of
from close_emulator.lists.catalogue import RESOURCES
from close_emulator.lists.definitions import Definitions
from close_emulator.lists.maker import Maker
from close_emulator.store.encoding import dumps
from close_emulator.store.records import Store
from close_emulator.wire.answers import Answer, Query, json_answer, missing

_CREATED = "2017-07-21T09:12:13.782000+00:00"
_UPDATED = "2026-01-02T03:04:05.678000+00:00"


class Organization:
    """Answers about the organisation as a whole."""

    def __init__(self, store: Store, maker: Maker) -> None:
        self._store = store
        self._maker = maker
        self._definitions = Definitions(store)

    def answer(self, query: Query) -> Answer | None:
        """The answer, or None when the path is not one of these."""
        kind, _, rest = query.path.partition("/")
        rest = rest.rstrip("/")
        if query.path == "me/":
            return _only(self.me(), query)
        if kind == "organization" and rest:
            if rest != self._maker.organization_id:
                raise missing("Organization")
            return _only(self.organization(), query)
        if kind == "membership" and rest.endswith("/pinned_views"):
            return json_answer({"saved_view_ids": self._pinned_views(rest.partition("/")[0])})
        if kind == "custom_field_schema" and rest:
            return self._schema(rest)
        if kind == "custom_fields" and rest:
            return self._old_custom_fields(rest)
        return None

    def me(self) -> dict[str, Any]:
        """The owner of the key."""
        organization = {
            name: value for name, value in self.organization().items() if name in ("id", "name", "currency", "status")
        }
        memberships = [member for member in self._memberships() if member["user_id"] == self._maker.owner_id]
        user = self._store.find("user/", self._maker.owner_id)
        if user is not None:
            return {**user.encoded.record(), "organizations": [organization], "memberships": memberships}
        first, last = self._maker.names[self._maker.owner_id].split()
        return {
            "id": self._maker.owner_id,
            "email": "robin.owner@example.com",
            "first_name": first,
            "last_name": last,
            "image": "https://example.com/image.png",
            "date_created": _CREATED,
            "date_updated": _UPDATED,
            "email_verified_at": _CREATED,
            "last_used_timezone": "Europe/London",
            "organizations": [organization],
            "memberships": memberships,
        }

    def organization(self) -> dict[str, Any]:
        """The whole organisation, members who left included."""
        members = self._memberships()
        gone = {row.id for row in self._store.held("user/").values() if not row.encoded.value("organizations")}
        owner = self._maker.owner_id
        return {
            "id": self._maker.organization_id,
            "name": "Example Sales Inc.",
            "currency": "USD",
            "currency_symbol": "$",
            "status": "active",
            "plan_type": "enterprise",
            "billing_account_id": f"acct_{self._maker.organization_id[5:]}",
            "cancellation_date": None,
            "payment_fail_date": None,
            "trial_ends": "2017-08-04T09:12:13.782000+00:00",
            "leads_email": "leads@example.com",
            "user_count": len(members) - len(gone),
            "date_created": _CREATED,
            "date_updated": _UPDATED,
            "created_by": owner,
            "updated_by": owner,
            "memberships": [member for member in members if member["user_id"] not in gone],
            "inactive_memberships": [member for member in members if member["user_id"] in gone],
            "lead_statuses": [{"id": key, "label": label} for key, label in self._maker.lead_statuses.items()],
            "opportunity_statuses": [
                {"id": key, "label": label, "type": kind}
                for key, (label, kind) in self._maker.opportunity_statuses.items()
            ],
            "lead_custom_fields": self._records("custom_field/lead/"),
            "pipelines": self._records("pipeline/"),
        }

    def _memberships(self) -> list[dict[str, Any]]:
        held = self._records("membership/")
        if held:
            return held
        partial = {"id": f"memb_{self._maker.owner_id[5:]}", "user_id": self._maker.owner_id}
        return [self._maker.complete("membership/", partial)]

    def _pinned_views(self, membership_id: str) -> list[str]:
        """The first smart views, for everyone."""
        if all(member["id"] != membership_id for member in self._memberships()):
            raise missing("Membership")
        return list(self._store.held("saved_search/"))[:3]

    def _records(self, path: str) -> list[dict[str, Any]]:
        return [row.encoded.record() for row in self._store.held(path).values()]

    def _schema(self, rest: str) -> Answer:
        """The definitions of one object type, those it shares with others included."""
        kind, _, type_id = rest.partition("/")
        text = self._definitions.schema(kind, type_id)
        if text is None:
            raise missing("Custom Field Schema")
        return Answer(200, b'{"organization_id":%s,%s' % (dumps(self._maker.organization_id), text[1:]))

    def _old_custom_fields(self, rest: str) -> Answer | None:
        """The path of the first API version, which old clients still use."""
        kind, _, field_id = rest.partition("/")
        path = f"custom_field/{kind}/"
        if path not in RESOURCES:
            return None
        if not field_id:
            return json_answer({"has_more": False, "data": self._records(path)})
        row = self._store.find(path, field_id)
        if row is None:
            raise missing("Custom Field")
        return Answer(200, row.encoded.text)


def _only(record: dict[str, Any], query: Query) -> Answer:
    fields = fields_of(query)
    return json_answer(record if fields is None else {name: record[name] for name in fields if name in record})
