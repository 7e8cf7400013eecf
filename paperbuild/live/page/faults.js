// Errors, over the last good page: where, what the line is, why, how to mend it, the end of the log. They can be put aside, and vanish when
// they are mended. Put aside, they stay so until there are others.
import { button, byId, element, legible } from "./elements.js";
import { copier, opener } from "./places.js";

const box = byId("faults");
const reopen = byId("show-faults");
let aside = "";
let present = "";

const excerpt = ({ line, column, length, text }) => {
  const characters = [...text];
  const from = Math.max(0, column - 1);
  const part = (start, end) => characters.slice(start, end).join("");
  const marked = element("mark", "", part(from, from + length) || " ");
  return element("pre", "", element("span", "number", `${line}  `), part(0, from), marked, part(from + length));
};

const placed = (fault) => element("div", "placed", copier(fault, "place"), ...opener(fault));

const shown = (fault) => {
  const made = element("article", `fault ${fault.severity}`);
  made.append(element("h3", "", element("span", "code", fault.code), fault.message));
  if (fault.path) made.append(placed(fault));
  if (fault.line && fault.text) made.append(excerpt(fault));
  if (fault.detail?.length) made.append(element("pre", "log", legible(fault.detail.join("\n"))));
  const say = (label, words) => made.append(element("p", "", element("b", "", `${label}: `), words));
  if (fault.needed_by?.length) say("needed by", fault.needed_by.join(", "));
  for (const note of fault.notes || []) say("note", note);
  for (const help of fault.help || []) say("help", help);
  return made;
};

const counted = (faults) => {
  const errors = faults.filter((fault) => fault.severity === "error").length;
  const warnings = faults.length - errors;
  const words = (count, word) => (count ? [`${count} ${word}${count > 1 ? "s" : ""}`] : []);
  return [...words(errors, "error"), ...words(warnings, "warning")].join(", ");
};

const put = (faults) => {
  const head = element("header", "", element("h2", "", counted(faults)));
  head.append(button("Put aside", () => { aside = present; settle(faults); reopen.focus(); }));
  box.replaceChildren(head, ...faults.map(shown));
};

const settle = (faults) => {
  const errors = faults.some((fault) => fault.severity === "error");
  box.hidden = !errors && aside !== "open" ? true : !faults.length || aside === present;
  reopen.hidden = !faults.length || !box.hidden;
  reopen.textContent = counted(faults);
  reopen.dataset.severity = errors ? "error" : "warning";
  for (const log of box.querySelectorAll(".log")) log.scrollTop = log.scrollHeight; // its last line says most
};

let last = [];
reopen.addEventListener("click", () => { aside = "open"; settle(last); box.querySelector("button").focus(); });
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || box.hidden) return;
  aside = present;
  settle(last);
});

export const showFaults = (faults) => {
  const now = JSON.stringify(faults);
  if (now === present) return;
  present = now;
  last = faults;
  if (aside === "open") aside = "";
  put(faults);
  settle(faults);
};
