// Times in the viewer's zone, with UTC on hover; numbers with units.
(() => {
  "use strict";
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const day = { year: "numeric", month: "short", day: "numeric" };
  const minute = { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const formats = { long: new Intl.DateTimeFormat(undefined, minute), day: new Intl.DateTimeFormat(undefined, day) };
  const local = (ms) => formats.long.format(ms);
  const utc = (ms) => new Date(ms).toISOString().slice(0, 16).replace("T", " ") + " UTC";
  // A window that begins and ends at midnight UTC is named by its day; the hour would only confuse.
  const whole = (ms) => ms % 86400000 === 0;
  const utcDay = new Intl.DateTimeFormat(undefined, { ...day, timeZone: "UTC" });
  const span = (start, end) => {
    if (whole(start) && whole(end)) {
      const last = end - 86400000;
      return last > start ? `${utcDay.format(start)} – ${utcDay.format(last)} UTC` : `${utcDay.format(start)} UTC`;
    }
    return local(start);
  };
  const localise = (root) => {
    for (const element of root.querySelectorAll("time[datetime]")) {
      const ms = Date.parse(element.dateTime);
      if (Number.isNaN(ms)) continue;
      element.textContent = local(ms);
      element.title = utc(ms);
    }
    for (const input of root.querySelectorAll("input[data-utc]")) {
      const at = new Date(input.dataset.utc);
      const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60000);
      input.value = shifted.toISOString().slice(0, 16);
    }
  };
  const digits = (value, least = 3) => (Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(least))));
  const number = (value, unit, suffix = "") => {
    if (value === null || value === undefined) return "–";
    if (unit === "ratio") return `${(100 * value).toFixed(1)} %`;
    if (unit === "count") return Math.round(value).toLocaleString("en-US");
    return suffix ? `${digits(value)} ${suffix}` : digits(value);
  };
  Object.assign(window.mlmon, { zone, local, utc, span, localise, number });
})();
