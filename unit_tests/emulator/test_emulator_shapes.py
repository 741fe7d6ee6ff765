"""What rows look like: the documented properties, some of them null, and moments as each list spells them."""

import re
from datetime import datetime, timezone

import pytest

from close_emulator import Emulator
from close_emulator.lists.catalogue import RESOURCES
from close_emulator.lists.shapes_records import TASK_TYPES
from close_emulator.world.seed_rows import ROWS

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=timezone.utc)
MADE = "date_created date_updated created_by updated_by"
BULK = (
    f"id organization_id {MADE} status query s_query sort results_limit n_leads n_leads_processed n_objects"
    " n_objects_processed send_done_email"
)
LINK = "id organization_id name description duration_in_minutes source source_id source_type template_tag type url"
FIELD = f"id organization_id {MADE} name description type accepts_multiple_values"
# The properties in the examples of Close's documentation.
DOCUMENTED = {
    "blocked_phone_number/": f"id organization_id {MADE} phone reason",
    "bulk_action/delete/": f"{BULK} bulk_object_type",
    "bulk_action/edit/": f"{BULK} type custom_field_name custom_field_value lead_status_id",
    "bulk_action/email/": f"{BULK} contact_preference email_account_id sender template_id",
    "bulk_action/sequence_subscription/": (
        f"{BULK} action_type calls_assigned_to contact_preference from_phone_number_id sender_account_id sender_email"
        " sender_name sequence_id"
    ),
    "comment/": (
        "id organization_id body created_at created_by lead_id mentions removed_at removed_by thread_id updated_at"
        " updated_by"
    ),
    "comment_thread/": (
        "id organization_id created_at lead_id num_comments object_id object_type participating updated_at"
    ),
    "connected_account/": (
        "_type available_calendars available_features calendar_receive_status calendly date_created default_identity"
        " email email_receive_status enabled_features has_meeting_creation_scopes id identities imap"
        " is_imap_archive_sync_enabled latest_receive_error latest_send_error lead_suggestions_updated_at"
        " organization_id receive_status send_status smtp sync_all_calendars synced_calendars user_id"
        " zoom_account_plan"
    ),
    "custom_activity/": (
        f"id organization_id {MADE} name description api_create_only editable_with_roles fields is_archived"
    ),
    "custom_field/activity/": f"{FIELD} editable_with_roles custom_activity_type_id required",
    "custom_field/custom_object_type/": f"{FIELD} editable_with_roles custom_object_type_id required",
    "custom_field/lead/": f"{FIELD} editable_with_roles choices",
    "custom_field/shared/": f"{FIELD} associations",
    "custom_object/": f"id organization_id {MADE} custom_object_type_id lead_id name",
    "custom_object_type/": (
        f"id organization_id {MADE} name name_plural description api_create_only editable_with_roles fields"
        " back_reference_fields"
    ),
    "dialer/": (
        "id organization_id date_created date_updated caller_id is_user_dependent music_preference ring_mode"
        " source_type source_value status type user_id users"
    ),
    "email_template/": f"id organization_id {MADE} attachments body is_archived is_shared name subject",
    "export/": (
        f"id organization_id {MADE} date_format download_url fields format n_docs n_docs_processed results_limit"
        " s_query send_done_email sort status type"
    ),
    "group/": "id organization_id name members",
    "integration_link/": f"id organization_id {MADE} name type url",
    "outcome/": f"id organization_id {MADE} name description applies_to type",
    "phone_number/": (
        "address_id bundle_id carrier carrier_type country date_created date_updated forward_to forward_to_enabled"
        " forward_to_formatted id inbound_ring_duration is_group_number is_premium is_verified label"
        " last_billed_price mms_enabled next_billing_on number number_formatted organization_id participants"
        " phone_numbers phone_numbers_formatted press_1_to_accept sms_enabled supports_mms_to_countries"
        " supports_sms_to_countries type user_id voicemail_greeting_url was_ported"
    ),
    "pipeline/": f"id organization_id {MADE} name statuses",
    "playbook/": (
        "archived_at archived_by_id created_at created_by_id custom_field_ids description id name organization_id"
        " outcome_ids position summary_guidance updated_at updated_by_id"
    ),
    "role/": "id editable name permissions visibility_user_lcf_behavior visibility_user_lcf_ids",
    "saved_search/": (
        "date_created date_updated description id is_shared is_user_dependent name organization_id query s_query"
        " selected_fields shared_with sharing_settings type user_id"
    ),
    "scheduling_link/": f"{LINK} oauth_client_id user_id",
    "send_as/": "id organization_id allowed_user_id allowing_user_id",
    "sequence/": (
        "created_by_id date_created date_updated id name organization_id schedule status steps timezone updated_by_id"
    ),
    "sequence_subscription/": (
        "calls_assigned_to contact_email contact_id created_by_id date_created date_updated id lead_id"
        " organization_id sender_account_id sender_email sender_name sequence_id start_date status status_reason"
        " updated_by_id"
    ),
    "shared_scheduling_link/": f"{LINK} user_id",
    "sms_template/": f"id organization_id {MADE} is_shared name owned_by status text",
    "status/lead/": "id label organization_id",
    "status/opportunity/": "id label organization_id pipeline_id type",
    "unsubscribe/email/": "email",
    "webhook/": (
        f"id {MADE} counters events health_status latest_error pause_reason recent_consecutive_fail_buckets_cnt"
        " signature_key status url verify_ssl"
    ),
}
TASKS = {
    "lead": "text is_dateless",
    "outgoing_call": (
        "agent_config_id deduplication_key is_primary_lead_notification resolution sequence_id"
        " sequence_subscription_id step_id text"
    ),
    "incoming_email": "body_preview emails subject",
    "email_followup": "body_preview email_id subject",
    "missed_call": "local_phone phone phone_formatted phone_number_description",
    "answered_detached_call": "phone phone_formatted phone_number_description recording_url",
    "voicemail": "local_phone phone voicemail_duration voicemail_url",
    "incoming_sms": "attachments local_phone remote_phone remote_phone_description remote_phone_formatted text",
    "opportunity_due": (
        "opportunity_note opportunity_value opportunity_value_currency opportunity_value_formatted"
        " opportunity_value_period"
    ),
}
NAIVE = {
    "custom_activity/",
    "custom_object_type/",
    "dialer/",
    "pipeline/",
    "sequence/",
    "sequence_subscription/",
    "sms_template/",
    "webhook/",
}
EXACT = {"blocked_phone_number/", "comment/", "comment_thread/", "outcome/", "playbook/"}


@pytest.fixture(scope="module")
def organisation():
    return Emulator(now=NOW, users=12, leads=5, contacts=5, activities=20, comments=5, sequence_subscriptions=5)


@pytest.mark.parametrize("path", sorted(DOCUMENTED))
def test_rows_have_the_documented_properties(path):
    (row,) = Emulator(now=NOW).add(path, {})
    assert set(DOCUMENTED[path].split()) <= row.keys()


@pytest.mark.parametrize("kind", TASK_TYPES)
def test_tasks_have_the_properties_of_their_type(kind):
    (row,) = Emulator(now=NOW).add("task/", {"_type": kind})
    assert set(TASKS[kind].split()) <= row.keys()
    assert (row["object_id"] is None) == (kind in ("lead", "outgoing_call"))
    assert row["id"].startswith("task_" if kind == "lead" else "noti_")


@pytest.mark.parametrize("path", sorted(set(RESOURCES) - {"event/", "activity/"}))
def test_moments_are_spelled_as_the_list_spells_them(path):
    (row,) = Emulator(now=NOW).add(path, {})
    spelled = {
        **dict.fromkeys(NAIVE, "2026-03-01T12:00:00.250000"),
        **dict.fromkeys(EXACT, "2026-03-01T12:00:00.250000+00:00"),
    }
    for stamp in RESOURCES[path].stamps:
        assert row[stamp] == spelled.get(path, "2026-03-01T12:00:00.250000+00:00")
    (whole,) = Emulator(now=NOW.replace(microsecond=0)).add(path, {})
    for stamp in RESOURCES[path].stamps:
        assert ("." in whole[stamp]) == (path in NAIVE | EXACT)


@pytest.mark.parametrize("path", sorted(path for path, rows in ROWS.items() if len(rows) > 1))
def test_seeded_rows_are_not_all_alike(organisation, path):
    rows = organisation.all(path)
    assert len({row[RESOURCES[path].key] for row in rows}) == len(rows) == len(ROWS[path])
    assert all(row.keys() == rows[0].keys() for row in rows)
    own = {RESOURCES[path].key, "name", "number", "number_formatted", "phone"}
    assert any(row[name] != rows[0][name] for row in rows for name in row if name not in own)


def test_unsubscribed_emails_have_no_id(emulate):
    close, client = emulate(leads=1)
    rows = client.get("unsubscribe/email/").json["data"]
    assert {row["email"] for row in rows} == close.ids("unsubscribe/email/")
    assert not any("id" in row for row in rows)
    close.delete(rows[0]["email"])
    assert len(client.get("unsubscribe/email/").json["data"]) == len(rows) - 1
    (event,) = (event for event in close.all("event/") if event["object_type"] == "unsubscribed_email")
    assert event["object_id"] == rows[0]["email"]


def test_secrets_are_there_to_be_kept(organisation):
    (mail,) = (row for row in organisation.all("connected_account/") if row["_type"] == "custom_email")
    assert mail["smtp"]["password"] != mail["imap"]["password"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", row["signature_key"]) for row in organisation.all("webhook/"))


def test_members_of_an_organisation(emulate):
    close, client = emulate(users=12)
    organisation = client.get(f"organization/{close.organization_id}/").json
    documented = (
        "id user_id user_email user_first_name user_last_name user_full_name user_phone role_id permissions_granted"
        " track_email_opens auto_record_calls plan_type default_caller_id hangup_recording_url is_free"
        " may_workflows_impersonate onboarding_status primary_personal_number organization_id"
    )
    for member in organisation["memberships"] + organisation["inactive_memberships"]:
        assert set(documented.split()) <= member.keys()
    (mine,) = client.get("me/").json["memberships"]
    assert mine in organisation["memberships"]
