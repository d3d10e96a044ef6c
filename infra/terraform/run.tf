# The services, and everything that they are told. A service's address is known before it exists, since it
# is made of its name, the project's number and the region: so that the handlers can be told their own.

locals {
  service_names = toset(["backend", "handlers", "dead-letters"])
  uris = {
    for name in local.service_names :
    name => "https://sidelane-${name}-${data.google_project.this.number}.${var.region}.run.app"
  }

  # Claim, run and settle of the slowest queue fit into its dispatch deadline, and that into a request.
  handler_timeout = max([for queue in values(local.queues) : tonumber(trimsuffix(queue.dispatch_deadline, "s"))]...)

  # In the same order as producers/settings.py and handlers/settings.py; a test holds the two against each other.
  producer_environment = {
    SIDELANE_PROJECT            = var.project_id
    SIDELANE_LOCATION           = var.region
    SIDELANE_HANDLERS_URL       = local.uris["handlers"]
    SIDELANE_INVOKER_EMAIL      = google_service_account.this["tasks"].email
    SIDELANE_BLOBS              = "gs://${google_storage_bucket.blobs.name}/blobs"
    SIDELANE_HEALTH_PORT        = "8086"
    OTEL_EXPORTER_OTLP_ENDPOINT = "https://telemetry.googleapis.com"
  }
  handler_environment = merge(local.producer_environment, {
    SIDELANE_DATABASE                 = "firestore:${google_firestore_database.this.name}"
    SIDELANE_DEAD_LETTER_URL          = "${local.uris["dead-letters"]}/"
    SIDELANE_DEAD_LETTER_PUSHER_EMAIL = google_service_account.this["pushes"].email
    SIDELANE_FCM_URL                  = "https://fcm.googleapis.com"
    SIDELANE_FCM_CREDENTIALS          = "google"
    SIDELANE_GEOCODING_KEY            = "${google_secret_manager_secret.this["maps-api-key"].id}/versions/latest"
    SIDELANE_ADMIN_EMAILS             = join(",", sort(tolist(var.admins)))
  })
}

module "service" {
  source = "./modules/service"

  for_each = {
    backend = {
      image       = var.images.backend
      size        = var.services.backend
      account     = "backend"
      ingress     = "INGRESS_TRAFFIC_ALL"
      timeout     = 60
      arguments   = ["backend"]
      environment = local.producer_environment
      invokers    = var.backend_is_public ? { everybody = "allUsers" } : {}
    }
    handlers = {
      image       = var.images.handlers
      size        = var.services.handlers
      account     = "handlers"
      ingress     = "INGRESS_TRAFFIC_INTERNAL_ONLY"
      timeout     = local.handler_timeout
      arguments   = ["handlers"]
      environment = local.handler_environment
      invokers = {
        tasks     = google_service_account.this["tasks"].member
        pushes    = google_service_account.this["pushes"].member
        scheduler = google_service_account.this["scheduler"].member
      }
    }
    dead-letters = {
      image       = var.images.dead_letters
      size        = var.services.dead_letters
      account     = "dead-letters"
      ingress     = "INGRESS_TRAFFIC_INTERNAL_ONLY"
      timeout     = 60
      arguments   = ["dead-letters"]
      environment = local.handler_environment
      invokers    = { pushes = google_service_account.this["pushes"].member }
    }
  }

  name            = "sidelane-${each.key}"
  location        = var.region
  image           = each.value.image
  arguments       = each.value.arguments
  service_account = google_service_account.this[each.value.account].email
  ingress         = each.value.ingress
  timeout_seconds = each.value.timeout
  size            = each.value.size
  environment     = each.value.environment
  invokers        = each.value.invokers
  is_protected    = local.is_prod

  # The function has no metrics of its own; its subscriptions have.
  metrics_sidecar_image = each.key == "dead-letters" ? null : var.metrics_sidecar_image

  depends_on = [google_project_service.this]
}
