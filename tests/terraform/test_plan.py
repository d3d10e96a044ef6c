"""What a plan for production makes: the catalog as Python reads it, and nobody with too much power."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from contracts import Catalog, Queue, load_catalog
from handlers.app import create_app
from handlers.settings import HandlerSettings
from lanes import LanesSettings
from lanes.telemetry import READ, TOLD
from producers import LocalDefault
from producers.backend_settings import BackendSettings
from tests.terraform.terraform import ROOT, Plan, Terraform, TerraformError

ROLES = {
    "backend": {
        "roles/cloudtasks.enqueuer",
        "roles/datastore.user",
        "roles/iam.serviceAccountUser",
        "roles/logging.logWriter",
        "roles/monitoring.metricWriter",
        "roles/pubsub.publisher",
        "roles/secretmanager.secretAccessor",
        "roles/storage.objectUser",
        "roles/telemetry.tracesWriter",
    },
    "handlers": {
        "roles/cloudtasks.enqueuer",
        "roles/datastore.user",
        "roles/firebasecloudmessaging.admin",
        "roles/iam.serviceAccountUser",
        "roles/logging.logWriter",
        "roles/monitoring.metricWriter",
        "roles/pubsub.publisher",
        "roles/secretmanager.secretAccessor",
        "roles/storage.objectUser",
        "roles/telemetry.tracesWriter",
    },
    "dead-letters": {
        "roles/datastore.user",
        "roles/logging.logWriter",
        "roles/storage.objectUser",
        "roles/telemetry.tracesWriter",
    },
    "tasks": {"roles/run.invoker"},
    "pushes": {"roles/run.invoker"},
    "scheduler": {"roles/run.invoker"},
    "gcp-sa-pubsub": {"roles/pubsub.publisher", "roles/pubsub.subscriber"},
}
"""All that each account may have; what is not here is refused."""


@pytest.fixture
async def catalog() -> Catalog:
    return await asyncio.to_thread(load_catalog, ROOT / "queues.yaml")


@pytest.mark.timeout(120)
async def test_a_plan_for_production(terraform: Terraform, catalog: Catalog) -> None:
    """One plan, since each takes seconds; what it must be is below."""
    plan = await terraform.plan()
    resolved_alike(plan, catalog)
    everybody_calls_the_backend_alone(plan)
    nobody_has_more_than_listed(plan)
    every_queue_has_alerts_and_a_dead_letter_topic(plan, catalog)
    every_dead_letter_topic_is_kept(plan)
    no_secret_is_in_the_plan(plan)
    services_are_told_what_they_must_be(plan)
    what_is_watched_is_measured(plan)
    every_scheduled_call_has_its_route(plan)


def resolved_alike(plan: Plan, catalog: Catalog) -> None:
    """Terraform merges defaults and overrides as Python does."""
    resolved = plan.output("resolved_queues")
    assert {name: Queue.model_validate({**queue, "name": name}) for name, queue in resolved.items()} == {
        queue.name: queue for queue in catalog
    }


def members(plan: Plan) -> list[tuple[str, str, str]]:
    """Address, role and member of every grant."""
    found = []
    for type_ in (
        "google_artifact_registry_repository_iam_member",
        "google_cloud_run_v2_service_iam_member",
        "google_cloud_tasks_queue_iam_member",
        "google_project_iam_member",
        "google_pubsub_subscription_iam_member",
        "google_pubsub_topic_iam_member",
        "google_secret_manager_secret_iam_member",
        "google_service_account_iam_member",
        "google_storage_bucket_iam_member",
    ):
        found += [(address, each["role"], each["member"]) for address, each in plan.resources(type_).items()]
    return found


def everybody_calls_the_backend_alone(plan: Plan) -> None:
    public = [
        address for address, _, member in members(plan) if member in ("allUsers", "allAuthenticatedUsers")
    ]
    assert public == ['module.service["backend"].google_cloud_run_v2_service_iam_member.invoker["everybody"]']


def nobody_has_more_than_listed(plan: Plan) -> None:
    granted: dict[str, set[str]] = {}
    for _, role, member in members(plan):
        if member != "allUsers":
            found = re.fullmatch(
                r"serviceAccount:(?:sidelane-([a-z-]+)@|service-\d+@(gcp-sa-pubsub)).*", member
            )
            assert found, member
            granted.setdefault(found[1] or found[2], set()).add(role)
    assert granted == ROLES
    for role in (role for roles in granted.values() for role in roles):
        assert role not in ("roles/owner", "roles/editor", "roles/viewer")


def every_queue_has_alerts_and_a_dead_letter_topic(plan: Plan, catalog: Catalog) -> None:
    policies = plan.resources("google_monitoring_alert_policy").values()
    queries: dict[str, list[str]] = {}
    for policy in policies:
        (condition,) = policy["conditions"]
        (query,) = condition["condition_prometheus_query_language"]
        queries.setdefault((policy["user_labels"] or {}).get("queue", ""), []).append(query["query"])
    topics = {each["name"] for each in plan.resources("google_pubsub_topic").values()}
    for queue in catalog.cloud_tasks_queues():
        assert len(queries[queue.name]) == 4
        assert all(f'queue_id="{queue.name}"' in query for query in queries[queue.name])
    assert {queue.dead_letter_topic for queue in catalog} <= topics


def every_dead_letter_topic_is_kept(plan: Plan) -> None:
    """Each has a subscription that never expires, and whoever buries may publish to it."""
    subscriptions = plan.resources("google_pubsub_subscription")
    publishers = {
        address.rpartition('"]')[0].rpartition('["')[2]
        for address, role, _ in members(plan)
        if role == "roles/pubsub.publisher" and "buries" in address
    }
    letters = {
        each["name"]
        for address, each in plan.resources("google_pubsub_topic").items()
        if "dead_letters" in address
    }
    kept = {each["name"]: each for address, each in subscriptions.items() if "dead_letter_push" in address}
    assert kept.keys() == letters == publishers
    for each in subscriptions.values():
        assert each["expiration_policy"] == [{"ttl": ""}]
        assert each["push_config"][0]["oidc_token"][0]["audience"]


def no_secret_is_in_the_plan(plan: Plan) -> None:
    assert plan.resources("google_secret_manager_secret_version") == {}
    for service in plan.resources("google_cloud_run_v2_service").values():
        for variable in environment(service).items():
            name, value = variable
            if re.search("KEY|SECRET|TOKEN|PASSWORD", name):
                assert re.fullmatch(
                    r"projects/[^/]+/secrets/[^/]+/versions/[^/]+|.*google_secret_manager.*", value
                )


def services_are_told_what_they_must_be(plan: Plan) -> None:
    """Every setting without which a service does not start, and none that it does not have."""
    for address, service in plan.resources("google_cloud_run_v2_service").items():
        is_backend = '"backend"' in address
        settings = BackendSettings if is_backend else HandlerSettings
        fields = {f"SIDELANE_{name.upper()}": field for name, field in settings.model_fields.items()}
        lanes = {f"SIDELANE_{name.upper()}" for name in LanesSettings.model_fields}
        needed = {
            name
            for name, field in fields.items()
            if any(isinstance(mark, LocalDefault) for mark in field.metadata)
        }
        told = {each["name"] for each in service["template"][0]["containers"][0]["env"]}
        assert needed <= told, address
        assert {name for name in told if name.startswith("SIDELANE_")} <= fields.keys() | lanes, address


def every_scheduled_call_has_its_route(plan: Plan) -> None:
    routes = create_app(HandlerSettings()).openapi()["paths"]
    jobs = plan.resources("google_cloud_scheduler_job")
    called = {job["http_target"][0]["uri"].partition(".run.app")[2] for job in jobs.values()}
    assert called == {"/admin/reconcile", "/admin/blobs/sweep"}
    for path in called:
        assert "post" in routes[path]


def what_is_watched_is_measured(plan: Plan) -> None:
    """Alerts and the dashboard ask for metrics of ours that there are."""
    watched = [
        condition["condition_prometheus_query_language"][0]["query"]
        for policy in plan.resources("google_monitoring_alert_policy").values()
        for condition in policy["conditions"]
    ]
    watched += [each["dashboard_json"] for each in plan.resources("google_monitoring_dashboard").values()]
    rows = {**TOLD, **READ}
    measured = {f"{name}_total" if row.kind == "counter" else name for name, row in rows.items()}
    measured |= {f"{name}_bucket" for name, row in rows.items() if row.kind == "histogram"}
    asked = {name for text in watched for name in re.findall(r"\b(?:sidelane|asyncio)_\w+", text)}
    assert asked
    assert asked <= measured


def environment(service: Mapping[str, Any]) -> dict[str, str]:
    """The variables of a service, without those whose value is known only when it is applied."""
    variables = service["template"][0]["containers"][0]["env"]
    return {each["name"]: each["value"] for each in variables if each.get("value") is not None}


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("project_id", "Not_A_Project", "project_id: 6 to 30 lower-case letters"),
        ("environment", "staging", "environment: dev or prod."),
        ("region", "us-central1-a", "region: a region such as us-central1"),
        ("paused_queues", '["emails"]', "only queues of the catalog can be paused"),
        ("admins", '["user:ann@example.com"]', "admins: plain emails"),
        (
            "images",
            json.dumps({"backend": "b:latest", "handlers": "h", "dead_letters": "d"}),
            "in prod each one is pinned by its digest",
        ),
    ],
)
async def test_a_wrong_variable_is_refused(
    terraform: Terraform, variable: str, value: str, told: str
) -> None:
    with pytest.raises(TerraformError) as refused:
        await terraform("plan", *terraform.variables, f"-var={variable}={value}")
    assert told in " ".join(refused.value.args[0].replace("│", " ").split())


async def test_an_argument_that_the_provider_does_not_have_is_refused(terraform: Terraform) -> None:
    await terraform("validate")
    queue = terraform.path("modules/task_queue/main.tf")
    text = await asyncio.to_thread(queue.read_text)
    misspelt = text.replace("max_concurrent_dispatches =", "max_concurrent_dispatch =", 1)
    await asyncio.to_thread(queue.write_text, misspelt)
    with pytest.raises(
        TerraformError, match=r"An argument named \"max_concurrent_dispatch\" is not expected"
    ):
        await terraform("validate")


async def test_the_files_are_formatted(program: str) -> None:
    formatted = Terraform(program, Path(), provider=None)
    await formatted("fmt", "-check", "-recursive", "-diff")


@pytest.mark.timeout(120)
async def test_the_real_provider_takes_the_configuration(program: str, tmp_path: Path) -> None:
    """Where its registry is reached; elsewhere the stand-in speaks for it."""
    real = Terraform(program, tmp_path / "real", provider=None)
    try:
        await real.open()
    except TerraformError as error:
        pytest.skip(f"the google provider cannot be had here: {' '.join(str(error).split())[:200]}")
    await real("validate")
