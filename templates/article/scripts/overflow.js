// What is wider than the text scrolls in a place of its own; while it does, the keyboard can reach it and it says what it is.
{
  const PLACES = '.scroller, pre, .eqn-lines, :not(.cell) > math[display="block"]';
  // What a place is called: as its caption calls it, else by its turn, so that no two have one name.
  const named = (place) => {
    const label = place.closest("figure")?.querySelector("figcaption .caption-label");
    const kind = place.matches("pre") ? "pre" : ".scroller";
    const turn = all(PLACES).filter((other) => other.matches(kind)).indexOf(place) + 1;
    return label ? label.textContent.trim() : `${place.matches("pre") ? words.code : words.table} (${turn})`;
  };
  const overflows = (place) => {
    const aside = place.scrollWidth > place.clientWidth + 1;
    return aside || (place.matches(".scroller") && place.scrollHeight > place.clientHeight + 1);
  };
  const measured = new Set();
  const settle = soon(() => {
    const found = [...measured].map((place) => [place, overflows(place)]); // read all, then write
    measured.clear();
    for (const [place, over] of found) {
      if (place.hasAttribute("tabindex") === over) continue;
      if (over) place.tabIndex = 0; else place.removeAttribute("tabindex");
      if (place.matches("math, .eqn-lines")) continue; // a formula keeps its own role
      for (const [name, value] of [["role", "region"], ["aria-label", named(place)]]) {
        if (over) place.setAttribute(name, value); else place.removeAttribute(name);
      }
    }
  });
  const watch = new ResizeObserver((entries) => {
    for (const entry of entries) measured.add(entry.target);
    settle();
  });
  listens(PLACES, (place) => watch.observe(place));
  const look = () => { for (const place of all(PLACES)) measured.add(place); settle(); };
  document.fonts.ready.then(look); // another font, another width
  document.addEventListener("paperbuild:shown", look); // another text of the same size
}
