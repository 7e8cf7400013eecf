// Where each bound number, figure and table comes from: a card for each, opened by a pointer, a tap or a key.
{
  let sources = null;
  const entryOf = (place) => {
    const data = document.getElementById("provenance");
    sources ||= new Map((data ? JSON.parse(data.textContent) : []).map((entry) => [String(entry.index), entry]));
    return sources.get(place.dataset.pb);
  };
  document.addEventListener("paperbuild:begin", () => { sources = null; });
  const facts = (entry) => {
    const list = element("dl", "pb-facts");
    const add = (name, value) => {
      if (!value) return;
      const cell = element("dd");
      cell.append(element("code", "", value));
      list.append(element("dt", "", name), cell);
    };
    if (entry.expression !== entry.output) add("expression", entry.expression); // a figure is bound by its path
    add("target", entry.target);
    add("parameters", (entry.params || []).map(([name, value]) => `${name} = ${value}`).join("\n"));
    add("command", entry.command);
    add("output", entry.output);
    add("sha-256", (entry.digest || "").split("\n").map((one) => one.slice(0, 16) + (one.length > 16 ? "…" : "")).join("\n"));
    add("to rerun", entry.rerun);
    const head = [element("p", "pb-head", entry.label)];
    if (entry.stale) head.push(element("p", "pb-stale-why", `${words.stale}: ${entry.stale.replaceAll("\n", "; ")}`));
    add(words.anew, entry.make);
    return [...head, list];
  };

  // The number, figure or table that an anchor, which is itself or a button in it, tells of.
  const placeOf = (anchor) => (anchor.matches(".pb-value") ? anchor : anchor.closest("[data-pb]") || anchor.previousElementSibling);
  const isInLink = (anchor) => anchor.parentElement.closest("a"); // a number in the words of a link: a click follows the link
  const anchored = (anchor) => {
    if (isInLink(anchor)) return;
    anchor.setAttribute("aria-haspopup", "dialog");
    anchor.setAttribute("aria-expanded", "false");
    anchor.setAttribute("aria-controls", "pb-card");
    if (anchor.tagName === "BUTTON") return;
    anchor.tabIndex = 0;
    anchor.setAttribute("role", "button");
    if (anchor.querySelector("math")) anchor.setAttribute("aria-label", anchor.textContent.trim()); // a button's formula has no name of its own
  };
  const opens = (anchor) => {
    const entry = () => entryOf(placeOf(anchor));
    card.hovers(anchor, () => entry() && facts(entry()), 350);
    const toggle = (event) => {
      if (isInLink(anchor) || !entry()) return;
      event.preventDefault();
      event.stopPropagation();
      if (card.isPinnedTo(anchor)) card.hide(true); else card.show(anchor, facts(entry()), words.origin);
    };
    anchor.addEventListener("click", toggle);
    if (anchor.tagName === "BUTTON") return;
    anchor.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") toggle(event); });
  };

  const marked = (place) => {
    const entry = entryOf(place);
    if (!entry) return;
    if (entry.stale) {
      place.classList.add("pb-stale");
      place.title = `${words.stale}: ${entry.stale}`;
    }
    if (place.classList.contains("pb-value")) {
      anchored(place);
      return;
    }
    const inline = place.tagName === "IMG"; // within a line of text the sign alone
    const source = button("pb-source", `${entry.label}: ${words.origin}`);
    if (entry.stale) source.append(element("span", "pb-stale-sign", words.stale));
    source.title = words.origin;
    source.append(drawing("M3 3v6a3 3 0 0 0 3 3h7M10 9l3 3-3 3"), ...(inline ? [] : [`\u00a0${words.source}`]));
    const caption = all("figcaption, caption", place).filter((found) => found.closest("figure, table") === place).at(-1);
    const paragraph = caption && caption.querySelector("p:last-child");
    if (caption) (paragraph || caption).append(source);
    else if (inline) place.after(source);
    else place.append(source);
    anchored(source);
  };

  builds((within) => { for (const place of all("[data-pb]", within)) marked(place); });
  listens(".pb-value[data-pb], .pb-source", opens);
}
