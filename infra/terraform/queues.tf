module "queue" {
  source   = "./modules/task_queue"
  for_each = local.task_queues

  name         = each.key
  location     = var.region
  rate_limits  = each.value.rate_limits
  retry        = each.value.retry
  is_paused    = contains(var.paused_queues, each.value.of)
  is_protected = local.is_prod

  # A retry, a park and a fan-out are enqueues: the handlers create tasks too.
  enqueuers = {
    backend  = google_service_account.this["backend"].member
    handlers = google_service_account.this["handlers"].member
  }

  depends_on = [google_project_service.this]
}
