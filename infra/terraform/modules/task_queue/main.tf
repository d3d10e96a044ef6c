# One Cloud Tasks queue, as the catalog sets it.

resource "google_cloud_tasks_queue" "this" {
  name            = var.name
  location        = var.location
  desired_state   = var.is_paused ? "PAUSED" : "RUNNING"
  deletion_policy = var.is_protected ? "PREVENT" : "DELETE"

  rate_limits {
    max_dispatches_per_second = var.rate_limits.max_dispatches_per_second
    max_concurrent_dispatches = var.rate_limits.max_concurrent_dispatches
  }

  # For our own faults alone; it never gives up, since Cloud Tasks would delete the task.
  retry_config {
    max_attempts  = var.retry.max_attempts
    min_backoff   = var.retry.min_backoff
    max_backoff   = var.retry.max_backoff
    max_doublings = var.retry.max_doublings
  }

  stackdriver_logging_config {
    sampling_ratio = var.log_sampling
  }
}

resource "google_cloud_tasks_queue_iam_member" "enqueuer" {
  for_each = var.enqueuers

  name     = google_cloud_tasks_queue.this.name
  location = google_cloud_tasks_queue.this.location
  role     = "roles/cloudtasks.enqueuer"
  member   = each.value
}
