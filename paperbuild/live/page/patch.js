// Makes the page that is shown the new one, by as little as can be. What the reader does stays: where the page is scrolled to, what is
// selected, focused, opened. The page's own scripts are told, since they build things into it (buttons, frames around pictures):
// they do so in the new part before it is compared with the old one, and listen to what came once it is shown.
import { Idiomorph } from "./idiomorph.js";

const HELD = new Set(["open", "aria-expanded", "aria-describedby", "aria-current", "aria-pressed"]); // what a reader's doing sets

// Which pictures and numbers became others, while a change is made.
let landed = [];
const differs = (old, fresh) => {
  if (old.nodeType !== 1 || fresh.nodeType !== 1) return true;
  if (old.tagName === "IMG" ? old.src !== fresh.src : old.matches(".pb-value") && old.textContent !== fresh.textContent) landed.push(old);
  return true;
};

// Elements whose text follows from something else: numbers that are counted, results, what is said of the works that are cited.
const DERIVED = ".pb-value, .xref, .secno, .caption-label, .theorem-label, .proof-label, .eqno, .citation, .footnote-ref, button";
const LISTS = ".footnotes, #refs"; // at the end of the page, of what stands further up
const MOST = 60; // blocks: nobody edits more of them at once

// What its author says in a part of the page.
const said = (part) => {
  const walker = part.ownerDocument.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  let words = "";
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest(DERIVED)) words += walker.currentNode.data;
  return words.replace(/\s+/g, " ");
};

// Where in the page an edit is to be seen: the first part of each run of parts in which the words are others.
const editedIn = (pairs) => {
  const regions = [];
  let last = false;
  for (const [before, part] of pairs) {
    const is = before !== said(part);
    if (is && !last) regions.push(part);
    last = is;
  }
  return regions;
};

const options = () => ({
  callbacks: {
    beforeNodeMorphed: differs,
    beforeAttributeUpdated: (name) => !HELD.has(name) && !name.startsWith("data-live"),
  },
});

const say = (page, name, detail) => {
  const view = page.defaultView;
  page.dispatchEvent(new view.CustomEvent(`paperbuild:${name}`, { detail }));
};

// The elements that `blocks`, texts with one element each, stand for, with what the page's scripts build into them.
const built = (page, blocks) => {
  const holder = page.createElement("template");
  holder.innerHTML = `<div class="body">${blocks.join("")}</div>`;
  const body = page.importNode(holder.content.firstElementChild, true);
  if (body.childElementCount !== blocks.length) throw new Error("a block is not one element");
  say(page, "build", body);
  return [...body.children];
};

// Replaces `old` by `fresh`, element by element where they may be the same one.
const replaced = (body, old, fresh, after) => {
  const shown = [];
  const pairs = Math.min(old.length, fresh.length);
  for (let n = 0; n < pairs; n += 1) {
    if (old[n].tagName === fresh[n].tagName) {
      const now = Idiomorph.morph(old[n], fresh[n], options());
      shown.push(...now.filter((node) => node.nodeType === 1));
    } else {
      old[n].replaceWith(fresh[n]);
      shown.push(fresh[n]);
    }
  }
  for (const gone of old.slice(pairs)) gone.remove();
  const next = after ?? null;
  for (const more of fresh.slice(pairs)) {
    body.insertBefore(more, next);
    shown.push(more);
  }
  return shown;
};

const spliced = (page, splices) => {
  const body = page.querySelector(".body");
  const blocks = [...body.children];
  const shown = [];
  const regions = [];
  const small = splices.reduce((sum, splice) => sum + splice.blocks.length, 0) <= MOST;
  for (const { start, end, blocks: texts } of [...splices].reverse()) {
    if (end > blocks.length) throw new Error("the page shows other blocks than the server thinks");
    const old = blocks.slice(start, end);
    const before = small ? old.map(said) : [];
    shown.push(...replaced(body, old, built(page, texts), blocks[end]));
    if (small) regions.push(...editedIn(texts.map((_, n) => [before[n], body.children[start + n]])));
  }
  const own = regions.filter((part) => !part.matches(LISTS));
  return { shown: shown.filter((part) => part.isConnected), regions: own.length ? own : regions };
};

// What may change around the blocks: the list of contents, the title with all that belongs to it, and where each number comes from. A page that
// is made otherwise is loaded.
const AROUND = [".contents ol", "header.front"];

// What the page says of results that are not up to date, by what the author wrote: marks on blocks that stay as they are would be old.
const staleIn = (provenance) => new Map(JSON.parse(provenance?.textContent || "[]").map((one) => [one.expression, one.stale || ""]));
const isMarkedOtherwise = (old, next) => {
  const before = staleIn(old);
  return [...staleIn(next)].some(([expression, stale]) => before.has(expression) && before.get(expression) !== stale);
};

const framed = (page, text) => {
  const fresh = new page.defaultView.DOMParser().parseFromString(text, "text/html");
  const both = (selector) => [page.querySelector(selector), fresh.querySelector(selector)];
  const [shown, provenance] = both("#provenance");
  const pairs = AROUND.map(both).filter(([old, next]) => old || next);
  if (!pairs.length || ![...pairs, [shown, provenance]].every(([old, next]) => Boolean(old) === Boolean(next))) throw new Error("its frame is another");
  const [said, says] = both(".built-with");
  if (said?.textContent !== says?.textContent || isMarkedOtherwise(shown, provenance)) throw new Error("other results are up to date");
  if (shown) shown.textContent = provenance.textContent; // what is built next may need it
  say(page, "begin");
  say(page, "build", fresh.body);
  for (const [old, next] of pairs) Idiomorph.morph(old, [...next.childNodes], { morphStyle: "innerHTML", ...options() });
  return pairs.map(([old]) => old);
};

// Makes the change; returns where its words were edited, and the results that are others. Throws where the page has to be loaded.
export const patch = (page, change) => {
  if (change.whole) throw new Error("another page");
  landed = [];
  if (change.title) page.title = change.title;
  const around = change.frame ? framed(page, change.frame) : [];
  if (!change.frame) say(page, "begin");
  const { shown, regions } = spliced(page, change.splices || []);
  say(page, "shown", [...around, ...shown]);
  return { regions, landed: landed.filter((part) => part.isConnected) };
};
