// Draws specifications into figures, one at a time, what is in sight first; the rest as it comes near.
(() => {
  "use strict";
  const NARROW = 560;
  const views = new Map();
  let panels = new WeakMap();

  const gutterOf = (figure) => (figure.clientWidth < NARROW ? 84 : 124);
  const fresh = (spec) => JSON.parse(JSON.stringify(spec));

  // The suffix of the axis labels is the unit the values are in.
  const suffixOf = (panel) => {
    const found = /' (\S+)'"/.exec(JSON.stringify(panel.specs[0] || {}));
    return panel.unit === "ns" && found ? found[1] : "";
  };

  const forget = (figure) => {
    for (const result of views.get(figure) || []) result.finalize();
    views.delete(figure);
  };

  const draw = async (figure) => {
    const panel = panels.get(figure);
    if (!panel || panel.specs.length === 0 || figure.dataset.drawn === panel.stamp) return;
    figure.dataset.drawn = panel.stamp;
    const plot = figure.querySelector(".plot");
    const made = document.createElement("div");
    made.className = mlmon.isDark() ? "made dark" : "made";
    const results = [];
    const old = plot.querySelector(".made");
    if (old) { made.classList.add("coming"); }
    plot.append(made);
    for (const spec of panel.specs) {
      const place = document.createElement("div");
      place.className = "vega";
      made.append(place);
      const isTime = Boolean(spec.usermeta && spec.usermeta.time);
      results.push(await vegaEmbed(place, fresh(spec), {
        mode: "vega-lite", renderer: "svg", ast: true, actions: false, tooltip: false, defaultStyle: false, logLevel: 1,
        config: mlmon.config(gutterOf(figure), isTime),
      }));
    }
    if (figure.dataset.drawn !== panel.stamp) { made.remove(); for (const result of results) result.finalize(); return; }
    for (const before of plot.querySelectorAll(".made")) if (before !== made) before.remove();
    plot.querySelector(".hold")?.remove();
    made.classList.remove("coming");
    forget(figure);
    views.set(figure, results);
    const first = results[0] && results[0].view;
    if (first && mlmon.attach) mlmon.attach(figure, panel, first);
    label(figure, panel);
    figure.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
  };

  const label = (figure, panel) => {
    const svg = figure.querySelector(".plot svg");
    if (!svg) return;
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", [panel.title, mlmon.gist(panel), panel.note].filter(Boolean).join(" "));
  };

  // Figures near the window. A frame is painted between two, so that nobody waits for the last to see the first.
  const near = new Set();
  let drawing = false;
  const breath = () => new Promise((done) => { const channel = new MessageChannel(); channel.port1.onmessage = done; requestAnimationFrame(() => channel.port2.postMessage(0)); });
  const idle = () => new Promise((done) => requestIdleCallback(done, { timeout: 500 }));
  const isSeen = (figure) => { const box = figure.getBoundingClientRect(); return box.top < innerHeight && box.bottom > 0; };
  const drawNear = async () => {
    if (drawing) return;
    drawing = true;
    while (near.size) {
      const seen = [...near].find(isSeen);
      if (!seen) await idle(); else if (!document.hidden) await breath();
      const figure = [...near].find(isSeen) || [...near][0];
      near.delete(figure);
      if (figure) await draw(figure).catch((error) => console.error(error));
    }
    drawing = false;
  };
  const sight = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) near.add(entry.target); else near.delete(entry.target);
    drawNear();
  }, { rootMargin: "300px" });

  // Gives a figure what it is to show; it is drawn once it is in sight.
  const show = (figure, panel) => {
    panel.suffix = suffixOf(panel);
    panel.stamp = JSON.stringify(panel.specs);
    panels.set(figure, panel);
    const none = panel.specs.length === 0;
    figure.classList.toggle("none", none);
    figure.querySelector(".empty").hidden = !none;
    const note = figure.querySelector(".note");
    note.textContent = panel.note || "";
    note.hidden = none || !panel.note;
    const title = figure.querySelector("h3");
    if (panel.title) { title.textContent = panel.title; figure.setAttribute("aria-label", panel.title); }
    const command = figure.querySelector("[data-command]");
    if (command && panel.command) command.textContent = panel.command;
    if (none) {
      forget(figure);
      figure.querySelector(".plot").replaceChildren();
      figure.querySelector(".readout").textContent = "";
      figure.dataset.drawn = "";
      return;
    }
    mlmon.refreshed(figure);
    sight.unobserve(figure);
    sight.observe(figure);
  };

  const redraw = (figures) => {
    for (const figure of figures) figure.dataset.drawn = "";
    for (const figure of figures) { sight.unobserve(figure); if (panels.has(figure)) sight.observe(figure); }
  };
  const all = () => Promise.all([...document.querySelectorAll("figure.chart")].map(draw));

  mlmon.onScheme(() => redraw([...views.keys()]));
  addEventListener("beforeprint", all);
  let width = innerWidth;
  addEventListener("resize", () => {
    if ((width < NARROW) !== (innerWidth < NARROW)) redraw([...views.keys()]);
    width = innerWidth;
  });
  Object.assign(mlmon, { show, draw, drawAll: all, panelOf: (figure) => panels.get(figure), viewOf: (figure) => views.get(figure)?.[0].view });
})();
