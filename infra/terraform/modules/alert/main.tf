# One alert that a PromQL query decides, over Google's own metrics as well as ours.

resource "google_monitoring_alert_policy" "this" {
  display_name          = var.name
  combiner              = "OR"
  severity              = var.severity
  notification_channels = var.channels
  user_labels           = var.labels

  conditions {
    display_name = var.name

    condition_prometheus_query_language {
      query               = var.query
      duration            = var.duration
      evaluation_interval = "60s"
    }
  }

  documentation {
    content   = var.remedy
    mime_type = "text/markdown"
  }

  alert_strategy {
    auto_close = "86400s"
  }
}
