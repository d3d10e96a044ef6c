# Secrets have a place here and no value: `gcloud secrets versions add` gives them one, so that no state holds it.

resource "google_secret_manager_secret" "this" {
  for_each = setunion(var.secrets, values(var.backend_secrets))

  secret_id = each.key

  replication {
    auto {}
  }

  depends_on = [google_project_service.this]
}

resource "google_secret_manager_secret_iam_member" "handlers" {
  for_each = var.secrets

  secret_id = google_secret_manager_secret.this[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this["handlers"].member
}

resource "google_secret_manager_secret_iam_member" "backend" {
  for_each = toset(values(var.backend_secrets))

  secret_id = google_secret_manager_secret.this[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this["backend"].member
}
