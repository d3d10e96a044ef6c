# What outlives a process: Firestore for ledger, directory and dead letters, a bucket for large payloads.

resource "google_firestore_database" "this" {
  name                              = "(default)"
  location_id                       = var.firestore_location
  type                              = "FIRESTORE_NATIVE"
  point_in_time_recovery_enablement = local.is_prod ? "POINT_IN_TIME_RECOVERY_ENABLED" : "POINT_IN_TIME_RECOVERY_DISABLED"
  delete_protection_state           = local.is_prod ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"

  depends_on = [google_project_service.this]
}

# Indexes, exemptions and TTL policies are the stores' own list; a test there holds it against their queries.
locals {
  firestore = jsondecode(file(coalesce(var.firestore_indexes_file, "${path.module}/../../stores/firestore/indexes.json")))
}

resource "google_firestore_index" "this" {
  for_each = {
    for index in local.firestore.indexes :
    join("/", concat([index.collectionGroup], [for field in index.fields : "${field.fieldPath}:${field.order}"])) => index
  }

  database    = google_firestore_database.this.name
  collection  = each.value.collectionGroup
  query_scope = each.value.queryScope

  dynamic "fields" {
    for_each = each.value.fields

    content {
      field_path = fields.value.fieldPath
      order      = fields.value.order
    }
  }
}

resource "google_firestore_field" "this" {
  for_each = { for field in local.firestore.fieldOverrides : "${field.collectionGroup}/${field.fieldPath}" => field }

  database   = google_firestore_database.this.name
  collection = each.value.collectionGroup
  field      = each.value.fieldPath

  # Without any index inside, the field is exempt.
  index_config {
    dynamic "indexes" {
      for_each = each.value.indexes

      content {
        order       = indexes.value.order
        query_scope = indexes.value.queryScope
      }
    }
  }

  dynamic "ttl_config" {
    for_each = try(each.value.ttl, false) ? [true] : []

    content {}
  }
}

resource "google_storage_bucket" "blobs" {
  #checkov:skip=CKV_GCP_62:Data access audit logs tell who read what; access logs of a bucket are their older form
  #checkov:skip=CKV_GCP_78:A blob is written once under the digest of its content; a version of it would survive the erasure of its user
  name                        = "${var.project_id}-sidelane-blobs"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # An erased user's payloads are gone at once, and not restorable for a week.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    # Each blob's custom time is the moment until which it is needed; nobody can set it back.
    condition {
      days_since_custom_time = 1
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

# What callers upload, as a folder of the backend's instances.
resource "google_storage_bucket" "uploads" {
  #checkov:skip=CKV_GCP_62:Data access audit logs tell who read what; access logs of a bucket are their older form
  #checkov:skip=CKV_GCP_78:A version would survive the deletion of an upload
  name                        = "${var.project_id}-sidelane-uploads"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

resource "google_storage_bucket_iam_member" "uploads" {
  bucket = google_storage_bucket.uploads.name
  role   = "roles/storage.objectUser"
  member = google_service_account.this["backend"].member
}
