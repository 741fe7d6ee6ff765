"""Shapes of the lists a settings page shows: smart views, templates, sequences, links and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from close_emulator.lists.shapes_channels import CHANNEL_SHAPES
from close_emulator.lists.shapes_definitions import CREATORS, DEFINITION_SHAPES, named
from close_emulator.lists.shapes_records import Record, Shape, other

if TYPE_CHECKING:
    from close_emulator.lists.shapes import Maker


def _owner(maker: Maker, record: Record) -> Any:
    return maker.owner_id


_CREATOR_IDS: Shape = {"created_by_id": _owner, "updated_by_id": _owner}


def _steps(maker: Maker, record: Record) -> list[Record]:
    """An email after a day, a call after three."""
    return [
        {
            "id": maker.new_id("seqstep"),
            "step_type": kind,
            "delay": delay,
            "email_template_id": template,
            "required": True,
            "step_allowed_delay": None,
            "threading": threading,
            "date_created": record["date_created"],
            "date_updated": record["date_updated"],
            "created_by_id": maker.owner_id,
            "updated_by_id": maker.owner_id,
        }
        for kind, delay, template, threading in (
            ("email", 86_400, maker.new_id("tmpl"), "old_thread"),
            ("call", 259_200, None, None),
        )
    ]


_SCHEDULING_LINK: Shape = {
    "name": named("Link"),
    "description": None,
    "duration_in_minutes": None,
    "source": "MANUAL",
    "source_id": None,
    "source_type": None,
    "template_tag": None,
}

SETTING_SHAPES: Mapping[str, Shape] = {
    **DEFINITION_SHAPES,
    **CHANNEL_SHAPES,
    "saved_search/": {
        "name": named("Smart View"),
        "type": "lead",
        "description": None,
        "query": None,
        "s_query": {"query": {"type": "match_all", "negate": False}, "results_limit": None, "sort": []},
        "selected_fields": None,
        "is_shared": True,
        "shared_with": None,
        "sharing_settings": None,
        "is_user_dependent": False,
        "user_id": None,
    },
    "email_template/": {
        "name": named("Template"),
        "subject": "Hello",
        "body": "<p>Hello {{ contact.first_name }}</p>",
        "attachments": [],
        "is_shared": True,
        "is_archived": False,
        **CREATORS,
    },
    "sms_template/": {
        "name": named("Template"),
        "text": "Hello {{ contact.first_name }}",
        "status": "active",
        "is_shared": True,
        "owned_by": _owner,
        **CREATORS,
    },
    "sequence/": {
        "name": named("Sequence"),
        "status": "active",
        "schedule": None,
        "schedule_id": None,
        "timezone": "America/New_York",
        "steps": _steps,
        "trigger_query": None,
        "allow_manual_enrollment": True,
        **_CREATOR_IDS,
    },
    "sequence_subscription/": {
        "sequence_id": other("seq"),
        "contact_id": other("cont"),
        "contact_email": "customer@example.com",
        "lead_id": other("lead"),
        "status": "active",
        "status_reason": None,
        "start_date": None,
        "calls_assigned_to": lambda maker, record: [maker.person()],
        "sender_account_id": None,
        "sender_name": "Robin Owner",
        "sender_email": "sales@example.com",
        **_CREATOR_IDS,
    },
    "outcome/": {
        "name": named("Outcome"),
        "description": None,
        "applies_to": ["calls", "meetings"],
        "type": "custom",
        **CREATORS,
    },
    "form/": {"name": named("Form"), "field_definitions": [], "is_archived": False},
    "playbook/": {
        "name": named("Playbook"),
        "description": None,
        "custom_field_ids": [],
        "outcome_ids": [],
        "position": None,
        "summary_guidance": None,
        "archived_at": None,
        "archived_by_id": None,
        **_CREATOR_IDS,
    },
    "integration_link/": {
        "name": named("Link"),
        "url": "https://example.com/{{ lead.id }}",
        "type": "lead",
        **CREATORS,
    },
    "webhook/": {
        "url": "https://example.com/hook",
        "status": "active",
        "events": [{"object_type": "lead", "action": "created"}],
        "verify_ssl": True,
        "signature_key": lambda maker, record: f"{maker.number(0, 2**60):064x}",
        "counters": {},
        "health_status": "healthy",
        "latest_error": None,
        "pause_reason": None,
        "recent_consecutive_fail_buckets_cnt": 0,
        **CREATORS,
    },
    "comment/": {
        "thread_id": other("comthr"),
        "lead_id": other("lead"),
        "body": "<body><p>Well done</p></body>",
        "mentions": [],
        "removed_at": None,
        "removed_by": None,
        **CREATORS,
    },
    "comment_thread/": {
        "object_id": other("acti"),
        "object_type": "activity.note",
        "lead_id": other("lead"),
        "num_comments": 1,
        "participating": lambda maker, record: [maker.person()],
    },
    "scheduling_link/": {
        **_SCHEDULING_LINK,
        "url": "https://example.com/schedule",
        "type": "USER",
        "user_id": _owner,
        "oauth_client_id": None,
    },
    "shared_scheduling_link/": {**_SCHEDULING_LINK, "url": None, "type": "SHARED", "user_id": None},
}
