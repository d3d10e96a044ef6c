"""What a resource will have that nobody sets: known when it is planned, or when it is applied. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tf.types import Unknown

from tests.terraform.provider.schema import Argument, Body

Values = dict[str, Any]

_EMPTY: Mapping[str, Any] = {"string": "", "number": 0, "bool": False}


def predicted(type_: str, body: Body, values: Mapping[str, Any], project: str) -> Values:
    """The values of a resource that is to be created; what only its creation tells is unknown."""
    found = dict(values)
    if "project" in body.arguments and found["project"] is None:
        found["project"] = project or Unknown
    if type_ == "google_service_account" and _known(found, "account_id", "project"):
        email = f"{found['account_id']}@{found['project']}.iam.gserviceaccount.com"
        found |= {"email": email, "member": f"serviceAccount:{email}"}
    for name, argument in body.arguments.items():
        if argument.computed and found[name] is None:
            found[name] = Unknown
    for name, block in body.blocks.items():
        if isinstance(found[name], list):
            found[name] = [_inside(block.body, each) for each in found[name]]
    return found


def settled(type_: str, body: Body, values: Mapping[str, Any], number: str) -> Values:
    """The values of a resource that was created: nothing is unknown."""
    found = {name: value for name, value in values.items() if value is not Unknown}
    name = found.get("name") or found.get("account_id") or found.get("secret_id") or type_
    path = f"projects/{found.get('project', number)}/{type_}/{name}"
    known: Values = {"id": path, "name": path}
    if type_ == "google_service_account":
        known["name"] = f"projects/{found['project']}/serviceAccounts/{found['email']}"
    if type_ == "google_cloud_run_v2_service":
        known["uri"] = f"https://{name}-{number}.{found['location']}.run.app"
    for each, argument in body.arguments.items():
        if each not in found:
            found[each] = known.get(each, _anything(argument, f"{type_}/{name}/{each}"))
    for each, block in body.blocks.items():
        found[each] = [_settled_inside(block.body, inner) for inner in found.get(each) or []]
    return found


def _known(values: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(values[name], str) for name in names)


def _inside(body: Body, values: Any) -> Any:
    """The same for a block: what is computed there is unknown until it is applied."""
    if not isinstance(values, dict):
        return values
    found = dict(values)
    for name, argument in body.arguments.items():
        if argument.computed and found[name] is None:
            found[name] = Unknown
    for name, block in body.blocks.items():
        if isinstance(found[name], list):
            found[name] = [_inside(block.body, each) for each in found[name]]
    return found


def _settled_inside(body: Body, values: Mapping[str, Any]) -> Values:
    found = {
        name: _anything(argument, name) if values[name] is Unknown else values[name]
        for name, argument in body.arguments.items()
    }
    for name, block in body.blocks.items():
        found[name] = [_settled_inside(block.body, each) for each in values[name] or []]
    return found


def _anything(argument: Argument, text: str) -> Any:
    """A value of its type that stands for what the service makes up."""
    if argument.type == "string":
        return text
    if isinstance(argument.type, list):
        return {} if argument.type[0] == "map" else []
    return _EMPTY[argument.type]
