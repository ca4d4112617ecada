"""Charts as SVG: bars for comparisons, lines over logarithmic axes for growth; for light pages and dark ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _LEFT, _RIGHT = 760, 190, 70
_COLOURS = ("#2f6fed", "#7aa5f5", "#8a8f98", "#c2571a", "#dd8a55", "#b9bec6", "#4a9d7c", "#8fc7b0", "#a77fc4")
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.quiet{fill:#6a737d}.title{font-weight:600}"
    ".rule{stroke:#6a737d;stroke-opacity:.35}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9da7b1}}"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `note` stands behind it."""

    label: str
    value: float
    note: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a growth chart."""

    label: str
    points: Sequence[tuple[float, float]]


def bars(title: str, groups: Sequence[tuple[str, Sequence[Bar]]], *, mark: float | None = None) -> str:
    """Horizontal bars in groups; `mark` draws a rule at a value."""
    greatest = max((bar.value for _, group in groups for bar in group), default=1.0)
    unit = (_WIDTH - _LEFT - _RIGHT) / greatest
    labels = list(dict.fromkeys(bar.label for _, group in groups for bar in group))
    colours = {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}
    y, shapes = 40.0, [_text(12, 22, title, "title")]
    top = y
    for name, group in groups:
        shapes.append(_text(12, y + 16, name, "title"))
        y += 24
        for bar in group:
            shapes.append(_text(_LEFT - 8, y + 12, bar.label, anchor="end"))
            width = max(bar.value * unit, 1)
            shapes.append(f'<rect x="{_LEFT}" y="{y}" width="{width:.1f}" height="15" fill="{colours[bar.label]}"/>')
            shapes.append(_text(_LEFT + width + 6, y + 12, bar.note, "quiet"))
            y += 19
        y += 12
    if mark is not None:
        shapes.append(_rule(_LEFT + mark * unit, top, _LEFT + mark * unit, y - 12))
    return _svg(y + 4, title, shapes)


def lines(
    title: str,
    x_name: str,
    y_name: str,
    series: Sequence[Line],
    *,
    from_zero: bool = False,
    name_x: Callable[[float], str] | None = None,
) -> str:
    """Lines over a logarithmic x axis; the y axis is logarithmic too unless it is to begin at zero."""
    name_x = name_x or _short
    xs = sorted({x for line in series for x, _ in line.points})
    ys = [y for line in series for _, y in line.points]
    left, right, top, bottom = 80.0, _WIDTH - 30.0, 48.0, 330.0
    across = _Scale(xs[0], xs[-1], left, right, is_log=True)
    low = 0.0 if from_zero else min(ys) / 1.5
    up = _Scale(low, max(ys) * (1.25 if from_zero else 1.5), bottom, top, is_log=not from_zero)
    shapes = [_text(12, 22, title, "title"), _text(12, 40, y_name, "quiet"), _text(right, 372, x_name, "quiet", "end")]
    for x in xs:
        shapes.append(_text(across(x), bottom + 20, name_x(x), "quiet", "middle"))
    for y in _ticks(low, max(ys), is_log=not from_zero):
        shapes += [_rule(left, up(y), right, up(y)), _text(left - 8, up(y) + 4, _short(y), "quiet", "end")]
    for index, line in enumerate(series):
        shapes += _draw(line, _COLOURS[index], across, up)
        shapes.append(_text(left + 12 + 200 * index, top + 4, f"■ {line.label}", style=f"fill:{_COLOURS[index]}"))
    return _svg(384, title, shapes)


def _draw(line: Line, colour: str, across: _Scale, up: _Scale) -> Iterable[str]:
    places = [(across(x), up(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in places:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


class _Scale:
    def __init__(self, low: float, high: float, begin: float, end: float, *, is_log: bool) -> None:
        self._is_log = is_log
        self._low, self._begin = self._measure(low), begin
        self._unit = (end - begin) / ((self._measure(high) - self._low) or 1)

    def _measure(self, value: float) -> float:
        return math.log10(max(value, 1e-9)) if self._is_log else value

    def __call__(self, value: float) -> float:
        return self._begin + (self._measure(value) - self._low) * self._unit


def _ticks(low: float, high: float, *, is_log: bool) -> list[float]:
    if is_log:
        first, last = math.ceil(math.log10(max(low, 1e-9))), math.floor(math.log10(high * 1.5))
        return [10.0**power for power in range(first, last + 1)]
    step = 10 ** math.floor(math.log10(high or 1))
    step = step / 2 if high / step < 4 else step
    return [step * number for number in range(int(high / step) + 2)]


def _short(value: float) -> str:
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{letter}"
    return f"{value:g}"


def _text(x: float, y: float, text: str, name: str = "", anchor: str = "start", style: str = "") -> str:
    more = (f' class="{name}"' if name else "") + (f' style="{style}"' if style else "")
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="rule"/>'


def _svg(height: float, title: str, shapes: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img">'
    return "\n".join([head, f"<title>{escape(title)}</title>", f"<style>{_STYLE}</style>", *shapes, "</svg>"]) + "\n"
