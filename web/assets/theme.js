// Colours and fonts of the charts, in light and dark. Everything lives under one name, `mlmon`.
(() => {
  "use strict";
  const LIGHT = {
    ink: "#16181d", soft: "#5b6270", line: "#e4e6eb", paper: "#ffffff", accent: "#3354d1", quiet: "#c3c8d2",
    band: "#3354d1", fire: "#c8281e", warn: "#b8690c", past: "#c9cdd6", bar: "#8fa1e6",
    steps: ["#a9b8f1", "#3354d1", "#131f57"],
    heat: ["#f0f2f8", "#c8d2f6", "#8b9fe8", "#3354d1", "#182768"],
  };
  const DARK = {
    ink: "#e8eaee", soft: "#9aa2b1", line: "#272b34", paper: "#14171c", accent: "#8da4ff", quiet: "#4a515e",
    band: "#8da4ff", fire: "#ff6b5e", warn: "#e5a341", past: "#3d434f", bar: "#5468bd",
    steps: ["#5566a8", "#8da4ff", "#e6eaff"],
    heat: ["#1c2029", "#2c3663", "#4a5fbd", "#8da4ff", "#e6eaff"],
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const colours = () => (dark.matches ? DARK : LIGHT);

  // `gutter` is the width of the labels at the left, the same for all charts that share a time axis.
  const config = (gutter, isTime) => {
    const c = colours();
    const font = "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";
    const point = { filled: true, shape: "circle", opacity: 1, strokeWidth: 1.5 };
    return {
      background: "transparent", font, padding: { left: 0, right: 10, top: 8, bottom: 2 },
      axis: {
        labelColor: c.soft, labelFontSize: 11, labelPadding: 6, labelLimit: gutter - 8, titleColor: c.soft,
        titleFontSize: 11, titleFontWeight: "normal", domain: false, ticks: false, gridColor: c.line,
      },
      axisX: { labelLimit: 120, domain: true, domainColor: c.line, ticks: isTime, tickColor: c.line, tickSize: 4, labelFlush: true, labelOverlap: true, tickCount: { signal: "max(3, min(9, floor(width / 72)))" } },
      axisY: isTime ? { minExtent: gutter, maxExtent: gutter } : { minExtent: 36 },
      view: { stroke: null },
      line: { color: c.accent, strokeWidth: 1.75, strokeCap: "round", strokeJoin: "round" },
      bar: { color: c.bar },
      rect: {},
      rule: { color: c.soft },
      // Vega-Lite looks a style's `color` up itself; `fill` and `stroke` would lose to its own default.
      style: {
        band: { color: c.band, opacity: 0.16 },
        cell: { stroke: c.paper, strokeWidth: 1 },
        dot: { ...point, size: 14 },
        "not-final": { color: "url(#hatch)", opacity: 1 },
        hollow: { ...point, color: c.paper, stroke: c.accent, size: 26 },
        whisker: { color: c.accent, opacity: 0.4, strokeWidth: 1 },
        "reference-band": { color: c.soft, opacity: 0.14 },
        reference: { color: c.soft, strokeWidth: 1, opacity: 0.7 },
        bound: { color: c.ink, strokeWidth: 1.25, strokeDash: [4, 3] },
        since: { color: c.ink, strokeWidth: 1, strokeDash: [2, 3], opacity: 0.8 },
        level: { color: c.soft, strokeWidth: 1.5 },
        expected: { color: c.soft, strokeWidth: 1, strokeDash: [3, 3] },
        occasion: { color: c.soft, opacity: 0.12 },
        ideal: { color: c.soft, strokeWidth: 1, strokeDash: [3, 3] },
        change: { color: c.soft, strokeWidth: 1 },
        interval: { color: c.accent, opacity: 0.28, strokeWidth: 6 },
        then: { ...point, color: c.paper, stroke: c.soft, size: 34 },
        now: { ...point, color: c.accent, size: 40 },
        "quiet-bar": { color: c.quiet },
        "reference-bar": { color: c.quiet, opacity: 0.8 },
        "current-bar": { color: c.accent },
        past: { color: c.past, cornerRadius: 2, stroke: c.paper, strokeWidth: 1 },
        warning: { color: c.warn, cornerRadius: 2, stroke: c.paper, strokeWidth: 1 },
        critical: { color: c.fire, cornerRadius: 2, stroke: c.paper, strokeWidth: 1 },
        traffic: { color: c.bar },
        "on-pale": { color: c.ink, fontSize: 13, fontWeight: 600 },
        "on-deep": { color: c.paper, fontSize: 13, fontWeight: 600 },
      },
      point: { ...point, color: c.accent },
      range: { ordinal: c.steps, heatmap: c.heat, ramp: c.heat },
    };
  };
  window.mlmon = {
    config, colours,
    onScheme: (redraw) => dark.addEventListener("change", redraw),
    isDark: () => dark.matches,
  };
})();
