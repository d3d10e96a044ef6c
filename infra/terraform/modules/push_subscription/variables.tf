variable "name" {
  description = "Id of the subscription."
  type        = string
}

variable "topic" {
  description = "projects/P/topics/T."
  type        = string
}

variable "url" {
  description = "Where messages are pushed to."
  type        = string
}

variable "audience" {
  description = "The aud of the token; the receiver expects the same."
  type        = string
}

variable "pusher_email" {
  description = "The service account in the token."
  type        = string
}

variable "ack_deadline_seconds" {
  description = "Seconds for one push, its answer included."
  type        = number
  default     = 60

  validation {
    condition     = var.ack_deadline_seconds >= 10 && var.ack_deadline_seconds <= 600
    error_message = "ack_deadline_seconds: Pub/Sub takes 10 to 600."
  }
}

variable "min_backoff" {
  description = "Wait before a message comes again, as \"10s\"."
  type        = string
  default     = "10s"
}

variable "max_backoff" {
  description = "Longest such wait, at most \"600s\"."
  type        = string
  default     = "600s"
}

variable "dead_letters" {
  description = "Where a message goes after so many deliveries (5 to 100); null: it comes again until it is too old."
  type = object({
    topic                 = string
    max_delivery_attempts = number
  })
  default = null
}

variable "pubsub_agent" {
  description = "IAM member of Pub/Sub's own service account in this project."
  type        = string
}
