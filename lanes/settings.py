"""What each lane is set to: the table of defaults, and what `SIDELANE_*` variables change of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from lanes.egress import EgressPolicy, Network


class LaneSettings(BaseModel):
    """One HTTP lane. Durations are seconds, and finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    deadline: PositiveFloat
    """For a whole request, waits and the reading of the answer included, unless the call names another."""
    connect_timeout: PositiveFloat = 2.0
    """To resolve a name, and again to connect to each of its addresses."""
    max_connections: PositiveInt
    """Requests under way at a time, each on its own connection."""
    keepalive: NonNegativeFloat = 15.0
    """How long an idle connection is kept. 0 uses each one once: for targets that close them silently."""
    max_waiting: NonNegativeInt
    """Requests that wait for a connection; one more is refused at once."""
    max_wait: PositiveFloat
    """After which a waiting request is refused."""
    max_body_bytes: PositiveInt
    """What is read of an answer."""
    cuts_body: bool = False
    """Whether a longer answer is cut off and marked, rather than refused with `AnswerTooLarge`."""
    max_per_target: PositiveInt | None = None
    """Requests of one target under way at a time; None leaves a target the whole lane."""
    breaker_failures: PositiveInt | None = 5
    """Failures in a row after which a target is left alone; None never does so."""
    breaker_open_for: PositiveFloat = 30.0
    """For how long, until one probe may go."""
    is_guarded: bool = True
    """Whether the egress guard looks at every URL and address: for all that is not a service of ours."""
    is_traced: bool = False
    """Whether the trace context is sent along: to services of ours alone, never to a user's URL."""


DEFAULT = LaneSettings(
    deadline=15.0, max_connections=100, max_waiting=100, max_wait=5.0, max_body_bytes=10_000_000
)
WEBHOOKS = LaneSettings(
    deadline=30.0,
    max_connections=64,
    max_waiting=256,
    max_wait=10.0,
    max_body_bytes=20_000,
    cuts_body=True,
    max_per_target=16,
)
AUTH = LaneSettings(
    deadline=10.0,
    max_connections=20,
    keepalive=0.0,  # stale connections were answered 500 at sign-in
    max_waiting=40,
    max_wait=3.0,
    max_body_bytes=1_000_000,
)
MAPS = LaneSettings(deadline=10.0, max_connections=8, max_waiting=32, max_wait=3.0, max_body_bytes=1_000_000)
STT = LaneSettings(
    deadline=300.0,
    connect_timeout=5.0,
    max_connections=8,
    max_waiting=8,
    max_wait=30.0,
    max_body_bytes=10_000_000,
    is_guarded=False,
    is_traced=True,
)
LLM = LaneSettings(
    deadline=60.0,
    connect_timeout=5.0,
    max_connections=32,
    max_waiting=64,
    max_wait=10.0,
    max_body_bytes=1_000_000,
    is_guarded=False,  # the addresses are ours to set
)
"""Language models, and the searches that feed them: slow, and many at a time for one caller."""
FCM = LaneSettings(
    deadline=10.0,  # the least that Google recommends
    max_connections=64,
    keepalive=60.0,
    max_waiting=128,
    max_wait=5.0,
    max_body_bytes=100_000,
    cuts_body=True,
    breaker_failures=None,  # of durable side effects alone: the handlers have a breaker of their own
    is_guarded=False,  # the address is ours to set
)


class ExecutorSettings(BaseModel):
    """One pool of threads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Also the names of its threads, with a number behind."""
    threads: PositiveInt
    max_waiting: NonNegativeInt
    """Jobs that may wait for a thread; one more is refused with `ExecutorSaturated`."""


CRITICAL = ExecutorSettings(name="critical", threads=4, max_waiting=64)
"""For work that a user waits for. Best-effort work has no place here."""
STORAGE = ExecutorSettings(name="storage", threads=2, max_waiting=256)
"""For files and blobs."""


def _listed(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class HttpLanesSettings(BaseModel):
    """The named lanes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: LaneSettings = DEFAULT
    webhooks: LaneSettings = WEBHOOKS
    auth: LaneSettings = AUTH
    maps: LaneSettings = MAPS
    stt: LaneSettings = STT
    llm: LaneSettings = LLM
    fcm: LaneSettings = FCM


class ExecutorsSettings(BaseModel):
    """The named executors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    critical: ExecutorSettings = CRITICAL
    storage: ExecutorSettings = STORAGE


class LanesSettings(BaseSettings):
    """`SIDELANE_HTTP__WEBHOOKS__DEADLINE=5` changes one number of the table; the rest stays.

    `none` takes a bound away that may be None.

    Raises pydantic's ValidationError, which names the variable's field, its value and what is allowed.
    """

    model_config = SettingsConfigDict(
        env_prefix="SIDELANE_",
        env_nested_delimiter="__",
        env_parse_none_str="none",
        nested_model_default_partial_update=True,
        frozen=True,
        extra="ignore",
    )

    http: HttpLanesSettings = HttpLanesSettings()
    executors: ExecutorsSettings = ExecutorsSettings()
    latest_streams: PositiveInt = 4_096
    """Streams of latest-wins that may have an item under way."""
    refuse_default_executor: bool = True
    """Whether the event loop's default executor takes no work: turn it off for a loop that others share."""
    drain_seconds: NonNegativeFloat = 8.0
    """In which everything is closed; Cloud Run kills a process 10 s after its SIGTERM."""
    stuck_after: PositiveFloat = 10.0
    """Seconds in which the event loop ran nothing, after which the process is unhealthy."""
    health_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Of the health endpoint that answers though the event loop is stuck; None has none."""
    own_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ("a.run.app",)
    """Host names, and what ends in them, that no user's URL may name: public addresses that lead inside."""
    egress_allow: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Networks that user-supplied URLs may reach though they are private, on any port: for development.

    As `own_hosts`, a list with commas: `SIDELANE_EGRESS_ALLOW=127.0.0.0/8,::1/128`.
    """
    json_logs: bool | None = None
    """Logs as JSON lines in Cloud Logging's fields. None: on Cloud Run alone."""
    settle_heap: bool | None = None
    """Whether the garbage collector leaves out what a service is made of. None: on Cloud Run alone."""
    log_project: str | None = Field(None, validation_alias=AliasChoices("SIDELANE_PROJECT", "log_project"))
    """Whose traces the logs' trace ids belong to."""
    k_service: str | None = Field(None, validation_alias="K_SERVICE")

    @property
    def logs_json(self) -> bool:
        return self.k_service is not None if self.json_logs is None else self.json_logs

    @property
    def heap_settles(self) -> bool:
        return self.k_service is not None if self.settle_heap is None else self.settle_heap

    def egress(self) -> EgressPolicy:
        """Raises ValueError where a deployed service would allow private networks."""
        if not self.egress_allow:
            return EgressPolicy(own_suffixes=self.own_hosts)
        if self.k_service is not None:
            raise ValueError(
                "SIDELANE_EGRESS_ALLOW is for development: remove it from the Cloud Run service, since it "
                "lets user-supplied URLs reach private networks"
            )
        return EgressPolicy(own_suffixes=self.own_hosts, ports=None, allowed=self.egress_allow)
