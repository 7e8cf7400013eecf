// What the page does beyond being read: a theme, the current place in the contents, previews of what a link points to, and where
// each number, figure and table comes from. Text from data is only ever set as text, never as markup.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Theme: the system's until the reader chooses.
  const button = document.querySelector(".theme");
  const remembered = () => { try { return localStorage.getItem("paperbuild-theme"); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem("paperbuild-theme", theme); } catch { /* a page in a file may have no storage */ } };
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  if (remembered()) root.dataset.theme = remembered();
  const say = () => button.setAttribute("aria-pressed", String(dark()));
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; remember(root.dataset.theme); say(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", say);
  say();

  // Contents: folded away where they stand above the text; the section being read is marked.
  const contents = document.querySelector(".contents");
  if (contents) {
    const beside = matchMedia("(min-width: 1180px)");
    const fold = () => { contents.querySelector("details").open = beside.matches; };
    beside.addEventListener("change", fold);
    fold();
    const links = new Map(all("a", contents).map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
    const headings = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
    let current = null;
    const mark = () => {
      // The line that a heading has to pass sinks towards the end, where no scrolling brings the last headings up to it.
      const left = root.scrollHeight - innerHeight - scrollY;
      const line = innerHeight * (0.3 + 0.7 * Math.max(0, 1 - left / innerHeight));
      const top = (heading) => heading.getBoundingClientRect().top;
      const passed = headings.filter((heading) => top(heading) < line);
      const asked = passed.find((heading) => heading.id === decodeURIComponent(location.hash.slice(1)) && top(heading) >= 0);
      const link = links.get((asked || passed.at(-1) || {}).id) || null;
      if (link === current) return;
      if (current) current.removeAttribute("aria-current");
      if (link) link.setAttribute("aria-current", "location");
      current = link;
    };
    let waiting = false;
    const soon = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; mark(); });
    };
    addEventListener("scroll", soon, { passive: true });
    addEventListener("hashchange", soon);
    mark();
  }

  const data = document.getElementById("provenance");
  const words = data ? data.dataset : { source: "", origin: "" };

  // One card, for provenance and for previews: shown while something is pointed at; pinned by a click, a tap or a key on a source.
  const card = document.createElement("div");
  card.className = "pb-card";
  card.id = "pb-card";
  card.hidden = true;
  card.tabIndex = -1;
  document.body.append(card);
  let owner = null;
  let pinned = false;
  let timer = 0;

  const hide = (refocus = false) => {
    clearTimeout(timer);
    if (card.hidden) return;
    card.hidden = true;
    if (owner) owner.removeAttribute("aria-describedby");
    if (owner && pinned) {
      owner.setAttribute("aria-expanded", "false");
      if (refocus) owner.focus({ preventScroll: true });
    }
    owner = null;
    pinned = false;
  };

  const show = (anchor, content, pin) => {
    hide();
    card.replaceChildren(...content);
    card.setAttribute("role", pin ? "dialog" : "tooltip");
    if (pin) card.setAttribute("aria-label", words.origin); else card.removeAttribute("aria-label");
    card.style.left = card.style.top = "0px";
    card.style.removeProperty("--room");
    card.hidden = false;
    card.scrollTop = 0;
    owner = anchor;
    pinned = pin;
    const spots = [...anchor.getClientRects()];
    const spot = spots[0] || anchor.getBoundingClientRect();
    const last = spots.at(-1) || spot;
    const under = innerHeight - last.bottom - 16;
    const over = spot.top - 16;
    const below = card.offsetHeight <= under || under >= over;
    card.style.setProperty("--room", `${Math.max(140, below ? under : over)}px`);
    const box = card.getBoundingClientRect();
    const left = Math.min(Math.max(10, spot.left + spot.width / 2 - box.width / 2), root.clientWidth - box.width - 10);
    card.style.left = `${left + scrollX}px`;
    card.style.top = `${(below ? last.bottom + 8 : spot.top - box.height - 8) + scrollY}px`;
    if (pin) {
      anchor.setAttribute("aria-expanded", "true");
      card.focus({ preventScroll: true });
    } else {
      anchor.setAttribute("aria-describedby", "pb-card");
    }
  };

  const leave = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (!pinned) hide(); }, 180);
  };
  // Shows what `content` returns while a pointer rests on the anchor or on the card; returns what opens it at once.
  const hovers = (anchor, content, delay) => {
    const open = () => {
      const shown = pinned ? null : content();
      if (shown) show(anchor, shown, false);
    };
    anchor.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "touch") return;
      clearTimeout(timer);
      if (owner !== anchor) timer = setTimeout(open, delay);
    });
    anchor.addEventListener("pointerleave", leave);
    return open;
  };
  card.addEventListener("pointerenter", () => clearTimeout(timer));
  card.addEventListener("pointerleave", leave);
  // The card stands at the end of the page; who leaves it by the keyboard goes on from where it was opened.
  card.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    if (event.shiftKey) event.preventDefault();
    hide(true);
  });

  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(true); });
  document.addEventListener("click", (event) => {
    if (pinned && !card.contains(event.target) && !(owner && owner.contains(event.target))) hide();
  });
  let width = innerWidth; // a phone's window also changes its height, whenever the address bar comes and goes
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; hide(); } });

  // Provenance.
  const sources = new Map((data ? JSON.parse(data.textContent) : []).map((entry) => [String(entry.index), entry]));
  const element = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const facts = (entry) => {
    const list = element("dl", "pb-facts");
    const add = (name, value, code = true) => {
      if (!value) return;
      const cell = element("dd");
      cell.append(code ? element("code", "", value) : value);
      list.append(element("dt", "", name), cell);
    };
    if (entry.expression !== entry.output) add("expression", entry.expression); // a figure is bound by its path
    add("target", entry.target);
    add("parameters", (entry.params || []).map(([name, value]) => `${name} = ${value}`).join("\n"));
    add("command", entry.command);
    add("output", entry.output);
    add("sha-256", (entry.digest || "").split("\n").map((one) => one.slice(0, 16) + (one.length > 16 ? "…" : "")).join("\n"));
    return [element("p", "pb-head", entry.label), list];
  };
  const opens = (anchor, entry) => {
    hovers(anchor, () => facts(entry), 350);
    if (anchor.parentElement.closest("a")) return; // a number in the words of a link: a click follows the link
    anchor.setAttribute("aria-haspopup", "dialog");
    anchor.setAttribute("aria-expanded", "false");
    anchor.setAttribute("aria-controls", "pb-card");
    const toggle = (event) => {
      event.preventDefault();
      event.stopPropagation();
      if (owner === anchor && pinned) hide(true); else show(anchor, facts(entry), true);
    };
    anchor.addEventListener("click", toggle);
    if (anchor.tagName !== "BUTTON") {
      anchor.tabIndex = 0;
      anchor.setAttribute("role", "button");
      if (anchor.querySelector("math")) anchor.setAttribute("aria-label", anchor.textContent.trim()); // a button's formula has no name of its own
      anchor.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") toggle(event); });
    }
  };
  const sign = () => {
    const space = "http://www.w3.org/2000/svg";
    const drawing = document.createElementNS(space, "svg");
    drawing.setAttribute("viewBox", "0 0 16 16");
    drawing.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", "M3 3v6a3 3 0 0 0 3 3h7M10 9l3 3-3 3");
    path.setAttribute("fill", "none");
    path.setAttribute("stroke", "currentColor");
    path.setAttribute("stroke-width", "1.6");
    drawing.append(path);
    return drawing;
  };
  for (const place of all("[data-pb]")) {
    const entry = sources.get(place.dataset.pb);
    if (!entry) continue;
    if (place.classList.contains("pb-value")) {
      opens(place, entry);
    } else {
      const caption = all("figcaption, caption", place).filter((found) => found.closest("figure, table") === place).at(-1);
      const source = element("button", "pb-source");
      source.type = "button";
      source.setAttribute("aria-label", `${entry.label}: ${words.origin}`);
      source.title = words.origin;
      source.append(sign(), ...(place.tagName === "IMG" ? [] : [`\u00a0${words.source}`])); // within a line of text the sign alone
      const paragraph = caption && caption.querySelector("p:last-child");
      if (caption) (paragraph || caption).append(source);
      else if (place.tagName === "IMG") place.after(source);
      else place.append(source);
      opens(source, entry);
    }
  }

  // Previews of cross-references, citations and notes, with a pointer that hovers or the keyboard; a tap follows the link.
  const preview = (link) => {
    const target = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!target || target.contains(link)) return null;
    const copy = target.cloneNode(true);
    const shown = [copy];
    if (/^H[1-6]$/.test(target.tagName)) {
      const next = target.nextElementSibling;
      if (next && next.tagName === "P") shown.push(next.cloneNode(true));
    }
    for (const top of shown) {
      for (const part of [top, ...all("*", top)]) {
        if (part.matches(".footnote-back, .pb-source")) { part.remove(); continue; }
        for (const name of ["id", "tabindex", "role", "aria-expanded", "aria-haspopup", "aria-controls", "data-pb"]) part.removeAttribute(name);
      }
    }
    if (copy.tagName === "LI") return [...copy.childNodes];
    return shown;
  };
  for (const link of all('a.xref[href^="#"], a[role="doc-biblioref"][href^="#"], .citation a[href^="#"], a.footnote-ref[href^="#"]')) {
    const open = hovers(link, () => preview(link), 160);
    link.addEventListener("focus", () => { if (link.matches(":focus-visible")) open(); });
    link.addEventListener("blur", () => { if (!pinned) hide(); });
    link.addEventListener("click", () => { if (!pinned) hide(); });
  }
})();
