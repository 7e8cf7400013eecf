// Previews of cross-references, citations and notes: with a pointer that hovers, by the keyboard, and by a finger that is held on the
// link. A tap follows the link, as on any page.
{
  const HOLD_MS = 450;

  const preview = (link) => {
    const found = target(link);
    if (!found || found.contains(link)) return null;
    const copy = bare(found);
    if (copy.tagName === "LI") return [...copy.childNodes];
    if (!/^H[1-6]$/.test(found.tagName)) return [copy];
    let next = found.nextElementSibling; // a section is known by its first words
    while (next && /^H[1-6]$/.test(next.tagName)) next = next.nextElementSibling;
    return next && next.tagName === "P" ? [copy, bare(next)] : [copy];
  };

  const held = (link) => {
    let timer = 0;
    let opened = false;
    link.addEventListener("pointerdown", (event) => {
      opened = false;
      if (event.pointerType !== "touch") return;
      timer = setTimeout(() => {
        const content = preview(link);
        opened = Boolean(content);
        if (content) card.show(link, content, link.textContent.trim());
      }, HOLD_MS);
    });
    for (const name of ["pointerup", "pointercancel", "pointermove", "pointerleave"]) {
      link.addEventListener(name, (event) => {
        const still = name === "pointermove" && Math.hypot(event.movementX, event.movementY) < 4;
        if (!still) clearTimeout(timer);
      });
    }
    link.addEventListener("contextmenu", (event) => { if (opened) event.preventDefault(); });
    link.addEventListener("click", (event) => {
      if (!opened) return;
      event.preventDefault();
      opened = false;
    });
  };

  listens('a.xref[href^="#"], a[role="doc-biblioref"][href^="#"], .citation a[href^="#"], a.footnote-ref[href^="#"]', (link) => {
    const open = card.hovers(link, () => preview(link), 160);
    held(link);
    link.addEventListener("focus", () => { if (link.matches(":focus-visible")) open(); });
    link.addEventListener("blur", () => { if (!card.isPinned()) card.hide(); });
    link.addEventListener("click", () => { if (!card.isPinned()) card.hide(); });
  });
}
