# What users may count on, measured where they would notice.

resource "google_monitoring_custom_service" "this" {
  service_id   = "sidelane"
  display_name = "Sidelane"

  depends_on = [google_project_service.this]
}

resource "google_monitoring_slo" "accepts" {
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = "accepts-side-effects"
  display_name        = "99.9 % of the backend's requests are answered without an error of ours"
  goal                = 0.999
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      good_service_filter  = "metric.type=\"run.googleapis.com/request_count\" resource.type=\"cloud_run_revision\" resource.label.service_name=\"sidelane-backend\" metric.label.response_code_class!=\"5xx\""
      total_service_filter = "metric.type=\"run.googleapis.com/request_count\" resource.type=\"cloud_run_revision\" resource.label.service_name=\"sidelane-backend\""
    }
  }
}

resource "google_monitoring_slo" "starts_in_time" {
  service             = google_monitoring_custom_service.this.service_id
  slo_id              = "starts-in-time"
  display_name        = "99 % of the first attempts start within 10 s of being due"
  goal                = 0.99
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = join(" ", [
        "metric.type=\"cloudtasks.googleapis.com/queue/task_attempt_delays\" resource.type=\"cloud_tasks_queue\"",
        "resource.label.queue_id=one_of(${join(",", [for queue in sort(keys(local.queues)) : "\"${queue}\""])})",
      ])

      # Milliseconds.
      range {
        max = 10000
      }
    }
  }
}
