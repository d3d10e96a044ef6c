variable "name" {
  description = "QUEUE_ID."
  type        = string
}

variable "location" {
  description = "A region with Cloud Tasks."
  type        = string
}

variable "rate_limits" {
  description = "The catalog's block."
  type = object({
    max_dispatches_per_second = number
    max_concurrent_dispatches = number
  })
}

variable "retry" {
  description = "The catalog's block."
  type = object({
    max_attempts  = number
    min_backoff   = string
    max_backoff   = string
    max_doublings = number
  })
}

variable "is_paused" {
  description = "Whether the queue dispatches nothing."
  type        = bool
}

variable "is_protected" {
  description = "Whether Terraform refuses to delete it: a deleted queue's name stays taken for days."
  type        = bool
}

variable "log_sampling" {
  description = "Share of the operations that are logged, above 0."
  type        = number
  default     = 0.1
}

variable "enqueuers" {
  description = "IAM members that may create tasks, by labels of their own."
  type        = map(string)
}
