// The PDF, page by page. A page that did not change is not touched; one that did is exchanged once it is there, so that nothing flickers.
import { button, byId, element, remember, remembered } from "./elements.js";

const box = byId("sheets");
const tools = element("div", "tools");
const pages = element("div", "pages");
const place = element("span", "place");
const whole = element("a", "", "Open");
whole.target = "_blank";
whole.rel = "noopener";
whole.title = "Open the PDF itself";

const STEP = 1.2;
let shown = ""; // the digest of the PDF that is shown
let wanted = "";
let scale = Number(remembered("zoom", "0")); // pixels for a point; 0: as wide as the pane

const fit = () => {
  const widest = Math.max(1, ...[...pages.children].map((sheet) => Number(sheet.dataset.width)));
  return Math.min(2.2, (box.clientWidth - 32) / widest);
};
const size = () => {
  const now = scale || fit();
  for (const sheet of pages.children) {
    sheet.style.width = `${sheet.dataset.width * now}px`;
    sheet.style.height = `${sheet.dataset.height * now}px`;
  }
};
const zoom = (to) => {
  const middle = (box.scrollTop + box.clientHeight / 2) / Math.max(1, box.scrollHeight);
  scale = to && Math.min(6, Math.max(0.2, to));
  remember("zoom", String(scale));
  size();
  box.scrollTop = middle * box.scrollHeight - box.clientHeight / 2;
  count();
};
const tool = (text, label, act) => {
  const made = button(text, act);
  made.setAttribute("aria-label", label);
  made.title = label;
  return made;
};
tools.append(
  place,
  tool("−", "Smaller", () => zoom((scale || fit()) / STEP)),
  tool("Fit", "As wide as the pane", () => zoom(0)),
  tool("+", "Larger", () => zoom((scale || fit()) * STEP)),
  whole,
);
box.append(tools, pages);

const count = () => {
  const middle = box.scrollTop + box.clientHeight / 2;
  const at = [...pages.children].findIndex((sheet) => sheet.offsetTop + sheet.offsetHeight > middle);
  place.textContent = pages.childElementCount ? `${(at < 0 ? pages.childElementCount - 1 : at) + 1} / ${pages.childElementCount}` : "";
};
box.addEventListener("scroll", count, { passive: true });
new ResizeObserver(() => { size(); count(); }).observe(box);

// Far pages are drawn by the browser when they come near.
const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) if (isIntersecting) fill(target);
}, { root: box, rootMargin: "150% 0%" });

const fill = (sheet) => {
  const { digest } = sheet.dataset;
  if (sheet.dataset.filled === digest) return;
  sheet.dataset.filled = digest;
  const image = element("img");
  image.alt = sheet.getAttribute("aria-label");
  image.src = `/sheet/${digest}.svg`;
  const put = () => { if (sheet.dataset.filled === digest) sheet.replaceChildren(image); };
  image.decode().then(put, () => { if (sheet.dataset.filled === digest) delete sheet.dataset.filled; });
};

const lay = (drawn) => {
  while (pages.childElementCount > drawn.length) {
    near.unobserve(pages.lastElementChild);
    pages.lastElementChild.remove();
  }
  for (const [n, { digest, width, height }] of drawn.entries()) {
    let sheet = pages.children[n];
    if (!sheet) {
      sheet = element("div", "sheet");
      sheet.setAttribute("role", "img");
      pages.append(sheet);
    }
    sheet.setAttribute("aria-label", `Page ${n + 1}`);
    if (sheet.dataset.digest === digest) continue;
    Object.assign(sheet.dataset, { digest, width, height });
    near.unobserve(sheet); // it is told anew whether it is in sight
    near.observe(sheet);
  }
  size();
  count();
};

// Shows the PDF with this digest, if anybody looks.
export const showPdf = async (digest, visible) => {
  if (!visible || digest === wanted) return;
  wanted = digest;
  box.classList.toggle("empty", !digest);
  if (!digest) {
    lay([]);
    shown = "";
    return;
  }
  whole.href = `/pdf/${digest}.pdf`;
  try {
    const answer = await fetch(`/sheets/${digest}`);
    if (!answer.ok) throw new Error(answer.statusText);
    const drawn = await answer.json();
    if (wanted !== digest) return; // there is a newer one
    lay(drawn);
    shown = digest;
  } catch {
    if (wanted === digest) wanted = shown; // asked for again with the next news
  }
};
