# What may be wrong without stopping an apply.

# A pause by hand is no difference for a plan, since the provider does not compare it.
check "queues_run_as_declared" {
  assert {
    condition = alltrue([
      for name, queue in module.queue :
      queue.state == (contains(var.paused_queues, local.task_queues[name].of) ? "PAUSED" : "RUNNING")
    ])
    error_message = "Not as declared: ${join(", ", [
      for name, queue in module.queue : "${name} is ${queue.state}"
      if queue.state != (contains(var.paused_queues, local.task_queues[name].of) ? "PAUSED" : "RUNNING")
    ])}. Resume it, or name it in paused_queues."
  }
}

check "the_handlers_take_what_the_queues_dispatch" {
  assert {
    condition     = local.concurrent_dispatches <= local.handler_places
    error_message = "The queues may dispatch ${local.concurrent_dispatches} tasks at once, and the handlers take ${local.handler_places} (max_instances x concurrency): Cloud Run would answer 429 and slow the queues down."
  }
}

# Cloud Tasks deletes a task that has used up its attempts; the handlers bury it first.
check "queues_never_give_up" {
  assert {
    condition     = alltrue([for queue in values(local.queues) : queue.retry.max_attempts == -1])
    error_message = "retry.max_attempts must be -1 in queues.yaml: Cloud Tasks deletes a task that has used up its attempts."
  }
}

check "a_request_outlasts_its_dispatch" {
  assert {
    condition     = alltrue([for queue in values(local.queues) : tonumber(trimsuffix(queue.dispatch_deadline, "s")) <= local.handler_timeout])
    error_message = "The handlers' request timeout of ${local.handler_timeout} s is shorter than a queue's dispatch_deadline."
  }
}

locals {
  concurrent_dispatches = sum([for queue in values(local.task_queues) : queue.rate_limits.max_concurrent_dispatches])
  handler_places        = var.services.handlers.max_instances * var.services.handlers.concurrency
}
