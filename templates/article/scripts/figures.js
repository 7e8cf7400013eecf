// Every figure can be enlarged: by a press on the picture, or by the button at its corner, which the keyboard reaches.
{
  const label = (figure) => {
    const found = figure.querySelector(":scope > figcaption .caption-label");
    return found ? found.textContent.trim().replace(/\.$/, "") : "";
  };
  const shown = (image) => {
    const own = image.closest("figure");
    const outer = own.parentElement.closest("figure.subfigures");
    const caption = own.querySelector(":scope > figcaption");
    const name = [outer && label(outer), label(own)].filter(Boolean).join(" ") || words.picture;
    return { image, label: name, caption: caption ? [...bare(caption).childNodes] : [] };
  };
  const open = (image) => {
    const own = image.closest("figure");
    const images = all(".picture > img", own.parentElement.closest("figure.subfigures") || own);
    lightbox.open(images.map(shown), images.indexOf(image));
  };

  const framed = (image) => {
    const frame = element("span", "picture");
    frame.style.width = image.style.width; // a share of the figure's width is the frame's; the picture fills it
    if (frame.style.width) image.style.width = "100%";
    image.replaceWith(frame);
    frame.append(image);
    const zoom = button("zoom");
    zoom.setAttribute("aria-label", `${words.enlarge}: ${shown(image).label}`);
    zoom.setAttribute("aria-haspopup", "dialog");
    zoom.append(drawing("M9.5 2.5h4v4M13.5 2.5l-5 5M6.5 13.5h-4v-4M2.5 13.5l5-5"));
    frame.append(zoom);
  };

  builds((within) => {
    for (const image of all("figure img", within)) {
      if (!image.closest("a, td, th")) framed(image);
    }
  });
  listens(".zoom", (zoom) => {
    const image = () => zoom.parentElement.querySelector("img");
    zoom.addEventListener("click", () => open(image()));
  });
  listens(".picture > img", (image) => {
    image.addEventListener("click", () => { image.parentElement.querySelector(".zoom").focus({ preventScroll: true }); open(image); }); // where closing leads back to
  });
}
