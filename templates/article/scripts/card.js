// One card, for provenance and for previews: shown while something is pointed at; pinned by a click, a tap or a key on a source.
const card = (() => {
  const box = element("div", "pb-card");
  box.id = "pb-card";
  box.hidden = true;
  box.tabIndex = -1;
  document.getElementById("paper").append(box); // within the landmark: what stands outside of all is hard to find for who listens
  let owner = null;
  let pinned = false;
  let timer = 0;

  const hide = (refocus = false) => {
    clearTimeout(timer);
    if (box.hidden) return;
    box.hidden = true;
    if (owner) owner.removeAttribute("aria-describedby");
    if (owner && pinned) {
      if (owner.hasAttribute("aria-expanded")) owner.setAttribute("aria-expanded", "false");
      if (refocus) owner.focus({ preventScroll: true });
    }
    owner = null;
    pinned = false;
  };

  // Puts the card below what it belongs to, or above where there is more room, and never over it.
  const place = (anchor) => {
    box.style.left = box.style.top = "0px";
    box.style.removeProperty("--room");
    const spots = [...anchor.getClientRects()];
    const spot = spots[0] || anchor.getBoundingClientRect();
    const last = spots.at(-1) || spot;
    const bar = document.querySelector(".contents");
    const hidden = bar && getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
    const under = innerHeight - last.bottom - 16;
    const over = spot.top - 16 - hidden;
    const below = box.offsetHeight <= under || under >= over;
    box.style.setProperty("--room", `${Math.max(140, below ? under : over)}px`);
    const size = box.getBoundingClientRect();
    const left = Math.min(Math.max(10, spot.left + spot.width / 2 - size.width / 2), root.clientWidth - size.width - 10);
    box.style.left = `${left + scrollX}px`;
    box.style.top = `${(below ? last.bottom + 8 : spot.top - size.height - 8) + scrollY}px`;
  };

  // Shows `content` at the anchor; pinned as a dialogue called `name`, else as a tooltip.
  const show = (anchor, content, name = "") => {
    hide();
    box.replaceChildren(...content);
    pinned = Boolean(name);
    box.setAttribute("role", pinned ? "dialog" : "tooltip");
    if (pinned) box.setAttribute("aria-label", name); else box.removeAttribute("aria-label");
    box.hidden = false;
    box.scrollTop = 0;
    owner = anchor;
    place(anchor);
    if (pinned) {
      if (anchor.hasAttribute("aria-expanded")) anchor.setAttribute("aria-expanded", "true");
      box.focus({ preventScroll: true });
    } else {
      anchor.setAttribute("aria-describedby", box.id);
    }
  };

  const leave = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (!pinned) hide(); }, 180);
  };
  // Shows what `content` returns while a pointer rests on the anchor or on the card; returns what opens it at once.
  const hovers = (anchor, content, delay_ms) => {
    const open = () => {
      const shown = pinned ? null : content();
      if (shown) show(anchor, shown);
    };
    anchor.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "touch") return;
      clearTimeout(timer);
      if (owner !== anchor) timer = setTimeout(open, delay_ms);
    });
    anchor.addEventListener("pointerleave", leave);
    return open;
  };
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", leave);
  // The card stands at the end of the page; who leaves it by the keyboard goes on from where it was opened.
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Tab") return;
    if (event.shiftKey) event.preventDefault();
    hide(true);
  });

  addEventListener("keydown", (event) => { if (event.key === "Escape") hide(true); });
  document.addEventListener("click", (event) => {
    if (pinned && !box.contains(event.target) && !(owner && owner.contains(event.target))) hide();
  });
  let width = innerWidth; // a phone's window also changes its height, whenever the address bar comes and goes
  // What the card belongs to may be gone, or elsewhere, once the paper has changed.
  document.addEventListener("paperbuild:shown", () => {
    if (owner && !owner.isConnected) hide();
    else if (owner) place(owner);
  });
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; hide(); } });

  return { show, hide, hovers, isPinned: () => pinned, isPinnedTo: (anchor) => pinned && owner === anchor };
})();
