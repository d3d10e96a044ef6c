variable "name" {
  description = "What is wrong, in a few words."
  type        = string
}

variable "query" {
  description = "PromQL; it alerts while it answers anything."
  type        = string
}

variable "duration" {
  description = "How long it must do so, as \"300s\"."
  type        = string
}

variable "severity" {
  description = "CRITICAL, ERROR or WARNING."
  type        = string
}

variable "remedy" {
  description = "What to do about it, in Markdown."
  type        = string
}

variable "channels" {
  description = "Ids of the notification channels."
  type        = list(string)
}

variable "labels" {
  description = "Labels of the policy."
  type        = map(string)
  default     = {}
}
