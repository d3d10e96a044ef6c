"""Reads the arguments of Google's Terraform resources from the classes of the pulumi-gcp wheel, unrun.

Those classes are generated from the provider itself. They lack what is inferred or told here: that a single
object is a block which stands once, and which names they put into the plural.
"""

from __future__ import annotations

import ast
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.terraform.provider.schema import Argument, Block, Body, CtyType

SINGULAR = {
    "commands": "command",
    "depends_ons": "depends_on",
    "envs": "env",
    "lifecycle_rules": "lifecycle_rule",
    "traffics": "traffic",
}
"""By pulumi's name."""
MADE_UP = frozenset({"account_id", "name", "secret_id"})
"""Names that Terraform needs; pulumi makes them up where they are not given."""
SETS = frozenset({"cleanup_policies", "env"})
"""Blocks that are sets; every other one is a list."""
_PLAIN: Mapping[str, CtyType] = {"str": "string", "int": "number", "float": "number", "bool": "bool"}
_OUTPUT = re.compile(r":param [^\n]+? (\w+): \(Output\)")

Classes = Mapping[str, ast.ClassDef]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parameter:
    name: str
    annotation: ast.expr
    is_required: bool
    is_output: bool


class Wheel:
    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._names = frozenset(self._zip.namelist())

    def resource(self, module: str, name: str) -> Body:
        """The body of a resource, as of "cloudtasks/queue" and "Queue"; raises KeyError."""
        own = self._classes(f"pulumi_gcp/{module}.py")
        inputs = f"pulumi_gcp/{module.split('/')[0]}/_inputs.py"
        nested = self._classes(inputs) if inputs in self._names else {}
        given = _body(own[f"{name}Args"], nested)
        known = _body(own[f"_{name}State"], nested)
        computed = {
            argument: Argument(type=each.type, optional=False, computed=True)
            for argument, each in known.arguments.items()
            if argument not in given.arguments and argument != "pulumi_labels"
        }
        arguments = {**computed, **given.arguments, "id": Argument(type="string", computed=True)}
        for argument in MADE_UP & given.arguments.keys():
            arguments[argument] = Argument(type="string", required=True)
        if "project" in given.arguments:
            arguments["project"] = Argument(type="string", computed=True)
        return Body(arguments, given.blocks)

    def provider(self) -> Body:
        """The plain arguments of the provider itself."""
        body = _body(self._classes("pulumi_gcp/provider.py")["ProviderArgs"], {})
        return Body({name: Argument(type=each.type) for name, each in body.arguments.items()}, {})

    def _classes(self, file: str) -> Classes:
        tree = ast.parse(self._zip.read(file))
        return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _body(of: ast.ClassDef, nested: Classes) -> Body:
    arguments: dict[str, Argument] = {}
    blocks: dict[str, Block] = {}
    for parameter in _parameters(of):
        name = SINGULAR.get(parameter.name, parameter.name)
        kind = _kind(parameter.annotation)
        inner = kind[1] if isinstance(kind, list) and kind[0] == "list" else kind
        if isinstance(inner, str) and inner in nested:
            blocks[name] = Block(
                body=_body(nested[inner], nested),
                required=parameter.is_required,
                is_single=inner is kind,
                is_set=name in SETS,
            )
        elif not _names_a_class(kind):
            arguments[name] = Argument(
                type=kind, required=parameter.is_required, computed=parameter.is_output
            )
    return Body(arguments, blocks)


def _names_a_class(kind: CtyType) -> bool:
    """An object of another module's: of no resource that is used here."""
    return any(part.endswith("Args") for part in _words(kind))


def _words(kind: CtyType) -> Iterator[str]:
    if isinstance(kind, str):
        yield kind
    else:
        for part in kind:
            yield from _words(part)


def _parameters(of: ast.ClassDef) -> Iterator[_Parameter]:
    init = next(each for each in of.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
    outputs = set(_OUTPUT.findall(ast.get_docstring(init) or ""))
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        if argument.annotation is not None:
            yield _Parameter(
                name=argument.arg,
                annotation=argument.annotation,
                is_required=default is None,
                is_output=argument.arg in outputs,
            )


def _kind(annotation: ast.expr) -> CtyType:
    """`pulumi.Input[Optional[Sequence[pulumi.Input[str]]]]` is ["list", "string"]; a class is its name."""
    if isinstance(annotation, ast.Constant):
        return str(annotation.value)
    if isinstance(annotation, ast.Attribute):
        return _PLAIN.get(annotation.attr, "string")
    if isinstance(annotation, ast.Subscript):
        outer = (
            annotation.value.attr
            if isinstance(annotation.value, ast.Attribute)
            else ast.unparse(annotation.value)
        )
        match outer, annotation.slice:
            case ("Sequence", inner):
                return ["list", _kind(inner)]
            case ("Mapping", ast.Tuple(elts=[_, inner])):
                return ["map", _kind(inner)]
            case (_, inner):
                return _kind(inner)
    raise ValueError(f"no type of a resource's argument: {ast.unparse(annotation)}")
