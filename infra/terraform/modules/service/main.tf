# One Cloud Run service of this project.

resource "google_cloud_run_v2_service" "this" {
  name                = var.name
  location            = var.location
  ingress             = var.ingress
  deletion_protection = var.is_protected
  custom_audiences    = var.custom_audiences

  # A deployment shifts traffic by hand; applying gives all of it to what was applied.
  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  template {
    service_account                  = var.service_account
    timeout                          = "${var.timeout_seconds}s"
    max_instance_request_concurrency = var.size.concurrency
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"

    scaling {
      min_instance_count = var.size.min_instances
      max_instance_count = var.size.max_instances
    }

    containers {
      name    = "service"
      image   = var.image
      command = var.command
      args    = var.arguments

      ports {
        container_port = 8080
      }

      resources {
        limits = {
          cpu    = var.size.cpu
          memory = var.size.memory
        }
        # The lag probe and the drain after SIGTERM need a CPU between requests too.
        cpu_idle          = false
        startup_cpu_boost = true
      }

      startup_probe {
        timeout_seconds   = 2
        period_seconds    = 2
        failure_threshold = 30

        http_get {
          path = var.health_path
        }
      }

      dynamic "liveness_probe" {
        for_each = var.health_port == null ? [] : [var.health_port]

        content {
          timeout_seconds   = 2
          period_seconds    = 10
          failure_threshold = 3

          # Of its own thread: it tells of an event loop that is stuck.
          http_get {
            path = "/healthz"
            port = liveness_probe.value
          }
        }
      }

      dynamic "env" {
        for_each = var.environment

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secrets

        content {
          name = env.key

          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      dynamic "volume_mounts" {
        for_each = var.volume == null ? [] : [var.volume]

        content {
          name       = "files"
          mount_path = volume_mounts.value.path
        }
      }
    }

    dynamic "volumes" {
      for_each = var.volume == null ? [] : [var.volume]

      content {
        name = "files"

        gcs {
          bucket    = volumes.value.bucket
          read_only = false
        }
      }
    }

    dynamic "containers" {
      for_each = var.metrics_sidecar_image == null ? [] : [var.metrics_sidecar_image]

      content {
        name       = "metrics"
        image      = containers.value
        depends_on = ["service"]
      }
    }
  }
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers

  name     = google_cloud_run_v2_service.this.name
  location = google_cloud_run_v2_service.this.location
  role     = "roles/run.invoker"
  member   = each.value
}
