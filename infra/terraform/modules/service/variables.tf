variable "name" {
  description = "Name of the service."
  type        = string
}

variable "location" {
  description = "Its region."
  type        = string
}

variable "image" {
  description = "What it runs."
  type        = string
}

variable "command" {
  description = "The image's entry point, if not its own."
  type        = list(string)
  default     = null
}

variable "arguments" {
  description = "Its arguments."
  type        = list(string)
}

variable "service_account" {
  description = "Email of the account that it runs as."
  type        = string
}

variable "ingress" {
  description = "Who reaches it at all: INGRESS_TRAFFIC_ALL or INGRESS_TRAFFIC_INTERNAL_ONLY."
  type        = string
}

variable "timeout_seconds" {
  description = "For one request."
  type        = number

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 3600
    error_message = "timeout_seconds: Cloud Run takes 1 to 3600."
  }
}

variable "size" {
  description = "Instances, and requests that one instance takes at a time."
  type = object({
    min_instances = number
    max_instances = number
    concurrency   = number
    cpu           = string
    memory        = string
  })
}

variable "health_path" {
  description = "Answers 200 once the service is open."
  type        = string
  default     = "/healthz"
}

variable "health_port" {
  description = "Port of the health endpoint that answers though the event loop is stuck; null: no liveness probe."
  type        = number
  default     = null
}

variable "custom_audiences" {
  description = "Further values of aud in its callers' tokens, besides its own address."
  type        = list(string)
  default     = []
}

variable "environment" {
  description = "Variables of its environment; no secret is among them."
  type        = map(string)
}

variable "secrets" {
  description = "Variables of its environment whose values are the latest versions of secrets, by their ids."
  type        = map(string)
  default     = {}
}

variable "volume" {
  description = "A bucket that all instances see as a folder; null: none."
  type = object({
    bucket = string
    path   = string
  })
  default = null
}

variable "metrics_sidecar_image" {
  description = "Scrapes /metrics of port 8080; null: nobody does."
  type        = string
  default     = null
}

variable "invokers" {
  description = "IAM members that may call it, by labels of their own."
  type        = map(string)
}

variable "is_protected" {
  description = "Whether Terraform refuses to delete it."
  type        = bool
}
