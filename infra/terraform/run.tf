# The services, and everything that they are told. A service's address is known before it exists, since it
# is made of its name, the project's number and the region: so that the handlers can be told their own.

locals {
  service_names = toset(["backend", "handlers", "quarantine", "dead-letters"])
  uris = {
    for name in local.service_names :
    name => "https://sidelane-${name}-${data.google_project.this.number}.${var.region}.run.app"
  }

  # Claim, run and settle of the slowest queue fit into its dispatch deadline, and that into a request.
  handler_timeout = max([for queue in values(local.queues) : tonumber(trimsuffix(queue.dispatch_deadline, "s"))]...)

  # A test holds these against the services' own settings: every one that must be set is, and no other name.
  producer_environment = {
    SIDELANE_PROJECT            = var.project_id
    SIDELANE_LOCATION           = var.region
    SIDELANE_HANDLERS_URL       = local.uris["handlers"]
    SIDELANE_QUARANTINE_URL     = local.uris["quarantine"]
    SIDELANE_INVOKER_EMAIL      = google_service_account.this["tasks"].email
    SIDELANE_BLOBS              = "gs://${google_storage_bucket.blobs.name}/blobs"
    SIDELANE_DATABASE           = "firestore:${google_firestore_database.this.name}"
    SIDELANE_HEALTH_PORT        = "8086"
    OTEL_EXPORTER_OTLP_ENDPOINT = "https://telemetry.googleapis.com"
  }
  backend_environment = merge(local.producer_environment, {
    SIDELANE_PUBLIC_URL = coalesce(var.public_url, local.uris["backend"])
    SIDELANE_LLM_URL    = var.llm_url
    SIDELANE_UPLOADS    = "/uploads"
  })
  handler_environment = merge(local.producer_environment, {
    SIDELANE_DEAD_LETTER_URL          = "${local.uris["dead-letters"]}/"
    SIDELANE_DEAD_LETTER_PUSHER_EMAIL = google_service_account.this["pushes"].email
    SIDELANE_EVENT_PUSHER_EMAIL       = google_service_account.this["pushes"].email
    SIDELANE_FCM_URL                  = "https://fcm.googleapis.com"
    SIDELANE_FCM_CREDENTIALS          = "google"
    SIDELANE_GEOCODING_KEY            = "projects/${var.project_id}/secrets/${google_secret_manager_secret.this["maps-api-key"].secret_id}/versions/latest"
    SIDELANE_SPEECH_EMBEDDING_URL     = var.speech_urls.embedding
    SIDELANE_SPEECH_ACTIVITY_URL      = var.speech_urls.activity
    SIDELANE_SPEECH_PROFILE_URL       = var.speech_urls.profile
    SIDELANE_ADMIN_EMAILS             = join(",", sort(concat(tolist(var.admins), [google_service_account.this["scheduler"].email])))
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
      health_path = "/healthz"
      audiences   = []
      environment = local.backend_environment
      invokers    = var.backend_is_public ? { everybody = "allUsers" } : {}
    }
    handlers = {
      image       = var.images.handlers
      size        = var.services.handlers
      account     = "handlers"
      ingress     = "INGRESS_TRAFFIC_INTERNAL_ONLY"
      timeout     = local.handler_timeout
      health_path = "/healthz"
      audiences   = [local.uris["handlers"], local.event_audience]
      environment = local.handler_environment
      invokers    = local.handler_invokers
    }
    # The same code, one request at a time: what kills its process takes nobody with it.
    quarantine = {
      image       = var.images.handlers
      size        = merge(var.services.handlers, { min_instances = 0, max_instances = 1, concurrency = 1 })
      account     = "handlers"
      ingress     = "INGRESS_TRAFFIC_INTERNAL_ONLY"
      timeout     = local.handler_timeout
      health_path = "/healthz"
      audiences   = [local.uris["handlers"]]
      environment = local.handler_environment
      invokers    = { tasks = google_service_account.this["tasks"].member }
    }
    dead-letters = {
      image       = var.images.dead_letters
      size        = var.services.dead_letters
      account     = "dead-letters"
      ingress     = "INGRESS_TRAFFIC_INTERNAL_ONLY"
      timeout     = 60
      health_path = "/"
      audiences   = ["${local.uris["dead-letters"]}/"]
      environment = local.handler_environment
      invokers    = { pushes = google_service_account.this["pushes"].member }
    }
  }

  name             = "sidelane-${each.key}"
  location         = var.region
  image            = each.value.image
  arguments        = [each.key == "quarantine" ? "handlers" : each.key]
  service_account  = google_service_account.this[each.value.account].email
  ingress          = each.value.ingress
  timeout_seconds  = each.value.timeout
  size             = each.value.size
  health_path      = each.value.health_path
  health_port      = each.key == "dead-letters" ? null : 8086
  custom_audiences = each.value.audiences
  environment      = each.value.environment
  secrets          = each.key == "backend" ? { for name, secret in var.backend_secrets : name => google_secret_manager_secret.this[secret].secret_id } : {}
  volume           = each.key == "backend" ? { bucket = google_storage_bucket.uploads.name, path = local.backend_environment.SIDELANE_UPLOADS } : null
  invokers         = each.value.invokers
  is_protected     = local.is_prod

  # The function has no metrics of its own; its subscriptions have.
  metrics_sidecar_image = each.key == "dead-letters" ? null : var.metrics_sidecar_image

  depends_on = [google_project_service.this]
}

locals {
  event_audience = "${local.uris["handlers"]}/events"
  handler_invokers = merge(
    {
      tasks     = google_service_account.this["tasks"].member
      pushes    = google_service_account.this["pushes"].member
      scheduler = google_service_account.this["scheduler"].member
    },
    { for email in var.admins : email => can(regex("gserviceaccount.com$", email)) ? "serviceAccount:${email}" : "user:${email}" },
  )
}
