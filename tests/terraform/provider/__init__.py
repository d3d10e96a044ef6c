"""A stand-in for Terraform's google provider: its arguments, queues and topics by REST, the rest in state.

It runs in an environment of its own (tests/terraform/requirements.lock) and imports nothing of the project.
infra/terraform/README.md tells what it proves.
"""
