# What the catalog becomes, with a provider that makes values up. `terraform test` runs it.

mock_provider "google" {
  override_during = plan

  mock_data "google_project" {
    defaults = {
      number = "123456789012"
    }
  }
}

variables {
  project_id  = "sidelane-test-1"
  region      = "us-central1"
  environment = "dev"
  images      = { backend = "backend", handlers = "handlers", dead_letters = "dead-letters" }
  services = {
    backend      = { min_instances = 0, max_instances = 1, concurrency = 80, cpu = "1", memory = "512Mi" }
    handlers     = { min_instances = 0, max_instances = 50, concurrency = 100, cpu = "1", memory = "512Mi" }
    dead_letters = { min_instances = 0, max_instances = 1, concurrency = 80, cpu = "1", memory = "512Mi" }
  }
  speech_urls = { embedding = "https://e.example", activity = "https://a.example", profile = "https://p.example" }
  queues_file = "tests/queues.yaml"
}

run "a_queue_takes_the_defaults_key_by_key" {
  command = plan

  # The provider that makes values up says nothing of a queue's state.
  expect_failures = [check.queues_run_as_declared]

  assert {
    condition     = local.queues.calls.rate_limits == { max_dispatches_per_second = 0.5, max_concurrent_dispatches = 10 }
    error_message = "one key of rate_limits is overridden, the other one comes from the defaults"
  }
  assert {
    condition     = local.queues.letters.delivery == local.catalog.defaults.delivery
    error_message = "a queue without settings is the defaults"
  }
  assert {
    condition     = local.queues.calls.delivery.schedule == ["0.25s"]
    error_message = "a list is replaced, never merged"
  }
}

run "every_queue_has_a_sibling_and_both_pause_together" {
  command = plan

  variables {
    paused_queues = ["calls"]
  }

  expect_failures = [check.queues_run_as_declared]

  assert {
    condition     = keys(module.queue) == ["calls", "calls-retry", "letters", "letters-retry"]
    error_message = "each queue has a sibling that ends in -retry"
  }
}

run "more_dispatches_than_places_are_noticed" {
  command = plan

  variables {
    services = {
      backend      = { min_instances = 0, max_instances = 1, concurrency = 80, cpu = "1", memory = "512Mi" }
      handlers     = { min_instances = 0, max_instances = 1, concurrency = 5, cpu = "1", memory = "512Mi" }
      dead_letters = { min_instances = 0, max_instances = 1, concurrency = 80, cpu = "1", memory = "512Mi" }
    }
  }

  expect_failures = [check.queues_run_as_declared, check.the_handlers_take_what_the_queues_dispatch]
}

run "a_queue_that_gives_up_is_noticed" {
  command = plan

  variables {
    queues_file = "tests/giving-up.yaml"
  }

  expect_failures = [check.queues_run_as_declared, check.queues_never_give_up]
}
