resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:Google's own keys encrypt it; images hold no data of users
  repository_id = "sidelane"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of the services"

  docker_config {
    immutable_tags = true
  }

  cleanup_policies {
    id     = "keep-the-last"
    action = "KEEP"

    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"

    condition {
      older_than = "7776000s"
    }
  }

  depends_on = [google_project_service.this]
}
