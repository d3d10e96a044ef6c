# What wakes somebody up, and why. Google's metrics have dots and slashes in their names, which PromQL writes
# with underscores; ours come from the services' /metrics through the sidecar that scrapes it.

locals {
  runbook = "See infra/terraform/README.md of the repository."

  # Of every queue of the catalog and its sibling.
  queue_alerts = {
    depth = {
      query    = "max by (queue_id) (cloudtasks_googleapis_com:queue_depth{monitored_resource=\"cloud_tasks_queue\",queue_id=\"%s\"}) > 10000"
      duration = "900s"
      severity = "WARNING"
      remedy   = "Tasks come faster than they go. Is the queue paused, or its rate too low for today's traffic? Raise rate_limits in queues.yaml, plan and apply."
    }
    delay = {
      query    = "histogram_quantile(0.99, sum by (le, queue_id) (rate(cloudtasks_googleapis_com:queue_task_attempt_delays_bucket{monitored_resource=\"cloud_tasks_queue\",queue_id=\"%s\"}[10m]))) > 300000"
      duration = "600s"
      severity = "ERROR"
      remedy   = "Attempts start more than five minutes after they are due. Look at depth and rate of the queue, and at the handlers' instances and errors."
    }
    errors = {
      query    = "sum by (queue_id) (rate(cloudtasks_googleapis_com:queue_task_attempt_count{monitored_resource=\"cloud_tasks_queue\",queue_id=\"%s\",response_code!=\"ok\"}[10m])) / sum by (queue_id) (rate(cloudtasks_googleapis_com:queue_task_attempt_count{monitored_resource=\"cloud_tasks_queue\",queue_id=\"%s\"}[10m])) > 0.1"
      duration = "600s"
      severity = "ERROR"
      remedy   = "The handlers answer this queue with errors: they cannot look up, record, create or publish (a target's failure is answered 200). Cloud Tasks slows the whole queue down meanwhile. Read the handlers' log."
    }
    paused = {
      query    = "max by (queue_id) (cloudtasks_googleapis_com:queue_depth{monitored_resource=\"cloud_tasks_queue\",queue_id=\"%s\"}) > 0 unless sum by (queue_id) (increase(cloudtasks_googleapis_com:queue_task_attempt_count{monitored_resource=\"cloud_tasks_queue\",queue_id=\"%s\"}[1h])) > 0"
      duration = "3600s"
      severity = "CRITICAL"
      remedy   = "Tasks wait and none is attempted for an hour: the queue is paused, or disabled. Cloud Tasks deletes tasks at 31 days. If that was not meant: `gcloud tasks queues resume QUEUE`."
    }
  }

  # Of the whole system.
  alerts = {
    "Dead letters wait" = {
      query    = "sum by (queue, reason) (max by (queue, reason) (sidelane_dead_letters)) > 0 and sum by (queue, reason) (max by (queue, reason) (sidelane_dead_letter_oldest_seconds)) > 3600"
      duration = "300s"
      severity = "WARNING"
      remedy   = "Side effects were given up and nobody looked for an hour. `sidelane dead list`, mend the cause, then `sidelane dead replay` or `sidelane dead discard --reason`."
    }
    "Dead letters are not stored" = {
      query    = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\",subscription_id=~\".*-dead\"}) > 900"
      duration = "300s"
      severity = "CRITICAL"
      remedy   = "The dead-letter function does not take what is pushed to it. Read its log: is the store away, or the token refused?"
    }
    "Events are not fanned out" = {
      query    = "max by (subscription_id) (pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource=\"pubsub_subscription\",subscription_id=~\".*-handlers\"}) > 900"
      duration = "300s"
      severity = "ERROR"
      remedy   = "The handlers do not take events. Read their log for /events."
    }
    "Events are buried" = {
      query    = "sum by (subscription_id) (increase(pubsub_googleapis_com:subscription_dead_letter_message_count{monitored_resource=\"pubsub_subscription\"}[10m])) > 0"
      duration = "60s"
      severity = "ERROR"
      remedy   = "Pub/Sub gave up on events. They are among the dead letters with the reason event-undelivered; mend the handlers, then replay them."
    }
    "Pushes fail" = {
      query    = "sum by (subscription_id) (rate(pubsub_googleapis_com:subscription_push_request_count{monitored_resource=\"pubsub_subscription\",response_class!=\"ack\"}[10m])) / sum by (subscription_id) (rate(pubsub_googleapis_com:subscription_push_request_count{monitored_resource=\"pubsub_subscription\"}[10m])) > 0.1"
      duration = "600s"
      severity = "ERROR"
      remedy   = "More than a tenth of the pushes is refused. 401 and 403: audience or account of the subscription's token. 5xx: read the receiver's log."
    }
    "The event loop stalls" = {
      query    = "sum by (service, cause) (rate(asyncio_event_loop_stall_seconds_total[5m])) > 0.05"
      duration = "300s"
      severity = "ERROR"
      remedy   = "A process runs nothing for more than a twentieth of its time. The log line of the stall names the frame: a call blocks the loop, or computes on it. Give it an executor."
    }
    "Follow-ups are overdue" = {
      query    = "max(sidelane_overdue_oldest_seconds) > 900"
      duration = "300s"
      severity = "ERROR"
      remedy   = "A task's next attempt or dead letter was recorded a quarter of an hour ago and never started: its queue is paused or far behind, or its Cloud Task is gone. `sidelane queues list`; `sidelane reconcile` does lost follow-ups again."
    }
    "Tasks are lost and found" = {
      query    = "sum(increase(sidelane_reconciled_total{found=\"redone\"}[1h])) > 0"
      duration = "60s"
      severity = "WARNING"
      remedy   = "The reconciler had to do follow-ups again: something deletes Cloud Tasks, as a purge or a deleted queue does."
    }
    "Breakers are open" = {
      query    = "max by (lane) (sidelane_breakers{phase=\"open\",lane!=\"webhooks\"}) > 0"
      duration = "600s"
      severity = "WARNING"
      remedy   = "A service that we depend on is left alone since it fails. Its own status page first; then the lane's errors by `end` in sidelane_lane_seconds."
    }
  }
}

module "queue_alert" {
  source = "./modules/alert"

  for_each = merge([
    for queue in keys(local.task_queues) : {
      for alert, settings in local.queue_alerts : "${queue}:${alert}" => merge(settings, { queue = queue, alert = alert })
    }
  ]...)

  name     = "Queue ${each.value.queue}: ${each.value.alert}"
  query    = replace(each.value.query, "%s", each.value.queue)
  duration = each.value.duration
  severity = each.value.severity
  remedy   = "${each.value.remedy}\n\n${local.runbook}"
  channels = [for channel in google_monitoring_notification_channel.email : channel.id]
  labels   = { queue = each.value.queue }
}

module "alert" {
  source   = "./modules/alert"
  for_each = local.alerts

  name     = each.key
  query    = each.value.query
  duration = each.value.duration
  severity = each.value.severity
  remedy   = "${each.value.remedy}\n\n${local.runbook}"
  channels = [for channel in google_monitoring_notification_channel.email : channel.id]
}

resource "google_monitoring_notification_channel" "email" {
  for_each = var.alert_emails

  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }

  depends_on = [google_project_service.this]
}
