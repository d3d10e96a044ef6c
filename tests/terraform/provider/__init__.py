"""A stand-in for Terraform's google provider: real argument names, queues and topics by REST, the rest in state.

It runs in an environment of its own (`requirements.lock` beside it) and imports nothing of the project. What it
proves is told in infra/terraform/README.md; the real provider takes its place where it can be had.
"""
