// Draws every [data-trend] (readiness.infra.trend.TrendChart) with uPlot, in the colours of the page. The figures are also
// in the table beside it; arrow keys, Home and End walk the chart, and each bucket is read out.

"use strict";

(() => {
  const TONES = ["--bar-score", "--fail", "--warn"];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map(); // box → its chart

  const figure = (value, unit) => (value === null ? "nothing measured" : `${value.toLocaleString("en")} ${unit}`.trim());

  const words = (data, index) => {
    const several = data.series.length > 1;
    const parts = data.series.map(({ name, values }) => `${several ? `${name} ` : ""}${figure(values[index], data.unit)}`);
    return `${data.labels[index]}: ${parts.join(", ")}`;
  };

  const options = (box, data) => {
    const style = getComputedStyle(box);
    const colour = (name) => style.getPropertyValue(name).trim();
    const font = `${0.75 * parseFloat(getComputedStyle(document.documentElement).fontSize)}px ${style.fontFamily}`;
    const axis = { stroke: colour("--quiet"), font, ticks: { show: false } };
    const grid = { stroke: colour("--line"), width: 1 };
    const bars = data.kind === "bars" ? uPlot.paths.bars({ size: [0.72, 48], radius: 0.15 }) : undefined;
    return {
      width: box.clientWidth,
      height: box.clientHeight,
      padding: [8, 4, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: !bars } },
      scales: {
        x: { time: false, range: [-0.6, data.labels.length - 0.4] },
        y: { range: (_chart, _low, high) => [0, Math.max(1, high) * 1.05] },
      },
      axes: [
        {
          ...axis,
          size: 24,
          gap: 4,
          grid: { show: false },
          space: 64,
          incrs: [1, 2, 3, 5, 7, 10, 14, 30, 60],
          values: (_chart, places) => places.map((place) => (Number.isInteger(place) ? (data.labels[place] ?? "") : "")),
        },
        {
          ...axis,
          size: 40,
          gap: 4,
          grid,
          space: 32,
          incrs: [1, 2, 5].flatMap((step) => [...Array(13).keys()].map((power) => step * 10 ** power)).sort((a, b) => a - b),
          values: (_chart, places) => places.map((place) => place.toLocaleString("en", { notation: "compact" })),
        },
      ],
      series: [
        {},
        ...data.series.map((_series, number) => ({
          stroke: colour(TONES[number % TONES.length]),
          fill: bars ? colour(TONES[number % TONES.length]) : undefined,
          width: bars ? 0 : 2,
          paths: bars,
          points: { show: !bars && data.labels.length < 32 },
        })),
      ],
      hooks: { setCursor: [(chart) => tell(box, data, chart.cursor.idx ?? data.labels.length - 1)] },
    };
  };

  const tell = (box, data, index) => {
    const said = words(data, index);
    box.setAttribute("aria-valuenow", index);
    box.setAttribute("aria-valuetext", said);
    const readout = box.parentElement.querySelector(".trend-readout");
    if (readout) readout.textContent = said;
  };

  const draw = (box) => {
    const data = JSON.parse(box.dataset.trend);
    drawn.get(box)?.destroy();
    box.replaceChildren();
    if (!data.labels.length) return;
    const places = data.labels.map((_label, place) => place);
    drawn.set(box, new uPlot(options(box, data), [places, ...data.series.map(({ values }) => values)], box));
    tell(box, data, places.length - 1);
  };

  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = drawn.get(target);
      if (!document.contains(target)) {
        chart?.destroy();
        drawn.delete(target);
        resized.unobserve(target);
      } else if (chart && chart.width !== target.clientWidth) {
        chart.setSize({ width: target.clientWidth, height: target.clientHeight });
      }
    }
  });

  const walk = (box, event) => {
    const chart = drawn.get(box);
    const last = chart ? chart.data[0].length - 1 : -1;
    const here = Number(box.getAttribute("aria-valuenow"));
    const next = { ArrowLeft: here - 1, ArrowDown: here - 1, ArrowRight: here + 1, ArrowUp: here + 1, Home: 0, End: last }[event.key];
    if (next === undefined || last < 0) return;
    event.preventDefault();
    const place = Math.min(Math.max(next, 0), last);
    chart.setCursor({ left: chart.valToPos(place, "x"), top: 0 });
  };

  const begin = (within) => {
    for (const box of within.querySelectorAll("[data-trend]")) {
      if (drawn.has(box)) continue;
      const data = JSON.parse(box.dataset.trend);
      box.tabIndex = 0;
      box.setAttribute("role", "slider");
      box.setAttribute("aria-label", data.title);
      box.setAttribute("aria-valuemin", 0);
      box.setAttribute("aria-valuemax", Math.max(0, data.labels.length - 1));
      draw(box);
      box.addEventListener("keydown", (event) => walk(box, event));
      resized.observe(box);
    }
  };

  begin(document);
  document.addEventListener("htmx:load", (event) => begin(event.detail.elt));
  dark.addEventListener("change", () => [...drawn.keys()].forEach(draw));
})();
