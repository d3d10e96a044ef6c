output "id" {
  description = "projects/P/locations/L/queues/Q."
  value       = google_cloud_tasks_queue.this.id
}

output "name" {
  description = "QUEUE_ID."
  value       = google_cloud_tasks_queue.this.name
}

output "state" {
  description = "What the service says: RUNNING or PAUSED, whoever did it."
  value       = google_cloud_tasks_queue.this.state
}
