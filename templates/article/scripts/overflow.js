// What is wider than the text scrolls in a place of its own; while it does, the keyboard can reach it and it says what it is.
{
  const named = (place) => {
    const caption = (place.closest("figure") || place).querySelector("figcaption");
    const label = caption && caption.querySelector(".caption-label");
    return label ? label.textContent.trim() : (place.matches("pre") ? words.code : words.table);
  };
  const measured = new Set();
  const settle = soon(() => {
    const found = [...measured].map((place) => [place, place.scrollWidth > place.clientWidth + 1 || (place.matches(".scroller") && place.scrollHeight > place.clientHeight + 1)]); // read all, then write
    measured.clear();
    for (const [place, over] of found) {
      if (place.hasAttribute("tabindex") === over) continue;
      if (over) place.tabIndex = 0; else place.removeAttribute("tabindex");
      if (place.matches("math")) continue; // a formula keeps its own role
      for (const [name, value] of [["role", "region"], ["aria-label", named(place)]]) {
        if (over) place.setAttribute(name, value); else place.removeAttribute(name);
      }
    }
  });
  const watch = new ResizeObserver((entries) => {
    for (const entry of entries) measured.add(entry.target);
    settle();
  });
  const places = all('.scroller, pre, math[display="block"]');
  for (const place of places) watch.observe(place);
  document.fonts.ready.then(() => { for (const place of places) measured.add(place); settle(); }); // another font, another width
}
