// One cursor over all charts that share the time axis: values beside the titles, zoom by dragging, keys.
(() => {
  "use strict";
  const DRAG = 6;
  const shared = () => [...document.querySelectorAll("figure.time")].filter((figure) => mlmon.viewOf(figure));
  let dragging = null;

  const plotOf = (figure) => figure.querySelector(".plot");
  const geometry = (figure) => {
    const view = mlmon.viewOf(figure);
    const left = view.origin()[0] + view.padding().left;
    return { scale: view.scale("x"), left, width: view.width(), top: view.origin()[1] + view.padding().top, height: view.height() };
  };
  const timeAt = (figure, event) => {
    const { scale, left, width } = geometry(figure);
    const x = event.clientX - plotOf(figure).getBoundingClientRect().left - left;
    return Number(scale.invert(Math.max(0, Math.min(width, x))));
  };
  const overlay = (figure, name) => {
    const plot = plotOf(figure);
    let element = plot.querySelector(`:scope > .${name}`);
    if (!element) { element = document.createElement("i"); element.className = name; plot.append(element); }
    return element;
  };
  const place = (element, figure, from, to) => {
    const { scale, left, top, height } = geometry(figure);
    const a = scale(from), b = scale(to);
    element.style.left = `${left + Math.min(a, b)}px`;
    element.style.width = `${Math.abs(b - a)}px`;
    element.style.top = `${top}px`;
    element.style.height = `${height}px`;
    element.hidden = false;
  };

  const rowsOf = (figure) => {
    const panel = mlmon.panelOf(figure);
    const data = panel && panel.specs[0] && panel.specs[0].data;
    return (data && data.values) || [];
  };
  const windowAt = (time) => {
    for (const figure of shared()) {
      if (figure.dataset.panel === "findings") continue;
      const row = rowsOf(figure).find((one) => one.start <= time && time < one.end);
      if (row) return row;
    }
    return null;
  };

  // The values of one window beside the title; without one, those of the newest window.
  const read = (figure, window) => {
    const panel = mlmon.panelOf(figure);
    const readout = figure.querySelector(".readout");
    if (!panel || !readout || ["findings", "drift", "missing", "invalid"].includes(panel.id)) return;
    const rows = rowsOf(figure).filter((row) => "value" in row);
    if (!rows.length) return;
    const known = rows.filter((row) => row.value !== null);
    const start = window ? window.start : known.length ? known[known.length - 1].start : null;
    const here = rows.filter((row) => row.start === start);
    const parts = [];
    if (window) parts.push(words("when", mlmon.span(window.start, window.end)));
    else if (here.length) parts.push(words("when", `newest, ${mlmon.span(here[0].start, here[0].end)}`));
    for (const row of here) {
      const text = mlmon.number(row.value, panel.unit, panel.suffix);
      const name = row.series ? `${row.series.replace("latency_", "")} ` : "";
      const item = words("value", `${name}${row.value === null ? "no data" : text}`);
      if (row.series) item.classList.add(`series-${panel.series.indexOf(row.series)}`);
      parts.push(item);
      if (typeof row.low === "number") parts.push(words("when", `${mlmon.number(row.low, panel.unit, panel.suffix)} to ${mlmon.number(row.high, panel.unit, panel.suffix)}`));
      if (row.final === false && row.value !== null) parts.push(words("when", "not final"));
    }
    readout.replaceChildren(...parts);
  };
  const words = (kind, text) => {
    const element = document.createElement("span");
    element.className = kind;
    element.textContent = text;
    return element;
  };

  const point = (time) => {
    const window = time === null ? null : windowAt(time);
    for (const figure of shared()) {
      const line = overlay(figure, "cursor");
      if (time === null) line.hidden = true; else place(line, figure, time, time);
      read(figure, window);
    }
  };

  const zoomed = (from, to) => document.dispatchEvent(new CustomEvent("zoom", { detail: { from: Math.min(from, to), to: Math.max(from, to) } }));
  const opened = (window, figure) => document.dispatchEvent(new CustomEvent("open-window", { detail: { window, panel: figure.dataset.panel } }));

  const tell = (text, event) => {
    const tip = document.querySelector(".tip");
    if (!text) { tip.hidden = true; return; }
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(innerWidth - box.width - 8, event.clientX + 14))}px`;
    tip.style.top = `${event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 18}px`;
  };
  const spoken = (panel, datum) => {
    if (!datum) return "";
    const percent = (value) => mlmon.number(value, "ratio");
    if (panel.id === "findings") return datum.message ? `${mlmon.span(datum.start, datum.end)}\n${datum.message}` : "";
    if (datum.subject && typeof datum.start === "number") return `${datum.subject}\n${mlmon.span(datum.start, datum.end)}\n${panel.unit === "ratio" ? `${panel.id === "missing" ? "missing" : "not as expected"} ${percent(datum.value)}` : `PSI ${mlmon.number(datum.value, "plain")}`}`;
    if (panel.id === "segments" && datum.segment) {
      const of = (value) => mlmon.number(value, panel.unit, panel.suffix);
      const then = datum.first === null ? "" : `first ${of(datum.first)}, `;
      const range = typeof datum.low === "number" ? ` (${of(datum.low)} to ${of(datum.high)})` : "";
      return `${datum.segment}\n${then}last ${of(datum.value)}${range}\n${mlmon.number(datum.n, "count")} evaluations`;
    }
    if (panel.id === "confusion" && datum.observed) return `${percent(datum.share)} of those that were ${datum.observed}\nwere predicted ${datum.predicted}: ${mlmon.number(datum.n, "count")}`;
    if (panel.id === "calibration" && typeof datum.from === "number") return `scores ${datum.from} to ${datum.to}: ${mlmon.number(datum.n, "count")}\n${percent(datum.observed)} came true (${percent(datum.low)} to ${percent(datum.high)})`;
    if (datum.bin !== undefined) return `${datum.bin}\n${datum.of}: ${percent(datum.share)}`;
    return "";
  };

  const attach = (figure, panel, view) => {
    const hover = (at) => at.addEventListener("mousemove", (event, item) => { if (!dragging) tell(spoken(mlmon.panelOf(figure), item && item.datum), event); });
    hover(view);
    view.addEventListener("mouseout", () => tell(""));
    if (panel.id === "findings") view.addEventListener("click", (_, item) => { if (item && item.datum && item.datum.id) location.assign(`/findings/${item.datum.id}`); });
    if (!figure.classList.contains("time") || document.body.dataset.page === "report" && panel.id === "findings") return;
    read(figure, null);
    if (figure.dataset.wired) return;
    figure.dataset.wired = "yes";
    figure.tabIndex = 0;
    const plot = plotOf(figure);
    plot.addEventListener("pointermove", (event) => {
      if (!mlmon.viewOf(figure)) return;
      const time = timeAt(figure, event);
      if (dragging && dragging.figure === figure) {
        for (const other of shared()) place(overlay(other, "brush"), other, dragging.time, time);
      }
      point(time);
    });
    plot.addEventListener("pointerleave", () => { if (!dragging) point(null); tell(""); });
    plot.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !mlmon.viewOf(figure)) return;
      dragging = { figure, time: timeAt(figure, event), x: event.clientX };
    });
    figure.addEventListener("keydown", (event) => keyed(figure, event));
    figure.addEventListener("blur", () => { figure.dataset.at = ""; point(null); });
  };

  addEventListener("pointerup", (event) => {
    if (!dragging) return;
    const { figure, time, x } = dragging;
    dragging = null;
    for (const other of shared()) overlay(other, "brush").hidden = true;
    if (Math.abs(event.clientX - x) >= DRAG) zoomed(time, timeAt(figure, event));
    else if (figure.dataset.panel !== "findings" && plotOf(figure).contains(event.target)) {
      const window = windowAt(time);
      if (window) opened(window, figure);
    }
  });

  const keyed = (figure, event) => {
    const rows = rowsOf(figure).filter((row) => typeof row.start === "number");
    const starts = [...new Set(rows.map((row) => row.start))].sort((a, b) => a - b);
    if (!starts.length || event.target !== figure) return;
    let at = figure.dataset.at ? Number(figure.dataset.at) : starts.length;
    if (event.key === "ArrowLeft") at = Math.max(0, at - 1);
    else if (event.key === "ArrowRight") at = Math.min(starts.length - 1, at + 1);
    else if (event.key === "Home") at = 0;
    else if (event.key === "End") at = starts.length - 1;
    else if (event.key === "Enter" && at < starts.length) { opened(rows.find((row) => row.start === starts[at]), figure); return; }
    else if (event.key === "+" && at < starts.length) {
      const row = rows.find((one) => one.start === starts[at]);
      zoomed(row.start - 3 * (row.end - row.start), row.end + 3 * (row.end - row.start));
      return;
    } else if (event.key === "Escape") { history.back(); return; } else return;
    event.preventDefault();
    figure.dataset.at = String(at);
    const row = rows.find((one) => one.start === starts[at]);
    point((row.start + row.end) / 2);
  };

  Object.assign(mlmon, { attach, point });
})();
