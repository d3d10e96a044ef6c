output "uri" {
  description = "https://….run.app, the audience of its callers' tokens."
  value       = google_cloud_run_v2_service.this.uri
}

output "name" {
  description = "Name of the service."
  value       = google_cloud_run_v2_service.this.name
}
