"""Shapes of what an organisation defines for itself: custom fields, types and objects, statuses, roles and groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from close_emulator.lists.shapes_records import PERMISSIONS, Make, Record, Shape, author, other

if TYPE_CHECKING:
    from close_emulator.lists.shapes import Maker


def named(kind: str) -> Make:
    """A name that differs from record to record."""
    return lambda maker, record: f"{kind} {str(record['id'])[-4:]}"


CREATORS: Shape = {"created_by": author, "updated_by": author}

# `converting_to_type` is there only while Close converts the values of a field.
_SHARED_FIELD: Shape = {
    "name": named("Field"),
    "description": None,
    "type": "text",
    "accepts_multiple_values": False,
    "referenced_custom_type_id": None,
    "back_reference_is_visible": False,
    "is_shared": True,
    "always_visible": True,
    "associations": [],
    **CREATORS,
}
_FIELD: Shape = {
    **{name: value for name, value in _SHARED_FIELD.items() if name != "associations"},
    "is_shared": False,
    "editable_with_roles": [],
}
_PLAIN_FIELD: Shape = {**_FIELD, "choices": None, "enrichment_enabled": False, "enrichment_options": None}

_TYPE: Shape = {
    "name": named("Type"),
    "description": None,
    "api_create_only": False,
    "editable_with_roles": [],
    "fields": [],
    **CREATORS,
}


def _pipeline_statuses(maker: Maker, record: Record) -> list[Record]:
    return [{"id": key, "label": label, "type": kind} for key, (label, kind) in maker.opportunity_statuses.items()]


DEFINITION_SHAPES: Mapping[str, Shape] = {
    **{f"custom_field/{kind}/": _PLAIN_FIELD for kind in ("lead", "contact", "opportunity")},
    "custom_field/activity/": {**_FIELD, "custom_activity_type_id": other("actitype"), "required": False},
    "custom_field/custom_object_type/": {**_FIELD, "custom_object_type_id": other("cotype"), "required": False},
    "custom_field/shared/": _SHARED_FIELD,
    "custom_activity/": {**_TYPE, "is_archived": False},
    "custom_object_type/": {**_TYPE, "name_plural": named("Types"), "back_reference_fields": []},
    "custom_object/": {
        "custom_object_type_id": other("cotype"),
        "lead_id": other("lead"),
        "name": named("Object"),
        **CREATORS,
    },
    "status/lead/": {"label": "Potential", "color": None},
    "status/opportunity/": {
        "label": "Active",
        "type": "active",
        "pipeline_id": lambda maker, record: maker.pipeline_id,
    },
    "pipeline/": {"name": "Sales", "statuses": _pipeline_statuses, **CREATORS},
    "role/": {
        "name": named("Role"),
        "editable": True,
        "permissions": list(PERMISSIONS),
        "visibility_user_lcf_ids": [],
        "visibility_user_lcf_behavior": None,
    },
    "group/": {
        "name": named("Group"),
        "members": lambda maker, record: [
            {"user_id": user} for user in dict.fromkeys((maker.owner_id, maker.person()))
        ],
    },
}
