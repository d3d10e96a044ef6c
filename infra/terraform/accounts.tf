# Who runs what, and in whose name Google's services call ours. No account has more than it needs.

locals {
  accounts = {
    backend      = "Runs the backend: creates tasks, publishes events"
    handlers     = "Runs the handlers: executes tasks"
    dead-letters = "Runs the dead-letter function"
    tasks        = "In whose name Cloud Tasks calls the handlers"
    pushes       = "In whose name Pub/Sub calls the handlers and the dead-letter function"
    scheduler    = "In whose name Cloud Scheduler calls the handlers"
  }
}

resource "google_service_account" "this" {
  for_each = local.accounts

  account_id   = "sidelane-${each.key}"
  display_name = each.value

  depends_on = [google_project_service.this]
}

# Whoever creates a task with an OIDC token acts as the account in that token.
resource "google_service_account_iam_member" "acts_as_tasks" {
  for_each = toset(["backend", "handlers"])

  service_account_id = google_service_account.this["tasks"].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.this[each.key].member
}

# What has no resource of its own to be granted on.
resource "google_project_iam_member" "runtime" {
  for_each = {
    for grant in flatten([
      for account, roles in {
        backend      = ["roles/telemetry.tracesWriter", "roles/logging.logWriter", "roles/monitoring.metricWriter", "roles/datastore.user"]
        handlers     = ["roles/telemetry.tracesWriter", "roles/logging.logWriter", "roles/monitoring.metricWriter", "roles/datastore.user", "roles/firebasecloudmessaging.admin"]
        dead-letters = ["roles/telemetry.tracesWriter", "roles/logging.logWriter", "roles/datastore.user"]
      } : [for role in roles : { account = account, role = role }]
    ]) : "${grant.account}:${grant.role}" => grant
  }

  project = var.project_id
  role    = each.value.role
  member  = google_service_account.this[each.value.account].member
}
