// The numbers behind a chart as a table, for those who cannot see it or want to read them; and its gist in words.
(() => {
  "use strict";
  const text = (name) => (row) => (typeof row[name] === "string" ? row[name] : null);
  const amount = (name) => (row, panel) => (name in row && typeof row[name] !== "string" ? mlmon.number(row[name], panel.unit, panel.suffix) : null);
  const share = (name) => (row) => (typeof row[name] === "number" ? mlmon.number(row[name], "ratio") : null);
  const count = (name) => (row) => (typeof row[name] === "number" ? mlmon.number(row[name], "count") : null);
  const COLUMNS = [
    ["Window", (row) => (typeof row.start === "number" ? mlmon.span(row.start, row.end) : null)],
    ["What", text("label")], ["Of", text("subject")], ["Series", text("series")], ["Segment", text("segment")],
    ["Bin", text("bin")], ["Which", text("of")], ["Was", text("observed")], ["Was predicted", text("predicted")],
    ["Scores from", (row) => (typeof row.from === "number" ? String(row.from) : null)], ["Scores to", (row) => (typeof row.to === "number" ? String(row.to) : null)],
    ["Came true", share("observed")], ["First", amount("first")], ["Value", amount("value")],
    ["95 % interval from", (row, panel) => (typeof row.low === "number" ? (panel.id === "calibration" ? share : amount)("low")(row, panel) : null)],
    ["to", (row, panel) => (typeof row.high === "number" ? (panel.id === "calibration" ? share : amount)("high")(row, panel) : null)],
    ["Share", share("share")], ["Events", count("n")],
    ["Final", (row) => (row.final === false && row.value !== null ? "not yet" : null)], ["Found", text("message")],
  ];
  const rowsOf = (panel) => (panel && panel.specs[0] && panel.specs[0].data && panel.specs[0].data.values) || [];
  const cell = (kind, content, scope) => {
    const element = document.createElement(kind);
    element.textContent = content;
    if (scope) element.scope = scope;
    return element;
  };
  const tableOf = (panel) => {
    const rows = rowsOf(panel);
    const said = rows.map((row) => COLUMNS.map(([, read]) => read(row, panel)));
    const used = COLUMNS.map((_, at) => at).filter((at) => said.some((values) => values[at] !== null));
    const table = document.createElement("table");
    const caption = table.createCaption();
    caption.className = "unseen";
    caption.textContent = panel.title;
    const head = table.createTHead().insertRow();
    for (const at of used) head.append(cell("th", COLUMNS[at][0], "col"));
    const body = table.createTBody();
    for (const values of said) {
      const row = body.insertRow();
      used.forEach((at, place) => row.append(cell(place ? "td" : "th", values[at] === null ? "" : values[at] === "–" ? "no data" : values[at], place ? "" : "row")));
    }
    return table;
  };

  // Shows the table, or takes it away again; one that is shown follows its chart.
  const tabulate = (figure, open) => {
    const panel = mlmon.panelOf(figure);
    let place = figure.querySelector(".numbers");
    const button = figure.querySelector("[data-table]");
    if (button) { button.setAttribute("aria-expanded", String(open)); button.textContent = open ? "Hide the numbers" : "Show the numbers"; }
    if (!open || !panel) { if (place) place.remove(); return; }
    if (!place) {
      place = document.createElement("div");
      place.className = "numbers";
      place.tabIndex = 0;
      place.setAttribute("role", "region");
      place.setAttribute("aria-label", `Numbers: ${panel.title}`);
      figure.querySelector(".plot").after(place);
    }
    place.replaceChildren(tableOf(panel));
  };
  const refreshed = (figure) => { if (figure.querySelector(".numbers")) tabulate(figure, true); };

  // What a chart says to who cannot see it: how many, the newest, the least and the most.
  const gist = (panel) => {
    const rows = rowsOf(panel);
    if (panel.id === "findings") return `${rows.length} findings, of ${panel.series.length} things: ${panel.series.join(", ")}.`;
    const known = rows.filter((row) => typeof row.value === "number");
    if (!known.length) return `${rows.length} values.`;
    const of = (value) => mlmon.number(value, panel.unit, panel.suffix);
    const values = known.map((row) => row.value);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const newest = known[known.length - 1];
    const name = newest.series || newest.subject || newest.segment || "";
    return `${known.length} values from ${of(least)} to ${of(most)}; the newest${name ? `, of ${name},` : ""} is ${of(newest.value)}.`;
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-table]");
    if (!button) return;
    const figure = button.closest("figure");
    tabulate(figure, !figure.querySelector(".numbers"));
    const menu = button.closest("details");
    if (menu) menu.open = false;
    const place = figure.querySelector(".numbers");
    (place || figure.querySelector("summary") || figure).focus();
  });
  Object.assign(mlmon, { gist, refreshed });
})();
