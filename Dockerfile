# One image for every service; `sidelane serve` takes its name: docker run … backend | handlers | dead-letters.
# A deployment pins the base by its digest: --build-arg PYTHON=python@sha256:…
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /app
RUN python -m venv /app/.venv
# Dependencies change less often than sources: their layer comes first.
COPY requirements.run.lock ./
RUN .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.run.lock
COPY contracts/ contracts/
COPY lanes/ lanes/
COPY stores/ stores/
COPY producers/ producers/
COPY handlers/ handlers/
COPY cli/ cli/
RUN .venv/bin/python -m compileall -q .venv/lib contracts lanes stores producers handlers cli

FROM ${PYTHON}
RUN useradd --uid 10001 --no-create-home sidelane
WORKDIR /app
COPY --from=build /app /app
COPY infra/terraform/queues.yaml infra/terraform/queues.yaml
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
# No shell in between: SIGTERM reaches the server, which has 10 s to end what is under way.
ENTRYPOINT ["/app/.venv/bin/python", "-m", "cli.main", "serve", "--host", "0.0.0.0"]
CMD ["handlers"]
