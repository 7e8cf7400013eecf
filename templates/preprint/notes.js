// Where there is room beside the text, each note stands in the margin beside its mark, below the one before. Without this they stand at the end.
if (root.dataset.notes === "margin") {
  const pairs = () => all(".footnotes li[id]").map((note) => [note, document.querySelector(`a.footnote-ref[href="#${CSS.escape(note.id)}"]`)]);
  let notes = pairs();
  const paper = document.querySelector("main");
  const room = matchMedia("(min-width: 1240px)");
  const gap = 10; // pixels between two notes
  const settle = soon(() => {
    root.classList.toggle("beside", room.matches);
    if (!room.matches) {
      for (const [note] of notes) note.style.removeProperty("top");
      return;
    }
    const origin = paper.getBoundingClientRect().top;
    const found = notes.map(([note, mark]) => [note, mark ? mark.getBoundingClientRect().top - origin - 4 : 0, note.offsetHeight]);
    let free = 0;
    for (const [note, wanted, height] of found) {
      const top = Math.max(wanted, free);
      note.style.top = `${top}px`;
      free = top + height + gap;
    }
  });
  if (notes.length) {
    room.addEventListener("change", settle);
    new ResizeObserver(settle).observe(paper);
    document.fonts.ready.then(settle);
    document.addEventListener("paperbuild:shown", () => { notes = pairs(); settle(); });
    settle();
  }
}
