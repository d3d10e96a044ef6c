# The developer's interface; CI runs the same targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ready
# What plays the google provider in tests/terraform: its dependencies and ours do not go together.
TERRAFORM_STAMP := $(if $(shell command -v terraform),.venv-terraform/.ready)

.PHONY: setup demo test check format lock load bench bench-before-after soak storage-emulator

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; assert (3, 11) <= sys.version_info[:2] <= (3, 13), "Sidelane needs Python 3.11 to 3.13; set PYTHON=python3.12, say"'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(STAMP)

.venv-terraform/.ready: tests/terraform/requirements.lock tests/terraform/arguments.lock
	$(PYTHON) -m venv .venv-terraform
	.venv-terraform/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/terraform/requirements.lock
	.venv-terraform/bin/pip download --quiet --disable-pip-version-check --require-hashes --no-deps -r tests/terraform/arguments.lock -d .venv-terraform/wheels
	touch $@

demo: $(STAMP)
	$(BIN)/sidelane demo $(ARGS)

test: $(STAMP) $(TERRAFORM_STAMP)
	$(BIN)/pytest --numprocesses auto $(ARGS)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/sidelane schemas --check
	$(BIN)/check-jsonschema --builtin-schema vendor.cloudbuild cloudbuild.yaml cloudbuild.deploy.yaml
	$(BIN)/check-jsonschema --schemafile infra/terraform/queues.schema.json infra/terraform/queues.yaml examples/queues.yaml

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(STAMP)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --all-extras pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --extra handlers -c requirements.lock pyproject.toml -o requirements.run.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header tests/terraform/requirements.in -o tests/terraform/requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-deps tests/terraform/arguments.in -o tests/terraform/arguments.lock

load: $(STAMP)
	$(BIN)/python -m tests.load $(ARGS)

bench: $(STAMP)
	$(BIN)/python -m benchmarks $(ARGS)

bench-before-after: $(STAMP)
	$(BIN)/python -m benchmarks.before_after $(ARGS)

soak: $(STAMP)
	$(BIN)/python -m tests.soak $(ARGS)

# An emulator of Cloud Storage that others publish, in an environment of its own: `make test` then asks it too.
storage-emulator:
	$(PYTHON) -m venv .venv-storage-emulator
	.venv-storage-emulator/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/storage_emulator.txt
