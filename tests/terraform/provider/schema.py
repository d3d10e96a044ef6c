"""The arguments of a resource as a tree, and that tree as Terraform's plugin protocol tells it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tf.gen import tfplugin_pb2 as pb

CtyType = str | list[Any]
"""A type of Terraform's language as its JSON form: "string", ["map", "string"], …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument with a plain value."""

    type: CtyType
    required: bool = False
    optional: bool = True
    computed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One nested block. Always a list or a set of objects on the wire."""

    body: Body
    required: bool = False
    is_single: bool = True
    is_set: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What stands between the braces of a resource or of a block."""

    arguments: Mapping[str, Argument]
    blocks: Mapping[str, Block]

    def empty(self) -> dict[str, Any]:
        """Nothing given."""
        return dict.fromkeys(self.arguments) | {name: [] for name in self.blocks}


def resource_schema(body: Body) -> pb.Schema:
    return pb.Schema(version=0, block=_block(body))


def _block(body: Body) -> pb.Schema.Block:
    return pb.Schema.Block(
        attributes=[_attribute(name, body.arguments[name]) for name in sorted(body.arguments)],
        block_types=[_nested(name, body.blocks[name]) for name in sorted(body.blocks)],
    )


def _attribute(name: str, argument: Argument) -> pb.Schema.Attribute:
    return pb.Schema.Attribute(
        name=name,
        type=json.dumps(argument.type).encode(),
        required=argument.required,
        optional=argument.optional and not argument.required,
        computed=argument.computed,
    )


def _nested(name: str, block: Block) -> pb.Schema.NestedBlock:
    nesting = pb.Schema.NestedBlock.SET if block.is_set else pb.Schema.NestedBlock.LIST
    return pb.Schema.NestedBlock(
        type_name=name,
        block=_block(block.body),
        nesting=nesting,
        min_items=1 if block.required else 0,
        max_items=1 if block.is_single else 0,
    )
