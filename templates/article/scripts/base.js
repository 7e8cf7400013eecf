// What all scripts of the page share. They are joined into one function, in the order in which template.toml names them; each declares
// one thing that others may use. Text from data is only ever set as text, never as markup.
const root = document.documentElement;
const words = JSON.parse(document.getElementById("words").textContent);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const target = (link) => document.getElementById(decodeURIComponent(link.hash.slice(1)));

// What a part of the page needs to be of use is first built into it, then listened to. Both happen to the whole page when it is loaded. A page
// that follows its paper (`paperbuild watch`) says "paperbuild:build", with what is about to take the place of something, and
// "paperbuild:shown", with the parts of the page that changed; what is built may have been built before, what is listened to is so once.
const builds = (work) => {
  work(document.body);
  document.addEventListener("paperbuild:build", (event) => work(event.detail));
};
const listens = (selector, work) => {
  const known = new WeakSet();
  const look = (within) => {
    for (const place of [...(within.matches(selector) ? [within] : []), ...all(selector, within)]) {
      if (known.has(place)) continue;
      known.add(place);
      work(place);
    }
  };
  look(document.body);
  document.addEventListener("paperbuild:shown", (event) => { for (const part of event.detail) look(part); });
};

// Returns a new element: `element("p", "class", "text")`.
const element = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

const button = (className, label, text) => {
  const made = element("button", className, text);
  made.type = "button";
  if (label) {
    made.setAttribute("aria-label", label);
    made.title = label;
  }
  return made;
};

// Returns a line drawing of 16 by 16 that those who listen are not told of.
const drawing = (lines) => {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("viewBox", "0 0 16 16");
  made.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", lines);
  path.setAttribute("fill", "none");
  path.setAttribute("stroke", "currentColor");
  path.setAttribute("stroke-width", "1.6");
  made.append(path);
  return made;
};

// Returns a function that asks for `work` in the next frame, however often it is called before.
const soon = (work) => {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; work(); });
  };
};

// Returns a copy of an element that looks like it, but leads no life of its own: nothing points to it, and what it does the original does.
const bare = (found) => {
  const copy = found.cloneNode(true);
  for (const gone of all(".footnote-back, .pb-source, .zoom", copy)) gone.remove();
  for (const press of all("button:not(.entry-bibtex)", copy)) press.replaceWith(...press.childNodes);
  const names = ["id", "tabindex", "role", "aria-expanded", "aria-haspopup", "aria-controls", "aria-label", "aria-sort", "data-pb"];
  for (const part of [copy, ...all("*", copy)]) {
    for (const name of names) part.removeAttribute(name);
  }
  for (const anchor of all("a.anchor", copy)) anchor.removeAttribute("href");
  return copy;
};
