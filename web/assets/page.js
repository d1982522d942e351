// What the pages do: hold the view in the address, fetch what changed, stay live.
(() => {
  "use strict";
  const EVERY_MS = 15000;
  const kind = document.body.dataset.page;
  const told = document.querySelector(".told");
  const say = (text) => { if (told) { told.textContent = text; told.hidden = !text; } };
  const block = document.getElementById("data");
  let latest = "";
  let turn = 0;

  const showAll = (root, payload) => {
    for (const panel of payload.panels) {
      const figure = root.querySelector(`figure[data-panel="${CSS.escape(panel.id)}"]`);
      if (figure) mlmon.show(figure, panel);
    }
  };

  const model = () => decodeURIComponent(location.pathname.slice("/models/".length));
  const api = (path, params) => { const query = new URLSearchParams(params); query.set("model", model()); return `${path}?${query}`; };
  const ask = async (url) => {
    const answer = await fetch(url, { cache: "no-cache" });
    if (answer.ok) return answer.text();
    const text = await answer.text();
    let message = `The page could not be read (${answer.status}).`;
    try { message = JSON.parse(text).error || message; } catch { /* not JSON: the status says enough */ }
    throw new Error(message);
  };

  // Takes over the parts of the page that words are in, and the address that every link holds.
  const adopt = (html, ...names) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const name of names) {
      const [mine, theirs] = [document, page].map((one) => one.querySelector(`[data-fragment="${name}"]`));
      if (mine && theirs && mine.innerHTML !== theirs.innerHTML) {
        mine.replaceChildren(...theirs.childNodes);
        mlmon.localise(mine);
      }
    }
    for (const link of page.querySelectorAll("[data-export], [data-logs]")) {
      const selector = link.dataset.export ? `figure[data-panel="${link.closest("figure").dataset.panel}"] [data-export="${link.dataset.export}"]` : "[data-logs]";
      const mine = document.querySelector(selector);
      if (mine) mine.setAttribute("href", link.getAttribute("href"));
    }
    return page.getElementById("data");
  };

  const load = async (quiet) => {
    const mine = ++turn;
    try {
      const html = await ask(`${location.pathname}${location.search}`);
      if (mine !== turn) return;
      const data = adopt(html, "head", "list", "ranges", "with-loss", "delivery", "alerts");
      say("");
      if (data && data.textContent !== latest) { latest = data.textContent; showAll(document, JSON.parse(latest)); }
    } catch (error) { if (mine === turn) say(quiet ? `Not live: ${error.message}` : error.message); }
  };

  const go = (changes) => {
    const params = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) { if (value) params.set(name, value); else params.delete(name); }
    history.pushState(null, "", `${location.pathname}?${params}`);
    for (const input of document.querySelectorAll(".choose input[type=hidden]")) input.remove();
    return load(false);
  };

  const ranges = () => {
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-range]");
      if (!link || kind !== "model" || event.metaKey || event.ctrlKey) return;
      event.preventDefault();
      go({ range: link.dataset.range, since: "", until: "" });
    });
    document.addEventListener("submit", (event) => {
      const form = event.target.closest(".dates form");
      if (!form) return;
      event.preventDefault();
      const [since, until] = ["since", "until"].map((name) => new Date(form.elements[name].value).toISOString());
      if (kind === "model") { go({ range: "", since, until }); return; }
      const params = new URLSearchParams(new FormData(form));
      params.set("since", since);
      params.set("until", until);
      location.assign(`${form.getAttribute("action")}?${params}`);
    });
    document.addEventListener("click", (event) => {
      for (const open of document.querySelectorAll("details.more[open], details.dates[open], details.act[open]")) if (!open.contains(event.target)) open.open = false;
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      for (const open of document.querySelectorAll("details.more[open], details.dates[open], details.act[open]")) { open.open = false; open.querySelector("summary").focus(); }
    });
  };

  const copying = () => document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = button.parentElement.querySelector("[data-command]").textContent;
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "Select and copy it above"; }
    setTimeout(() => { button.textContent = "Copy the command"; }, 2000);
  });

  // What is chosen in the fields is what the address says, also after a step back.
  const chosen = () => {
    const params = new URLSearchParams(location.search);
    for (const field of document.querySelectorAll(".choose select")) {
      const usual = [...field.options].find((option) => option.defaultSelected) || field.options[0];
      field.value = params.get(field.name) ?? (field.name === "metric" ? usual.value : "");
    }
  };

  const models = () => {
    document.querySelector(".choose")?.addEventListener("change", (event) => go({ [event.target.name]: event.target.value }));
    document.addEventListener("zoom", ({ detail }) => go({ range: "", since: new Date(detail.from).toISOString(), until: new Date(detail.to).toISOString() }));
    document.addEventListener("open-window", ({ detail }) => {
      const params = new URLSearchParams(location.search);
      for (const name of ["range", "metric"]) params.delete(name);
      params.set("model", model());
      params.set("since", new Date(detail.window.start).toISOString());
      params.set("until", new Date(detail.window.end).toISOString());
      params.set("kind", { errors: "failures", performance: "mistakes" }[detail.panel] || "inferences");
      location.assign(`/logs?${params}`);
    });
    addEventListener("popstate", () => { chosen(); load(false); });
  };

  // The script that draws is fetched while somebody reads, so that the first model opens at once.
  const ahead = () => requestIdleCallback(() => fetch(document.querySelector("[data-ahead]").dataset.ahead, { priority: "low" }).catch(() => {}));

  const overview = () => {
    const place = document.querySelector("[data-live]");
    const box = () => place.querySelector(".filter");
    const filter = () => {
      if (!box()) return;
      const text = box().value.trim();
      const words = text.toLowerCase().split(/\s+/).filter(Boolean);
      const rows = [...place.querySelectorAll("tbody tr")];
      for (const row of rows) row.hidden = !words.every((word) => row.dataset.words.includes(word));
      const shown = rows.filter((row) => !row.hidden).length;
      const matches = words.length ? `${shown} of ${rows.length}` : "";
      if (place.querySelector(".matches").textContent !== matches) place.querySelector(".matches").textContent = matches;
      place.querySelector(".none-match").hidden = shown > 0;
      const params = new URLSearchParams(location.search);
      if ((params.get("q") || "") === text) return;
      if (text) params.set("q", text); else params.delete("q");
      history.replaceState(null, "", `${location.pathname}${params.size ? `?${params}` : ""}`);
      for (const link of document.querySelectorAll(".ranges > a, thead a, .summary a")) {
        const url = new URL(link.href);
        if (text) url.searchParams.set("q", text); else url.searchParams.delete("q");
        link.href = url.pathname + url.search;
      }
    };
    place.addEventListener("input", filter);
    filter();
    return async () => {
      const params = new URLSearchParams(location.search);
      params.set("fragment", "rows");
      try {
        const html = await ask(`/?${params}`);
        say("");
        if (html === latest) return;
        latest = html;
        const had = document.activeElement;
        const [text, name] = [box() && box().value, had.closest("tbody tr")?.dataset.words];
        const page = new DOMParser().parseFromString(html, "text/html");
        place.replaceChildren(...page.body.childNodes);
        mlmon.localise(place);
        if (box()) { box().value = text; if (had.matches(".filter")) box().focus(); }
        if (name) place.querySelector(`tr[data-words="${CSS.escape(name)}"] th a`)?.focus({ preventScroll: true });
        filter();
      } catch (error) { say(`Not live: ${error.message}`); }
    };
  };

  const live = (refresh) => {
    const sign = document.querySelector(".live");
    if (sign) sign.hidden = false;
    setInterval(() => { if (!document.hidden) refresh(); }, EVERY_MS);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  };

  // j and k go through what can be opened, / to where one can search.
  const STOPS = "tbody th a:first-of-type, figure.chart:not(.none), .finding a, .lines summary";
  const keys = () => document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const inside = event.target.closest("input, select, textarea");
    if (inside) {
      if (event.key === "Escape" && inside.matches(".filter")) { inside.value = ""; inside.dispatchEvent(new Event("input", { bubbles: true })); inside.blur(); }
      if (event.key === "Enter" && inside.matches(".filter")) document.querySelector("tbody tr:not([hidden]) th a")?.focus();
      return;
    }
    if (event.key === "/") {
      const box = document.querySelector("main input[type=search]");
      if (box) { event.preventDefault(); box.focus(); box.select(); }
      return;
    }
    if (event.key !== "j" && event.key !== "k") return;
    const stops = [...document.querySelectorAll(STOPS)].filter((one) => one.offsetParent !== null);
    const at = stops.indexOf(document.activeElement.closest(STOPS));
    const next = stops[event.key === "j" ? at + 1 : Math.max(0, at - 1)];
    if (next) { next.focus({ preventScroll: true }); next.scrollIntoView({ block: "nearest" }); event.preventDefault(); }
  });

  // The name that somebody gave once is there the next time.
  const remembering = () => {
    const fill = () => { for (const field of document.querySelectorAll("[data-remember]")) field.value ||= localStorage.getItem(`mlmon-${field.dataset.remember}`) || ""; };
    fill();
    document.addEventListener("submit", (event) => {
      for (const field of event.target.querySelectorAll("[data-remember]")) localStorage.setItem(`mlmon-${field.dataset.remember}`, field.value);
    });
    document.addEventListener("adopted", fill);
  };
  // Alerts stay live, but for a form that somebody is filling in.
  const alerts = async () => {
    if (document.querySelector("details.act[open], form.end input:focus")) return;
    try {
      adopt(await ask(`${location.pathname}${location.search}`), "title", "rules");
      document.dispatchEvent(new CustomEvent("adopted"));
      say("");
    } catch (error) { say(`Not live: ${error.message}`); }
  };

  mlmon.localise(document);
  const zone = document.querySelector(".zone");
  if (zone) zone.textContent = mlmon.zone;
  ranges();
  copying();
  keys();
  if (block) {
    latest = block.textContent;
    const payload = JSON.parse(latest);
    if (kind === "report") payload.models.forEach((one, place) => showAll(document.querySelector(`[data-model="${place}"]`), one));
    else showAll(document, payload);
  }
  // A printer does not wait: what is below has to be there before somebody prints.
  if (kind === "report") requestIdleCallback(mlmon.drawAll);
  if (kind === "model") { models(); live(() => load(true)); }
  if (kind === "rules") { remembering(); live(alerts); }
  if (kind === "overview") { live(overview()); ahead(); }
})();
