# What nobody calls for: follow-ups that were recorded and never started (a crash, a purge or a deleted queue left
# them behind), and the payloads of dead letters that nobody has decided on, which the bucket would remove.

locals {
  scheduled = {
    reconcile   = { schedule = "*/5 * * * *", path = "/admin/reconcile" }
    sweep-blobs = { schedule = "23 3 * * *", path = "/admin/blobs/sweep" }
  }
}

resource "google_cloud_scheduler_job" "this" {
  for_each = local.scheduled

  name             = "sidelane-${each.key}"
  region           = var.region
  schedule         = each.value.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "300s"

  http_target {
    http_method = "POST"
    uri         = "${local.uris["handlers"]}${each.value.path}"

    oidc_token {
      service_account_email = google_service_account.this["scheduler"].email
      audience              = local.uris["handlers"]
    }
  }

  depends_on = [google_project_service.this]
}
