"""A trend in Chromium: drawn in the colours of the page, walked by keys, read out, redrawn in the dark and narrower."""

from pathlib import Path

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import Browser, expect

from readiness.infra.trend import TrendChart, TrendSeries

pytestmark = pytest.mark.once
STATIC = Path(__file__).resolve().parents[2] / "static"
CHART = TrendChart(
    title="Errors per day",
    sentence="more than the week before: 7 after 0",
    labels=("19 Nov", "20 Nov", "21 Nov"),
    series=(TrendSeries("Errors", (3, None, 1_204)),),
    unit="errors",
)
_COLOURS = """() => {
  const canvas = document.querySelector("canvas");
  const drawn = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let at = 0; at < drawn.length; at += 4) {
    if (drawn[at + 3] === 255) seen.add(`${drawn[at]},${drawn[at + 1]},${drawn[at + 2]}`);
  }
  return [...seen];
}"""


def test_it_is_drawn_walked_and_redrawn(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 800, "height": 600}, color_scheme="light")
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content(f"<main>{render_to_string('_partials/trend.html', {'chart': CHART})}</main>")
    for name in ("css/palette.css", "css/console.css", "vendor/uplot/uPlot.min.css"):
        page.add_style_tag(path=STATIC / name)
    for name in ("vendor/uplot/uPlot.iife.min.js", "js/trend.js"):
        page.add_script_tag(path=STATIC / name)
    chart, readout = page.get_by_role("slider", name="Errors per day"), page.locator(".trend-readout")
    expect(readout).to_have_text("21 Nov: 1,204 errors")
    chart.focus()
    page.keyboard.press("ArrowLeft")
    expect(readout).to_have_text("20 Nov: nothing measured")
    page.keyboard.press("Home")
    expect(readout).to_have_text("19 Nov: 3 errors")
    page.keyboard.press("ArrowLeft")
    expect(chart).to_have_attribute("aria-valuetext", "19 Nov: 3 errors")
    assert "47,93,138" in page.evaluate(_COLOURS)  # --bar-score in light
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => ({_COLOURS})().includes('141,184,228')")  # and in dark
    page.set_viewport_size({"width": 390, "height": 600})
    page.wait_for_function("() => document.querySelector('.uplot').offsetWidth <= 390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert errors == []
    page.close()
