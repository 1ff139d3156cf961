// What a page does beyond being read: times in the viewer's zone, hints over charts, and news as they come.
// Without it everything is still there: times in UTC, hints in the tables, news by reloading.
"use strict";

// The server writes times in the zone that this cookie names. The first visit reloads once.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && zone !== document.documentElement.dataset.zone && !document.cookie.includes("lectr_zone=" + encodeURIComponent(zone))) {
  document.cookie = "lectr_zone=" + encodeURIComponent(zone) + "; path=/; max-age=31536000; samesite=strict";
  if (document.cookie.includes("lectr_zone=")) location.reload();
}

// Hints: under the pointer, under a finger (which follows a link at its second touch), and step by step with the arrow keys.
let tip = null;
let told = null;
let finger = false;

const tell = (of, x, y) => {
  if (told) told.classList.remove("at");
  told = of;
  if (tip) tip.hidden = !of;
  if (!of) return;
  if (!tip) {
    tip = document.body.appendChild(document.createElement("div"));
    tip.className = "tip";
    tip.setAttribute("aria-hidden", "true");
  }
  tip.textContent = of.dataset.tip;
  tip.hidden = false;
  const right = x + tip.offsetWidth + 24 > document.documentElement.clientWidth;
  tip.style.left = Math.max(4, x + (right ? -tip.offsetWidth - 12 : 14)) + "px";
  tip.style.top = y + 14 + "px";
};

const hinted = (event) => (event.target.closest ? event.target.closest("[data-tip]") : null);
document.addEventListener("pointermove", (event) => {
  finger = event.pointerType === "touch";
  if (!finger) tell(hinted(event), event.pageX, event.pageY);
});
document.addEventListener("pointerdown", (event) => (finger = event.pointerType === "touch"));
document.addEventListener("click", (event) => {
  if (!finger) return;
  const of = hinted(event);
  if (of && of !== told) event.preventDefault();
  tell(of, event.pageX, event.pageY);
});

// A slider over each chart, beside the links of its steps: what it says is the hint of one step.
const columnsOf = (slider) => slider.parentElement.querySelectorAll(".cols > *");
const worded = (column) => column.dataset.tip.replaceAll("\n", ", ");
const at = (slider) => Number(slider.getAttribute("aria-valuenow"));

const step = (slider, to) => {
  const columns = columnsOf(slider);
  const here = Math.max(0, Math.min(columns.length - 1, to));
  const place = columns[here].getBoundingClientRect();
  tell(columns[here], place.right + scrollX - 10, place.top + scrollY + 10);
  columns[here].classList.add("at");
  slider.setAttribute("aria-valuenow", here);
  slider.setAttribute("aria-valuetext", worded(columns[here]));
};

const steppable = () => {
  for (const plot of document.querySelectorAll(".plot")) {
    const columns = plot.querySelectorAll(".cols > *");
    const last = columns.length - 1;
    if (last < 0 || plot.querySelector(".steps")) continue;
    const name = plot.closest("figure").getAttribute("aria-label") + ", step by step";
    const said = { class: "steps", tabindex: 0, role: "slider", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": last };
    const slider = plot.appendChild(document.createElement("div"));
    for (const [key, value] of Object.entries(said)) slider.setAttribute(key, value);
    slider.setAttribute("aria-valuenow", last);
    slider.setAttribute("aria-valuetext", worded(columns[last]));
  }
};
steppable();

const isSlider = (element) => element.classList && element.classList.contains("steps");
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") tell(null);
  const slider = event.target;
  if (!isSlider(slider)) return;
  const ways = { ArrowLeft: at(slider) - 1, ArrowRight: at(slider) + 1, Home: 0, End: Infinity };
  if (event.key in ways) {
    event.preventDefault();
    step(slider, ways[event.key]);
  }
  if (event.key === "Enter" && told && told.href) location.href = told.href;
});
document.addEventListener("focusin", (event) => {
  if (isSlider(event.target) && event.target.matches(":focus-visible")) step(event.target, at(event.target));
});
document.addEventListener("focusout", (event) => {
  if (isSlider(event.target)) tell(null);
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
  if (!fresh) return;
  tell(null);
  figures.replaceChildren(...fresh.childNodes);
  steppable();
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
