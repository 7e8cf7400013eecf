// What is not fresh on the page says so: a figure whose target runs keeps its last picture, with a badge.
import { duration } from "./elements.js";

const STYLE = `
figure[data-live-badge], table[data-live-badge], .picture[data-live-badge] { position: relative; }
[data-live] img, table[data-live] { opacity: .55; transition: opacity .35s; }
img { transition: opacity .35s; }
[data-live-badge]::before { content: attr(data-live-badge); position: absolute; z-index: 3; top: .4rem; left: 50%; translate: -50% 0; padding: .18rem .6rem; border-radius: 1rem; font: 600 12px/1.4 system-ui, sans-serif; font-variant-numeric: tabular-nums; color: #fff; background: #2a66b8; box-shadow: 0 1px 5px rgb(0 0 0 / .3); pointer-events: none; white-space: nowrap; }
[data-live="waiting"][data-live-badge]::before { background: #8a5f00; }
[data-live="failed"][data-live-badge]::before { background: #b3261e; }
.pb-value[data-live] { opacity: .55; }
.pb-value[data-live="failed"] { text-decoration-color: #b3261e; }
@keyframes paperbuild-landed { from { background: color-mix(in srgb, #2a66b8 22%, transparent); } }
[data-live-landed] { animation: paperbuild-landed 1.6s ease-out; }
@keyframes paperbuild-faded { from { opacity: .15; } }
[data-live-landed] img, img[data-live-landed] { animation: paperbuild-faded .5s ease-out; }
@media print { [data-live-badge]::before { display: none; } }
@media (prefers-reduced-motion: reduce) { [data-live-landed], [data-live-landed] img { animation: none; } }
`;

export const adorn = (page) => {
  if (page.getElementById("paperbuild-live")) return;
  const style = page.createElement("style");
  style.id = "paperbuild-live";
  style.textContent = STYLE;
  page.head.append(style);
};

// Which place of the page shows what of which target: from the provenance in the page itself, read once for each page.
let known = null;
const places = (page) => {
  if (known?.page === page) return known.places;
  const data = page.getElementById("provenance");
  const entries = new Map((data ? JSON.parse(data.textContent) : []).map((entry) => [String(entry.index), entry]));
  const found = [...page.querySelectorAll("[data-pb]")].map((place) => [place, entries.get(place.dataset.pb)]);
  known = { page, places: found.filter(([, entry]) => entry) };
  return known.places;
};
// The page is another one now.
export const forget = () => { known = null; };

const WORDS = { held: "held", stale: "stale", blocked: "waits", cancelled: "cancelled", failed: "failed" };

// Marks what shows something of what runs or waits. Cells of a sweep share a target: what tells of several outputs is of them all.
export const mark = (page, standing, now_s) => {
  const busy = new Map();
  for (const one of standing.waiting) busy.set(one.target, { state: one.outcome === "failed" ? "failed" : "waiting", badge: WORDS[one.outcome], outputs: one.outputs });
  for (const one of standing.running) {
    if (one.document) continue;
    const of = one.estimate_s ? ` of ~${duration(one.estimate_s)}` : "";
    busy.set(one.target, { state: "running", badge: `running ${duration(now_s - one.since_s)}${of}`, outputs: one.outputs });
  }
  if (!busy.size && !page.querySelector("[data-live]")) return;
  for (const [place, entry] of places(page)) {
    const found = busy.get(entry.target);
    const frame = place.tagName === "IMG" ? place.closest(".picture") || place : place;
    if (!found) {
      delete frame.dataset.live;
      delete frame.dataset.liveBadge;
      continue;
    }
    if (frame.dataset.live !== found.state) frame.dataset.live = found.state;
    if (!frame.matches(".pb-value") && frame.dataset.liveBadge !== found.badge) frame.dataset.liveBadge = found.badge;
  }
};

// Lets what changed be seen for a moment.
export const land = (parts) => {
  for (const part of parts) {
    delete part.dataset.liveLanded;
    void part.offsetWidth; // so that the animation begins again
    part.dataset.liveLanded = "";
    setTimeout(() => { delete part.dataset.liveLanded; }, 1700);
  }
};
