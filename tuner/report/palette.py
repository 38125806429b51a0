"""The report's colours, light and dark, by what they mean.

Charts name them as CSS variables (``var(--ink)``), so that the page's theme and its print style
reach into the charts; pictures made without a browser get the light ones put in.
Series differ in shape or dash as well as in colour, and in lightness for those who see no hue.
"""

from typing import Any

LIGHT = {
    "paper": "#ffffff",
    "card": "#f6f7f9",
    "edge": "#dfe3e8",
    "grid": "#e9ecf0",
    "ink": "#15202b",
    "muted": "#5a6673",
    "accent": "#0b6bcb",
    "second": "#b4540a",
    "good": "#1a7f4b",
    "good-soft": "#d9f0e3",
    "warn": "#9a6700",
    "warn-soft": "#fff1cf",
    "bad": "#b42318",
    "bad-soft": "#fde4e1",
}

DARK = {
    "paper": "#11161c",
    "card": "#1a2129",
    "edge": "#323c47",
    "grid": "#252e38",
    "ink": "#e8edf2",
    "muted": "#a0acb8",
    "accent": "#6cb2ff",
    "second": "#f5a25d",
    "good": "#57c78b",
    "good-soft": "#163425",
    "warn": "#e5b94b",
    "warn-soft": "#382c0d",
    "bad": "#ff8a7e",
    "bad-soft": "#451c18",
}


def color(name: str) -> str:
    """A colour as charts name it."""
    if name not in LIGHT:
        raise KeyError(name)
    return f"var(--{name})"


def painted(spec: Any, colors: dict[str, str] = LIGHT) -> Any:
    """The same chart with the colours themselves, for a renderer that knows no CSS."""
    if isinstance(spec, dict):
        return {key: painted(value, colors) for key, value in spec.items()}
    if isinstance(spec, list):
        return [painted(value, colors) for value in spec]
    if isinstance(spec, str) and spec.startswith("var(--"):
        return colors[spec.removeprefix("var(--").removesuffix(")")]
    return spec
