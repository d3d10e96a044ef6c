# Topics of events, each pushed to the handlers; topics of dead letters, each pushed to the dead-letter function.

locals {
  events       = try(local.catalog.events, {})
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  all_dead_letter_topics = setunion(
    local.dead_letter_topics,
    toset([for topic in values(local.events) : topic.dead_letter_topic]),
  )
}

resource "google_pubsub_topic" "events" {
  #checkov:skip=CKV_GCP_83:Google's own keys encrypt it; a key of one's own is an organisation's decision, and its loss loses the messages
  for_each = local.events

  name       = each.key
  depends_on = [google_project_service.this]
}

resource "google_pubsub_topic_iam_member" "publishes_events" {
  for_each = local.events

  topic  = google_pubsub_topic.events[each.key].name
  role   = "roles/pubsub.publisher"
  member = google_service_account.this["backend"].member
}

module "event_push" {
  source   = "./modules/push_subscription"
  for_each = local.events

  name                 = each.value.subscription
  topic                = google_pubsub_topic.events[each.key].id
  url                  = "${local.uris["handlers"]}/events/${each.value.subscription}"
  audience             = local.event_audience
  pusher_email         = google_service_account.this["pushes"].email
  ack_deadline_seconds = tonumber(trimsuffix(each.value.ack_deadline, "s"))
  min_backoff          = each.value.min_backoff
  max_backoff          = each.value.max_backoff
  pubsub_agent         = local.pubsub_agent

  dead_letters = {
    topic                 = google_pubsub_topic.dead_letters[each.value.dead_letter_topic].id
    max_delivery_attempts = each.value.max_delivery_attempts
  }

  depends_on = [google_pubsub_topic_iam_member.buries_events]
}

resource "google_pubsub_topic" "dead_letters" {
  #checkov:skip=CKV_GCP_83:Google's own keys encrypt it; a key of one's own is an organisation's decision, and its loss loses the messages
  for_each = local.all_dead_letter_topics

  name = each.key

  # A letter that its subscription lost can be sought from here.
  message_retention_duration = "2678400s"
  depends_on                 = [google_project_service.this]
}

# Without a subscription a topic keeps nothing: each dead-letter topic has one, and it never gives up.
module "dead_letter_push" {
  source   = "./modules/push_subscription"
  for_each = local.all_dead_letter_topics

  name         = each.key
  topic        = google_pubsub_topic.dead_letters[each.key].id
  url          = "${local.uris["dead-letters"]}/"
  audience     = "${local.uris["dead-letters"]}/"
  pusher_email = google_service_account.this["pushes"].email
  pubsub_agent = local.pubsub_agent
}

resource "google_pubsub_topic_iam_member" "buries_tasks" {
  for_each = local.dead_letter_topics

  topic  = google_pubsub_topic.dead_letters[each.key].name
  role   = "roles/pubsub.publisher"
  member = google_service_account.this["handlers"].member
}

# Pub/Sub itself forwards events that nobody took.
resource "google_pubsub_topic_iam_member" "buries_events" {
  for_each = toset([for topic in values(local.events) : topic.dead_letter_topic])

  topic  = google_pubsub_topic.dead_letters[each.key].name
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}
