# What outlives a process: Firestore for ledger, directory and dead letters, a bucket for large payloads.

resource "google_firestore_database" "this" {
  name                              = "(default)"
  location_id                       = var.firestore_location
  type                              = "FIRESTORE_NATIVE"
  point_in_time_recovery_enablement = local.is_prod ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = local.is_prod ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"

  depends_on = [google_project_service.this]
}

resource "google_storage_bucket" "blobs" {
  #checkov:skip=CKV_GCP_62:Data access audit logs tell who read what; access logs of a bucket are their older form
  #checkov:skip=CKV_GCP_78:A blob is written once under the digest of its content; a version of it would survive the erasure of its user
  name                        = "${var.project_id}-sidelane-blobs"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = local.blob_days
    }
  }
}

resource "google_storage_bucket_iam_member" "blobs" {
  for_each = {
    backend      = "roles/storage.objectUser"
    handlers     = "roles/storage.objectUser"
    dead-letters = "roles/storage.objectUser"
  }

  bucket = google_storage_bucket.blobs.name
  role   = each.value
  member = google_service_account.this[each.key].member
}
