"""`sidelane demo`: the whole way of a side effect on one machine, in about a minute."""

from __future__ import annotations

from cli.demo.command import demo

__all__ = ("demo",)
