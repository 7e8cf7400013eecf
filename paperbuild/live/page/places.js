// Where in the source something stands: said, copied, opened in the author's editor. Which editor is known to pages on the author's machine only.
import { button, byId, element } from "./elements.js";
import { order } from "./stream.js";

const SAID_MS = 1200;
const meta = (name) => document.querySelector(`meta[name=${name}]`).content;
const editor = meta("editor"); // an address with {file}, {line}, {column}; "command": the server opens files; "": nobody does

export const said = ({ path, line, column }) => (line ? `${path}:${line}${column > 1 ? `:${column}` : ""}` : path);

const address = ({ path, line, column }) => {
  const whole = path.startsWith("/") ? path : `${meta("root")}/${path}`;
  const given = { file: whole.split("/").map(encodeURIComponent).join("/"), line: line || 1, column: column || 1 };
  return editor.replace(/\{(file|line|column)\}/g, (_, what) => given[what]);
};

// A button that says the place, and copies it.
export const copier = (place, className) => {
  const text = said(place);
  const press = button(text, async () => {
    await navigator.clipboard?.writeText(text);
    press.textContent = "Copied";
    setTimeout(() => { press.textContent = text; }, SAID_MS);
  }, className);
  press.title = "Copy";
  return press;
};

// What opens it in the editor; nothing where none is known.
export const opener = (place) => {
  if (!editor) return [];
  const title = "Open in the editor";
  if (editor === "command") {
    const { path, line, column } = place;
    const press = button("Edit", () => order("edit", { path, line: line || 1, column: column || 1 }), "edit");
    press.title = title;
    return [press];
  }
  const link = element("a", "edit", "Edit");
  link.href = address(place);
  link.title = title;
  return [link];
};

const box = byId("place");
export const hidePlace = () => { box.hidden = true; box.replaceChildren(); };
export const showPlace = (place) => {
  const close = button("\u2715", hidePlace, "close");
  close.setAttribute("aria-label", "Put the place aside");
  box.replaceChildren(...(place ? [copier(place, "place"), ...opener(place)] : [element("span", "", "Not from the sources")]), close);
  box.hidden = false;
};

// The first words from a point of the page on, as far as its element goes.
const wordsAt = (page, event) => {
  const spot = page.caretPositionFromPoint?.(event.clientX, event.clientY);
  const range = spot ? null : page.caretRangeFromPoint?.(event.clientX, event.clientY);
  const [node, offset] = spot ? [spot.offsetNode, spot.offset] : range ? [range.startContainer, range.startOffset] : [null, 0];
  if (node?.nodeType !== 3 || !event.target.contains(node)) return "";
  const start = node.data.slice(0, offset).search(/[\p{L}\p{N}]*$/u);
  return node.data.slice(start, start + 300);
};

// Which spot of the page an event is at, in the server's words.
export const spotOf = (page, event) => {
  const body = page.querySelector(".body");
  const block = event.target.closest(".body > *");
  const words = event.target.closest("math, .pb-value") ? "" : wordsAt(page, event);
  return { block: block ? [...body.children].indexOf(block) : -1, words, part: block || event.target };
};

export const placeOf = async (name, epoch, { block, words }) => {
  const query = new URLSearchParams({ document: name, epoch: `${meta("session")}.${epoch}`, block, words });
  try {
    const answer = await fetch(`/place?${query}`);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
};
