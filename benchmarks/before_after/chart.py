"""Draws the comparison as an SVG: bars on a logarithmic scale, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

_WIDTH, _ROW, _LEFT, _TOP = 720, 22, 190, 46
_FIRST, _DECADES = 0.001, 4
"""Seconds at the left edge, and how many times ten the right edge is."""
_COLOURS = ("#2f7d4f", "#c9822b", "#b0413e")
"""Of the conditions, in their order."""


def chart(title: str, conditions: Sequence[str], rows: Mapping[str, Sequence[float]]) -> str:
    """`rows`: for each pattern its seconds under each condition."""
    height = _TOP + sum(_ROW * len(values) + 14 for values in rows.values()) + 26
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="12" fill="#666">',
        f'<text x="0" y="16" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for place, condition in enumerate(conditions):
        x = 190 * place
        parts.append(f'<rect x="{x}" y="26" width="10" height="10" fill="{_COLOURS[place]}"/>')
        parts.append(f'<text x="{x + 16}" y="35">downstream: {escape(condition)}</text>')
    y = _TOP + 6
    for pattern, values in rows.items():
        parts.append(f'<text x="0" y="{y + 13}">{escape(pattern)}</text>')
        for place, value in enumerate(values):
            length = _length(value)
            size = f'width="{length:.0f}" height="{_ROW - 6}"'
            parts.append(f'<rect x="{_LEFT}" y="{y}" {size} fill="{_COLOURS[place]}"/>')
            parts.append(f'<text x="{_LEFT + length + 6:.0f}" y="{y + 12}">{told(value)}</text>')
            y += _ROW
        y += 14
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def told(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def _length(seconds: float) -> float:
    share = log10(max(seconds, _FIRST) / _FIRST) / _DECADES
    return max(2.0, min(1.0, share) * (_WIDTH - _LEFT - 70))
