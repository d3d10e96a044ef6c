resource "google_monitoring_dashboard" "queues" {
  dashboard_json = templatefile("${path.module}/dashboards/sidelane.json.tftpl", { queues = sort(keys(local.task_queues)) })

  depends_on = [google_project_service.this]
}
