// The contents: beside the text where there is room; else a bar at the top that names the section being read and opens the list.
{
  const contents = document.querySelector(".contents");
  if (contents) {
    const list = contents.querySelector("details");
    const here = contents.querySelector(".here");
    const beside = matchMedia("(min-width: 1180px)");
    const fold = () => { list.open = beside.matches; };
    beside.addEventListener("change", fold);
    fold();
    root.dataset.ready = "";

    let links = new Map();
    let headings = [];
    let current = null;
    const read = () => {
      links = new Map(all("a", contents).map((link) => [target(link), link]).filter(([heading]) => heading));
      headings = [...links.keys()];
      current = null;
      for (const link of all("a[aria-current]", contents)) link.removeAttribute("aria-current");
    };
    read();
    const mark = () => {
      // The line that a heading has to pass sinks towards the end, where no scrolling brings the last headings up to it.
      const left = root.scrollHeight - innerHeight - scrollY;
      const line = innerHeight * (0.3 + 0.7 * Math.max(0, 1 - left / innerHeight));
      const top = (heading) => heading.getBoundingClientRect().top;
      let passed = 0; // how many headings stand above the line, by bisection: a book has hundreds of them
      for (let end = headings.length; passed < end;) {
        const middle = (passed + end) >> 1;
        if (top(headings[middle]) < line) passed = middle + 1; else end = middle;
      }
      const asked = headings.find((heading) => heading.id === decodeURIComponent(location.hash.slice(1)));
      const reading = asked && top(asked) < line && top(asked) >= 0 ? asked : headings[passed - 1];
      const link = links.get(reading) || null;
      if (link === current) return;
      if (current) current.removeAttribute("aria-current");
      if (link) link.setAttribute("aria-current", "location");
      if (link && beside.matches) reveal(link);
      here.textContent = link ? link.textContent.trim() : "";
      current = link;
    };
    // Keeps the marked entry in sight in a list that is longer than the window, without moving the page.
    const reveal = (link) => {
      const box = contents.getBoundingClientRect();
      const place = link.getBoundingClientRect();
      if (place.top < box.top) contents.scrollTop -= box.top - place.top + 40;
      else if (place.bottom > box.bottom) contents.scrollTop += place.bottom - box.bottom + 40;
    };
    const markSoon = soon(mark);
    addEventListener("scroll", markSoon, { passive: true });
    addEventListener("hashchange", markSoon);
    document.addEventListener("paperbuild:shown", () => { read(); markSoon(); });
    mark();

    // As a bar the list lies over the text: whatever else the reader turns to closes it.
    const close = () => { if (!beside.matches) list.open = false; };
    contents.addEventListener("click", (event) => { if (event.target.closest("a")) close(); });
    document.addEventListener("click", (event) => { if (!contents.contains(event.target)) close(); });
    contents.addEventListener("focusout", (event) => { if (event.relatedTarget && !contents.contains(event.relatedTarget)) close(); });
    contents.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || beside.matches || !list.open) return;
      close();
      contents.querySelector("summary").focus();
    });
  }
}
