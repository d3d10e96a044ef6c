# Looks for follow-ups that were recorded and never started: what a crash, a purge or a deleted queue left behind.

resource "google_cloud_scheduler_job" "reconcile" {
  name             = "sidelane-reconcile"
  region           = var.region
  schedule         = "*/5 * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "300s"

  http_target {
    http_method = "POST"
    uri         = "${local.uris["handlers"]}/admin/reconcile"

    oidc_token {
      service_account_email = google_service_account.this["scheduler"].email
      audience              = local.uris["handlers"]
    }
  }

  depends_on = [google_project_service.this]
}
