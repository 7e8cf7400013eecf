// The bar: how the paper stands, in a word; what runs, for how long, of about how long; and on a press, what may be run or cancelled.
import { button, byId, duration, element, legible } from "./elements.js";
import { order } from "./stream.js";

const standing = byId("standing");
const running = byId("running");
const work = byId("work");

const PHASES = { building: "Building", fresh: "Up to date", stale: "Stale", failed: "Failed", away: "Not connected" };

const elapsed = (one, now_s) => {
  const since = duration(now_s - one.since_s);
  return one.estimate_s >= 1 ? `${since} of ~${duration(one.estimate_s)}` : since;
};

const row = (name, more, press) => {
  const made = element("li", "", element("span", "name", name));
  if (press) made.append(press);
  if (more) made.append(element("span", "more", more));
  return made;
};

const list = (title, rows) => (rows.length ? [element("h2", "", title), element("ul", "", ...rows)] : []);

const OUTCOMES = { held: "heavy, waits for leave to run", stale: "heavy, shown as it was the last time", blocked: "needs something that is not up to date", cancelled: "was cancelled", failed: "failed" };

const fill = (state, now_s) => {
  const jobs = state.running.filter((one) => !one.document);
  const cancel = (one) => button("Cancel", () => order("cancel", { action: one.action }));
  const run = (one) => (one.outcome === "blocked" ? null : button(["held", "stale"].includes(one.outcome) ? "Run" : "Run again", () => order("run", { action: one.action })));
  const focused = work.contains(document.activeElement) ? document.activeElement.dataset.of : "";
  work.replaceChildren(
    ...list("Running", jobs.map((one) => row(`${one.action}  ${elapsed(one, now_s)}`, legible(one.words) || one.reason, cancel(one)))),
    ...list("Not up to date", state.waiting.map((one) => row(one.action, OUTCOMES[one.outcome], run(one)))),
  );
  if (!work.childElementCount) work.append(element("p", "", "Nothing runs, and nothing waits."));
  for (const press of work.querySelectorAll("button")) press.dataset.of = `${press.textContent} ${press.parentElement.firstChild.textContent.split("  ")[0]}`;
  if (focused) [...work.querySelectorAll("button")].find((press) => press.dataset.of === focused)?.focus();
};

export const showStanding = (state, now_s, connected) => {
  const phase = connected ? state.phase : "away";
  const jobs = state.running.filter((one) => !one.document);
  standing.dataset.phase = phase;
  const held = state.waiting.filter((one) => ["held", "stale"].includes(one.outcome)).length;
  const count = phase === "building" && state.total > 1 && jobs.length ? ` ${state.settled}/${state.total}` : "";
  const words = phase === "stale" && held ? `Stale, ${held} held` : `${PHASES[phase]}${count}`;
  const shown = standing.querySelector(".words");
  if (shown.textContent !== words) shown.textContent = words;
  const more = jobs.length > 2 ? ` and ${jobs.length - 2} more` : "";
  running.textContent = !connected ? "" : state.note || jobs.slice(0, 2).map((one) => `${one.action} ${elapsed(one, now_s)}`).join(" · ") + more;
  if (!work.hidden) fill(state, now_s);
};

export const bar = (current) => {
  const toggle = (open) => {
    work.hidden = !open;
    standing.setAttribute("aria-expanded", String(open));
    if (open) current();
  };
  standing.addEventListener("click", () => toggle(work.hidden));
  addEventListener("keydown", (event) => { if (event.key === "Escape") toggle(false); });
  document.addEventListener("click", (event) => {
    if (!work.hidden && event.target.isConnected && !work.contains(event.target) && !standing.contains(event.target)) toggle(false);
  });
};
