output "name" {
  description = "Id of the subscription."
  value       = google_pubsub_subscription.this.name
}
