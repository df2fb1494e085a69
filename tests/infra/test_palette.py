"""The palette is readable in both schemes (WCAG 2.2 AA), and pages carry nothing that the strict policy would block."""

import re
from pathlib import Path

import pytest
from django.conf import settings

STATIC = Path(settings.BASE_DIR) / "static"
TEMPLATES = Path(settings.BASE_DIR) / "templates"

TEXT = [
    *[(ink, ground) for ink in ("ink", "quiet", "accent") for ground in ("page", "surface", "sunken", "hover")],
    *[(f"{kind}-ink", f"{kind}-soft") for kind in ("pass", "warn", "fail", "info", "neutral")],
    ("fail-ink", "surface"),
    ("danger", "surface"),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
]
GRAPHICS = [
    *[(mark, ground) for mark in ("pass", "warn", "fail", "accent", "field-line") for ground in ("page", "surface")],
    ("bar", "surface"),
    ("bar-score", "bar-track"),
]


def _palettes() -> dict[str, dict[str, str]]:
    """The hexadecimal custom properties of palette.css; what dark does not name stays as in light."""
    light, dark = (STATIC / "css" / "palette.css").read_text().split("prefers-color-scheme: dark", 1)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", text)) for text in (light, dark)]
    return {"light": found[0], "dark": {**found[0], **found[1]}}


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_readable_text(scheme: str) -> None:
    colours = _palettes()[scheme]
    ratios = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in TEXT}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_visible_marks_and_borders(scheme: str) -> None:
    colours = _palettes()[scheme]
    ratios = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in GRAPHICS}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 3} == {}


def test_it_defines_every_custom_property_that_a_stylesheet_uses() -> None:
    palette, console = ((STATIC / "css" / name).read_text() for name in ("palette.css", "console.css"))
    defined = set(re.findall(r"(--[\w-]+):", palette + console))
    admin = (STATIC / "css" / "admin.css").read_text()
    assert set(re.findall(r"var\((--[\w-]+)", palette + console)) - defined == set()
    assert set(re.findall(r"var\((--[\w-]+)", admin)) - defined - set(re.findall(r"(--[\w-]+):", admin)) == set()


@pytest.mark.parametrize("template", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_it_has_no_inline_style_script_or_handler(template: Path) -> None:
    html = template.read_text()
    assert re.findall(r"<style|\sstyle\s*=|<script(?![^>]*\ssrc=)|\son[a-z]+\s*=\s*[\"']|javascript:|hx-on", html) == []
