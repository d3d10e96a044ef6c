"""What tasks and events have in common: a name, a version, and a way from every older one. Pure, no I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from contracts.errors import ContractError, NewerVersion, Undecodable

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""Turns the JSON object of version n into that of version n + 1."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
_FIELDS = TypeAdapter(dict[str, Any])


class Versioned(BaseModel):
    """A shape that is written by one release and read by another.

    Building one refuses unknown fields; reading one ignores them, so that a new optional field needs no new
    version. Any other change of shape is a new version with an upcaster from the one before.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,  # JSON has neither: they would be written as null
        ser_json_bytes="base64",
        val_json_bytes="base64",
        validate_by_name=True,
        serialize_by_alias=True,
    )

    name: ClassVar[str]
    """The type's name, wherever one is named; never changes once released."""
    version: ClassVar[int] = 1
    upcasters: ClassVar[Mapping[int, Upcaster]] = {}
    """By the version they start from; one for every version below the current."""

    _noun: ClassVar[str]
    """What messages call it."""
    _invalid: ClassVar[type[ContractError]]
    """Raised where a type breaks a rule."""
    _reserved: ClassVar[tuple[str, ...]]
    """Names that no field may take."""

    @classmethod
    def _check_type(cls) -> None:
        """Raises `_invalid`; each base calls it for its subclasses."""
        for attribute in cls._reserved:
            if attribute in cls.model_fields:
                raise cls._invalid(
                    f"{cls.__name__}.{attribute} belongs to the {cls._noun} type: give the field another name"
                )
        if not _NAME.match(getattr(cls, "name", "")):
            raise cls._invalid(
                f"{cls.__name__}.name must be lower-case letters, digits and hyphens, at most 63; "
                f"got {getattr(cls, 'name', None)!r}"
            )
        expected = set(range(1, cls.version))
        if set(cls.upcasters) != expected:
            raise cls._invalid(
                f"{cls.__name__} has version {cls.version} and needs upcasters from {sorted(expected)}; "
                f"it has them from {sorted(cls.upcasters)}"
            )

    def to_payload(self) -> bytes:
        """Its own fields as JSON, in UTF-8 on one line."""
        return self.model_dump_json().encode()

    @classmethod
    def from_payload(cls, payload: bytes, version: int) -> Self:
        """Read a payload that `version` of this type wrote, upcasting it where it is older.

        Raises:
            NewerVersion: `version` is above this code's.
            Undecodable: the payload is not valid for its version.
        """
        if version > cls.version:
            raise NewerVersion(cls.name, version, cls.version, noun=cls._noun)
        current = payload
        try:
            if version < cls.version:
                fields = _FIELDS.validate_json(payload)
                for step in range(version, cls.version):
                    fields = cls.upcasters[step](fields)
                current = json.dumps(fields).encode()
            return cls.model_validate_json(current, extra="ignore")
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            detail = f"payload of {cls._noun} {cls.name!r} version {version} is not valid: {_explain(error)}"
            raise Undecodable(detail, payload) from error


def _explain(error: Exception) -> str:
    """The first fault of a payload, without its values: they may be private."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"field {place!r}: {first['msg']}" if place else first["msg"]
    return f"an upcaster could not read it ({type(error).__name__})"
