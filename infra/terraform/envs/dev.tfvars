environment = "dev"
region      = "us-central1"

services = {
  backend      = { min_instances = 0, max_instances = 2, concurrency = 200, cpu = "1", memory = "512Mi" }
  handlers     = { min_instances = 0, max_instances = 13, concurrency = 100, cpu = "1", memory = "1Gi" }
  dead_letters = { min_instances = 0, max_instances = 2, concurrency = 40, cpu = "1", memory = "512Mi" }
}

speech_urls = {
  embedding = "https://embedding.speech.example"
  activity  = "https://activity.speech.example"
  profile   = "https://profile.speech.example"
}
