variable "project_id" {
  description = "The Google Cloud project of everything."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project_id))
    error_message = "project_id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter."
  }
}

variable "region" {
  description = "The region of queues, services and images."
  type        = string

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region: a region such as us-central1, and no zone."
  }
}

variable "environment" {
  description = "dev or prod. In prod images are pinned by digest and nothing is deleted by accident."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment: dev or prod."
  }
}

variable "queues_file" {
  description = "The queue catalog; the same file that producers, handlers and the emulator read."
  type        = string
  default     = null
}

variable "images" {
  description = "The image of each service, in prod as NAME@sha256:DIGEST."
  type = object({
    backend      = string
    handlers     = string
    dead_letters = string
  })

  validation {
    condition     = var.environment != "prod" || alltrue([for image in values(var.images) : can(regex("@sha256:[0-9a-f]{64}$", image))])
    error_message = "images: in prod each one is pinned by its digest, as NAME@sha256:DIGEST."
  }
}

variable "services" {
  description = "Sizes of the Cloud Run services. Instances times concurrency bounds what the queues may dispatch at once."
  type = object({
    backend      = object({ min_instances = number, max_instances = number, concurrency = number, cpu = string, memory = string })
    handlers     = object({ min_instances = number, max_instances = number, concurrency = number, cpu = string, memory = string })
    dead_letters = object({ min_instances = number, max_instances = number, concurrency = number, cpu = string, memory = string })
  })

  validation {
    condition     = alltrue([for size in values(var.services) : size.min_instances >= 0 && size.min_instances <= size.max_instances])
    error_message = "services: min_instances is at least 0 and at most max_instances."
  }

  validation {
    condition     = alltrue([for size in values(var.services) : size.concurrency >= 1 && size.concurrency <= 1000])
    error_message = "services: concurrency is 1 to 1000."
  }
}

variable "paused_queues" {
  description = "Queues that dispatch nothing, by their catalog names; the -retry siblings pause with them."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for queue in var.paused_queues : contains(keys(local.queues), queue)])
    error_message = "paused_queues: only queues of the catalog can be paused; name them without -retry."
  }
}

variable "llm_url" {
  description = "Base URL of the language model that the backend asks, behind /v1/chat/completions."
  type        = string
  default     = "https://api.openai.com"
}

variable "backend_is_public" {
  description = "Whether everybody may call the backend, which authenticates its users itself."
  type        = bool
  default     = true
}

variable "admins" {
  description = "Emails that may call the handlers' admin API."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.admins : can(regex("^[^:@\\s]+@[^@\\s]+$", email))])
    error_message = "admins: plain emails, without user: or serviceAccount:."
  }
}

variable "alert_emails" {
  description = "Who is told of alerts."
  type        = set(string)
  default     = []
}

variable "firestore_location" {
  description = "Where the Firestore database is; it can never be moved."
  type        = string
  default     = "nam5"
}

variable "firestore_indexes_file" {
  description = "The stores' list of indexes, exemptions and TTL policies."
  type        = string
  default     = null
}

variable "metrics_sidecar_image" {
  description = "Google's sidecar that scrapes /metrics into Cloud Monitoring; null: no such sidecar."
  type        = string
  default     = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar:1.2.0"
}

variable "speech_urls" {
  description = "Base URLs of the speech services."
  type = object({
    embedding = string
    activity  = string
    profile   = string
  })

  validation {
    condition     = alltrue([for url in values(var.speech_urls) : can(regex("^https://[^/]+$", url))])
    error_message = "speech_urls: https://HOST each, without a path."
  }
}

variable "public_url" {
  description = "Under which browsers reach the backend; null: its own address."
  type        = string
  default     = null
}

variable "backend_secrets" {
  description = "Variables of the backend whose values are secrets, as SIDELANE_SEAL_KEY = \"seal-key\"."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.backend_secrets) : startswith(name, "SIDELANE_")])
    error_message = "backend_secrets: names of the backend's settings, which begin with SIDELANE_."
  }
}

variable "secrets" {
  description = "Secrets that the handlers read, by their ids. Their values are added outside of Terraform, so that no state holds one."
  type        = set(string)
  default     = ["maps-api-key"]
}
