"""Which resources the stand-in has: where the wheel describes each, and what cannot be changed in place."""

from __future__ import annotations

from tests.terraform.provider.schema import Body
from tests.terraform.provider.wheel import Wheel

RESOURCES = {
    "google_artifact_registry_repository": ("artifactregistry/repository", "Repository"),
    "google_artifact_registry_repository_iam_member": (
        "artifactregistry/repository_iam_member",
        "RepositoryIamMember",
    ),
    "google_cloud_run_v2_service": ("cloudrunv2/service", "Service"),
    "google_cloud_run_v2_service_iam_member": ("cloudrunv2/service_iam_member", "ServiceIamMember"),
    "google_cloud_scheduler_job": ("cloudscheduler/job", "Job"),
    "google_cloud_tasks_queue": ("cloudtasks/queue", "Queue"),
    "google_cloud_tasks_queue_iam_member": ("cloudtasks/queue_iam_member", "QueueIamMember"),
    "google_firestore_database": ("firestore/database", "Database"),
    "google_firestore_field": ("firestore/field", "Field"),
    "google_firestore_index": ("firestore/index", "Index"),
    "google_logging_metric": ("logging/metric", "Metric"),
    "google_monitoring_alert_policy": ("monitoring/alert_policy", "AlertPolicy"),
    "google_monitoring_custom_service": ("monitoring/custom_service", "CustomService"),
    "google_monitoring_dashboard": ("monitoring/dashboard", "Dashboard"),
    "google_monitoring_notification_channel": ("monitoring/notification_channel", "NotificationChannel"),
    "google_monitoring_slo": ("monitoring/slo", "Slo"),
    "google_project_iam_member": ("projects/iam_member", "IAMMember"),
    "google_project_service": ("projects/service", "Service"),
    "google_pubsub_subscription": ("pubsub/subscription", "Subscription"),
    "google_pubsub_subscription_iam_member": ("pubsub/subscription_iam_member", "SubscriptionIAMMember"),
    "google_pubsub_topic": ("pubsub/topic", "Topic"),
    "google_pubsub_topic_iam_member": ("pubsub/topic_iam_member", "TopicIAMMember"),
    "google_secret_manager_secret": ("secretmanager/secret", "Secret"),
    "google_secret_manager_secret_iam_member": ("secretmanager/secret_iam_member", "SecretIamMember"),
    "google_service_account": ("serviceaccount/account", "Account"),
    "google_service_account_iam_member": ("serviceaccount/iam_member", "IAMMember"),
    "google_storage_bucket": ("storage/bucket", "Bucket"),
    "google_storage_bucket_iam_member": ("storage/bucket_iam_member", "BucketIAMMember"),
}
REPLACED = frozenset(
    {
        *("name", "location", "project", "topic", "filter", "enable_message_ordering", "account_id"),
        *("secret_id", "repository_id", "format", "database", "collection", "field", "member", "role"),
    }
)
"""A change of these is a new resource, for the types above that have them."""


def bodies(wheel: Wheel) -> dict[str, Body]:
    """The body of every resource, by its type."""
    return {name: wheel.resource(*place) for name, place in RESOURCES.items()}
