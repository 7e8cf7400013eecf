// The page of `paperbuild watch`: the paper in a frame, patched as it changes, and what stands around it.
import { adorn, forget, land, mark } from "./badges.js";
import { bar, showStanding } from "./bar.js";
import { byId, element, keep, remember, remembered, take } from "./elements.js";
import { showFaults } from "./faults.js";
import { patch } from "./patch.js";
import { hidePlace, placeOf, showPlace, spotOf } from "./places.js";
import { showPdf } from "./sheets.js";
import { stream } from "./stream.js";

const UNSEEN_MS = 60_000;
const BY_HAND_MS = 2500; // who moved the page so lately is reading

const panes = byId("panes");
const frame = byId("paper");
const nothing = byId("nothing");
const documents = byId("documents");
const follow = byId("follow");
const point = byId("point");

let name = new URLSearchParams(location.search).get("document") || "";
let events = null;
let connected = false;
let state = { phase: "building", settled: 0, total: 0, note: "", running: [], waiting: [], faults: [] };
let pdf = "";
let epoch = 0; // what is shown
let moved = -Infinity; // when the reader moved the page last, by hand
let scroll = JSON.parse(take("scroll") || "null"); // where the page was before it was loaded again

const page = () => frame.contentDocument;
const isLoaded = () => Boolean(page()?.querySelector("meta[name=paperbuild-epoch]"));
const now_s = () => Date.now() / 1000;

const show = () => {
  showStanding(state, now_s(), connected);
  showFaults(state.faults);
  showPdf(pdf, panes.dataset.view !== "page");
  if (isLoaded()) mark(page(), state, now_s());
  nothing.hidden = isLoaded() || panes.dataset.view === "pdf";
  nothing.textContent = state.phase === "building" ? "The paper is being built …" : state.phase === "failed" ? "There is no page yet." : "This document has no page.";
};

const load = () => {
  events?.close();
  events = null;
  if (isLoaded()) scroll = [frame.contentWindow.scrollX, frame.contentWindow.scrollY];
  frame.contentWindow.location.replace(`/paper?${new URLSearchParams({ document: name, at: Date.now() })}`);
};

const seen = (part) => {
  const box = part.getBoundingClientRect();
  return box.bottom > 0 && box.top < frame.contentWindow.innerHeight;
};

// Shows what was edited, unless it is in sight, or the reader is in the middle of something. What changes in several places at once, as when
// another branch is checked out, is nobody's edit.
const reveal = (regions) => {
  const card = page().getElementById("pb-card");
  const reads = performance.now() - moved < BY_HAND_MS || (card && !card.hidden);
  if (regions.length !== 1 || seen(regions[0]) || reads || follow.getAttribute("aria-pressed") === "false") return;
  regions[0].scrollIntoView({ block: "center", behavior: "instant" });
};

const update = (news) => {
  connected = true;
  epoch = news.epoch;
  state = news.standing;
  pdf = news.pdf;
  name = name || news.names[0] || "";
  list(news.names);
  if (news.page) {
    try {
      forget();
      hidePlace(); // its line may be another one now
      const { regions, landed } = patch(page(), news.page);
      if (news.edited) reveal(regions);
      land(landed);
    } catch (reason) {
      if (!news.page.whole) console.info(`the page is loaded again: ${reason.message}`);
      show();
      load();
      return;
    }
  }
  document.title = byId("title").textContent = page()?.title || name || "paperbuild";
  show();
};

const list = (names) => {
  documents.hidden = names.length < 2;
  if ([...documents.options].map((one) => one.value).join("\n") === names.join("\n")) return;
  documents.replaceChildren(...names.map((one) => { const made = element("option", "", one); made.value = one; return made; }));
  documents.value = name;
};

const away = () => {
  connected = false;
  show();
};

// Loads all anew, and goes on where the reader was.
const renewed = () => {
  if (isLoaded()) keep("scroll", JSON.stringify([frame.contentWindow.scrollX, frame.contentWindow.scrollY]));
  location.reload();
};

const listen = (since) => {
  events?.close();
  epoch = since;
  events = stream(name, since, { update, away, renewed });
};

// The theme that the reader gave the paper is the frame's, too.
const theme = () => {
  const chosen = page().documentElement.dataset.theme;
  if (chosen) document.documentElement.dataset.theme = chosen; else delete document.documentElement.dataset.theme;
};

frame.addEventListener("load", () => {
  if (!isLoaded()) { // there is no page yet, or it is not ours: the events tell when there is
    listen(0);
    return;
  }
  forget();
  adorn(page());
  theme();
  new MutationObserver(theme).observe(page().documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  page().addEventListener("click", source, { capture: true });
  page().addEventListener("click", leave, { capture: true });
  for (const doing of ["wheel", "touchmove", "keydown"]) page().addEventListener(doing, byHand, { passive: true });
  picking(false);
  if (scroll) frame.contentWindow.scrollTo({ left: scroll[0], top: scroll[1], behavior: "instant" });
  scroll = null;
  listen(Number(page().querySelector("meta[name=paperbuild-epoch]").content));
  show();
});

const SCROLLING = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", " "]);
const byHand = (event) => { if (event.type !== "keydown" || SCROLLING.has(event.key)) moved = performance.now(); };

// While it is on, a press on the page asks for its line in the source; holding Alt does so at any time.
const picking = (on) => {
  point.setAttribute("aria-pressed", String(on));
  if (page()) page().documentElement.style.cursor = on ? "crosshair" : "";
};
const source = async (event) => {
  if (!event.altKey && point.getAttribute("aria-pressed") === "false") return;
  event.preventDefault();
  event.stopImmediatePropagation();
  picking(false);
  const spot = spotOf(page(), event);
  const place = await placeOf(name, epoch, spot);
  if (place) land([spot.part]);
  showPlace(place);
};
point.addEventListener("click", () => picking(point.getAttribute("aria-pressed") === "false"));
addEventListener("keydown", (event) => { if (event.key === "Escape") { picking(false); hidePlace(); } });

// A link out of the paper opens beside it.
const leave = (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || link.getAttribute("href").startsWith("#") || link.hasAttribute("download")) return;
  event.preventDefault();
  open(link.href, "_blank", "noopener");
};

const view = (chosen) => {
  panes.dataset.view = chosen;
  for (const press of document.querySelectorAll("#views button")) press.setAttribute("aria-pressed", String(press.dataset.view === chosen));
  remember("view", chosen);
  show();
};
for (const press of document.querySelectorAll("#views button")) press.addEventListener("click", () => view(press.dataset.view));

documents.addEventListener("change", () => {
  name = documents.value;
  scroll = null;
  history.replaceState(null, "", `?${new URLSearchParams({ document: name })}`);
  load();
});
follow.addEventListener("click", () => {
  const on = follow.getAttribute("aria-pressed") === "false";
  follow.setAttribute("aria-pressed", String(on));
  remember("follow", on ? "on" : "off");
});
follow.setAttribute("aria-pressed", String(remembered("follow", "on") === "on"));

// A browser keeps few connections to one server: a tab that nobody has seen for a while lets go of its own, and catches up later.
let unseen = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(unseen);
  if (document.hidden) {
    unseen = setTimeout(() => { events?.close(); events = null; }, UNSEEN_MS);
  } else if (!events && isLoaded()) {
    listen(epoch);
  }
});

bar(show);
setInterval(() => { if (state.running.length) show(); }, 250);
view(remembered("view", "page"));
load();
