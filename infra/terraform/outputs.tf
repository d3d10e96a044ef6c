output "uris" {
  description = "Addresses of the services."
  value       = local.uris
}

output "image_repository" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.images.repository_id}"
}

output "resolved_queues" {
  description = "The catalog as Terraform resolves it; a test holds it against what Python makes of the file."
  value       = local.queues
}
