# A subscription that pushes with an OIDC token, and buries what is not taken where it has a dead-letter topic.

resource "google_pubsub_subscription" "this" {
  name  = var.name
  topic = var.topic

  ack_deadline_seconds       = var.ack_deadline_seconds
  message_retention_duration = "604800s"

  # An idle subscription must not expire.
  expiration_policy {
    ttl = ""
  }

  push_config {
    push_endpoint = var.url

    oidc_token {
      service_account_email = var.pusher_email
      audience              = var.audience
    }
  }

  retry_policy {
    minimum_backoff = var.min_backoff
    maximum_backoff = var.max_backoff
  }

  dynamic "dead_letter_policy" {
    for_each = var.dead_letters == null ? [] : [var.dead_letters]

    content {
      dead_letter_topic     = dead_letter_policy.value.topic
      max_delivery_attempts = dead_letter_policy.value.max_delivery_attempts
    }
  }
}

# Pub/Sub acknowledges what it has forwarded to the dead-letter topic, in its own name.
resource "google_pubsub_subscription_iam_member" "forwarder" {
  count = var.dead_letters == null ? 0 : 1

  subscription = google_pubsub_subscription.this.name
  role         = "roles/pubsub.subscriber"
  member       = var.pubsub_agent
}
