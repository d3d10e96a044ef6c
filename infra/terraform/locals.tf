locals {
  catalog = yamldecode(file(coalesce(var.queues_file, "${path.module}/queues.yaml")))

  # Blocks merge key by key and everything else is replaced, as contracts/catalog.py does it.
  queues = {
    for name, queue in local.catalog.queues : name => merge(
      local.catalog.defaults,
      queue,
      {
        for block in ["rate_limits", "retry_rate_limits", "retry", "delivery"] :
        block => merge(local.catalog.defaults[block], try(queue[block], {}))
      },
    )
  }

  # What Cloud Tasks knows: each queue, and its sibling that carries later attempts and parked tasks.
  task_queues = merge(
    { for name, queue in local.queues : name => { of = name, rate_limits = queue.rate_limits, retry = queue.retry } },
    { for name, queue in local.queues : "${name}-retry" => { of = name, rate_limits = queue.retry_rate_limits, retry = queue.retry } },
  )

  dead_letter_topics = toset([for queue in values(local.queues) : queue.dead_letter_topic])

  is_prod = var.environment == "prod"
}
