"""Answers Terraform: schemas, plans and applies. What is not kept by REST lives in its state alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import grpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc
from tf.types import Unknown
from tf.utils import Diagnostics, read_dynamic_value, to_dynamic_value

from tests.terraform.provider.cloud import CloudError, Endpoints, Kept, kept
from tests.terraform.provider.predicted import predicted, settled
from tests.terraform.provider.resources import REPLACED
from tests.terraform.provider.schema import Argument, Body, resource_schema

TASKS_ENDPOINT = "GOOGLE_CLOUD_TASKS_CUSTOM_ENDPOINT"
PUBSUB_ENDPOINT = "GOOGLE_PUBSUB_CUSTOM_ENDPOINT"
"""Variables that the real provider reads, too: base URLs with version and slash."""
PROJECT_NUMBER = "123456789012"
PROJECT = Body(
    {
        "project_id": Argument(type="string", computed=True),
        "number": Argument(type="string", optional=False, computed=True),
        "id": Argument(type="string", optional=False, computed=True),
    },
    {},
)
"""What `data "google_project"` gives, as far as it is used."""

Values = dict[str, Any]


def _told(method: Callable[..., Any]) -> Callable[..., Any]:
    """An error of the service is one of Terraform's, and no broken pipe."""

    @wraps(method)
    def call(self: Servicer, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except CloudError as error:
            diagnostics = Diagnostics().add_error(str(error)).to_pb()
            return getattr(pb, method.__name__).Response(diagnostics=diagnostics)

    return call


class Servicer(rpc.ProviderServicer):  # type: ignore[misc]  # generated without types
    def __init__(self, provider: Body, bodies: Mapping[str, Body]) -> None:
        self._provider = provider
        self._bodies = bodies
        self._project = ""
        self._kept: Mapping[str, Kept] = {}

    def GetMetadata(self, _: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802  (the protocol's names)
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "the schema tells")

    def GetProviderSchema(self, *_: Any) -> Any:  # noqa: N802
        return pb.GetProviderSchema.Response(
            provider=resource_schema(self._provider),
            resource_schemas={name: resource_schema(body) for name, body in self._bodies.items()},
            data_source_schemas={"google_project": resource_schema(PROJECT)},
        )

    def ValidateProviderConfig(self, *_: Any) -> Any:  # noqa: N802
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, *_: Any) -> Any:  # noqa: N802
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, *_: Any) -> Any:  # noqa: N802
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, _: Any) -> Any:  # noqa: N802
        config = read_dynamic_value(request.config)
        self._project = config.get("project") or ""
        endpoints = Endpoints(
            tasks=config.get("cloud_tasks_custom_endpoint") or os.environ.get(TASKS_ENDPOINT, ""),
            pubsub=config.get("pubsub_custom_endpoint") or os.environ.get(PUBSUB_ENDPOINT, ""),
        )
        self._kept = kept(self._bodies, endpoints) if endpoints.tasks and endpoints.pubsub else {}
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, _: Any) -> Any:  # noqa: N802
        return pb.UpgradeResourceState.Response(
            upgraded_state=to_dynamic_value(json.loads(request.raw_state.json))
        )

    @_told
    def ReadResource(self, request: Any, _: Any) -> Any:  # noqa: N802
        state = read_dynamic_value(request.current_state)
        if (rest := self._kept.get(request.type_name)) is not None:
            is_imported = request.private == b"imported"
            state = rest.read(state, whole=is_imported)
        return pb.ReadResource.Response(new_state=to_dynamic_value(state))

    def PlanResourceChange(self, request: Any, _: Any) -> Any:  # noqa: N802
        body = self._bodies[request.type_name]
        prior, proposed = (
            read_dynamic_value(request.prior_state),
            read_dynamic_value(request.proposed_new_state),
        )
        replaced: list[str] = []
        if proposed is not None:
            if prior is None:
                proposed = predicted(request.type_name, body, proposed, self._project)
            else:
                replaced = [
                    name
                    for name in REPLACED & body.arguments.keys()
                    if proposed[name] is not Unknown and prior[name] != proposed[name]
                ]
        return pb.PlanResourceChange.Response(
            planned_state=to_dynamic_value(proposed),
            requires_replace=[
                pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)]) for name in replaced
            ],
            legacy_type_system=True,
        )

    @_told
    def ApplyResourceChange(self, request: Any, _: Any) -> Any:  # noqa: N802
        prior, planned = read_dynamic_value(request.prior_state), read_dynamic_value(request.planned_state)
        rest = self._kept.get(request.type_name)
        if planned is None:
            if prior.get("deletion_policy") == "PREVENT" or prior.get("deletion_protection"):
                raise CloudError(
                    f"{prior['id']} is protected: take deletion_policy or deletion_protection away"
                )
            if rest is not None:
                rest.delete(prior)
            return pb.ApplyResourceChange.Response(new_state=to_dynamic_value(None))
        values = settled(request.type_name, self._bodies[request.type_name], planned, PROJECT_NUMBER)
        if rest is not None:
            values["id"] = rest.id(values)
            if prior is None:
                rest.create(values)
            else:
                rest.update(prior, values)
            return pb.ApplyResourceChange.Response(
                new_state=to_dynamic_value(rest.read(values)), legacy_type_system=True
            )
        return pb.ApplyResourceChange.Response(new_state=to_dynamic_value(values), legacy_type_system=True)

    @_told
    def ImportResourceState(self, request: Any, _: Any) -> Any:  # noqa: N802
        rest = self._kept.get(request.type_name)
        if rest is None:
            raise CloudError(f"the stand-in imports what it keeps by REST, and no {request.type_name}")
        resource = pb.ImportResourceState.ImportedResource(
            type_name=request.type_name,
            state=to_dynamic_value(rest.imported(request.id)),
            private=b"imported",
        )
        return pb.ImportResourceState.Response(imported_resources=[resource])

    def ReadDataSource(self, request: Any, _: Any) -> Any:  # noqa: N802
        config = read_dynamic_value(request.config)
        project = config.get("project_id") or self._project
        found = {"project_id": project, "number": PROJECT_NUMBER, "id": f"projects/{project}"}
        return pb.ReadDataSource.Response(state=to_dynamic_value(found))

    def StopProvider(self, *_: Any) -> Any:  # noqa: N802
        return pb.StopProvider.Response()
