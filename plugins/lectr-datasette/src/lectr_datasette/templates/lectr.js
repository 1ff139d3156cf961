// What a page does beyond being read: times in the viewer's zone, hints over charts, and news as they come.
// Without it everything is still there: times in UTC, hints in the tables, news by reloading.
"use strict";

// The server writes times in the zone that this cookie names. The first visit reloads once.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && zone !== document.documentElement.dataset.zone && !document.cookie.includes("lectr_zone=" + encodeURIComponent(zone))) {
  document.cookie = "lectr_zone=" + encodeURIComponent(zone) + "; path=/; max-age=31536000; samesite=strict";
  if (document.cookie.includes("lectr_zone=")) location.reload();
}

// Hints.
let tip = null;
document.addEventListener("pointermove", (event) => {
  const of = event.target.closest ? event.target.closest("[data-tip]") : null;
  if (!of) {
    if (tip) tip.hidden = true;
    return;
  }
  if (!tip) {
    tip = document.body.appendChild(document.createElement("div"));
    tip.className = "tip";
    tip.setAttribute("aria-hidden", "true");
  }
  tip.textContent = of.dataset.tip;
  tip.hidden = false;
  const right = event.pageX + tip.offsetWidth + 24 > document.documentElement.clientWidth;
  tip.style.left = Math.max(4, event.pageX + (right ? -tip.offsetWidth - 12 : 14)) + "px";
  tip.style.top = event.pageY + 14 + "px";
});

// News: rows at once, figures at most every ten seconds and never under the reader's hand.
const source = document.body.dataset.live;
const status = document.querySelector("[data-status]");
const FIGURES_EVERY_MS = 10000;
let stale = false;
let drawn = Date.now();

const say = (text, on) => {
  if (status && status.textContent !== text) status.textContent = text;
  if (status) status.classList.toggle("on", on);
};

const redraw = async () => {
  const figures = document.querySelector("[data-figures]");
  if (!stale || !figures || document.hidden || Date.now() - drawn < FIGURES_EVERY_MS) return;
  const busy = figures.contains(document.activeElement) || figures.matches(":hover") || figures.querySelector("details[open]");
  if (busy) return;
  stale = false;
  drawn = Date.now();
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-figures]");
  if (fresh) figures.replaceChildren(...fresh.childNodes);
};

if (source && window.EventSource) {
  const events = new EventSource(source);
  events.addEventListener("open", () => say("live", true));
  events.addEventListener("error", () => say("reload to see more", false));
  events.addEventListener("newest", (event) => {
    const rows = document.querySelector("[data-newest]");
    if (rows && !rows.contains(document.activeElement)) {
      const template = document.createElement("template");
      template.innerHTML = event.data;
      rows.replaceChildren(...template.content.childNodes);
    }
    stale = true;
    redraw();
  });
  setInterval(redraw, FIGURES_EVERY_MS);
  addEventListener("pagehide", () => events.close());
}
