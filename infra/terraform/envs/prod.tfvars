environment = "prod"
region      = "us-central1"

services = {
  backend      = { min_instances = 2, max_instances = 50, concurrency = 200, cpu = "2", memory = "1Gi" }
  handlers     = { min_instances = 2, max_instances = 20, concurrency = 100, cpu = "2", memory = "2Gi" }
  dead_letters = { min_instances = 0, max_instances = 5, concurrency = 40, cpu = "1", memory = "512Mi" }
}

speech_urls = {
  embedding = "https://embedding.speech.example"
  activity  = "https://activity.speech.example"
  profile   = "https://profile.speech.example"
}

backend_secrets = {
  SIDELANE_SEAL_KEY = "seal-key"
}
