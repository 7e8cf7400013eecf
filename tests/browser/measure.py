"""What the tests ask a page, in the browser's own language. Each text is a function for ``page.evaluate``."""

# What sticks out of the window and does not scroll in a place of its own: a list of descriptions.
OVERFLOW = """() => {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} wide in ${root.clientWidth}`);
  const scrolls = (element) => {
    for (let e = element.parentElement; e && e !== document.body; e = e.parentElement) {
      if (["auto", "scroll", "hidden"].includes(getComputedStyle(e).overflowX)) return true;
    }
    return false;
  };
  for (const element of document.querySelectorAll("body *:not(.skip)")) {
    const box = element.getBoundingClientRect();
    if (!box.width || element.closest("svg, math math *") || scrolls(element)) continue;
    const out = box.right > root.clientWidth + 0.5 || box.left < -0.5;
    if (out) found.push(`${element.tagName}.${element.className} ${box.left} ${box.right}`);
  }
  return found;
}"""

# Colours by the formulas of WCAG 2.2 (relative luminance, contrast ratio), composed over what stands behind.
_COLOURS = """
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (text) => {
    if (!known.has(text)) {
      brush.clearRect(0, 0, 1, 1);
      brush.fillStyle = text;
      brush.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
      known.set(text, [r, g, b, a / 255]);
    }
    return known.get(text);
  };
  const over = (top, bottom) => [0, 1, 2].map((i) => top[i] * top[3] + bottom[i] * (1 - top[3])).concat(1);
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (text, element) => {
    const ground = behind(element);
    const [low, high] = [luminance(over(rgba(text), ground)), luminance(ground)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
"""

# The words whose contrast with their ground is less than the number given.
CONTRAST = (
    "(least) => {"
    + _COLOURS
    + """
  const faint = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const words = walker.currentNode.data.trim();
    const element = walker.currentNode.parentElement;
    if (!words || element.closest("script, style") || !element.checkVisibility({ visibilityProperty: true })) continue;
    const found = ratio(getComputedStyle(element).color, element);
    if (found < least) faint.set(`${element.tagName}.${element.className}`, [words.slice(0, 30), found]);
  }
  return [...faint];
}"""
)

# The line under each element that a selector finds: {line, ratio}.
UNDERLINES = (
    "(selector) => {"
    + _COLOURS
    + """
  return [...document.querySelectorAll(selector)].map((element) => {
    const style = getComputedStyle(element);
    return { line: style.textDecorationLine, ratio: ratio(style.textDecorationColor, element) };
  });
}"""
)

# Formulas that stand on another line than the character that touches them, at each width of the text given.
TORN = """(widths) => {
  const torn = [];
  const text = (from, backwards) => {
    const walker = document.createTreeWalker(from.closest("p, li, td, figcaption"), NodeFilter.SHOW_TEXT);
    let before = null, after = null;
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (from.contains(node) || !node.data || node.parentElement.closest("math")) continue;
      const order = from.compareDocumentPosition(node);
      if (order & Node.DOCUMENT_POSITION_PRECEDING) before = node;
      else if (!after) after = node;
    }
    return backwards ? before : after;
  };
  const place = (node, at) => {
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, at + 1);
    return range.getBoundingClientRect();
  };
  const formulas = [...document.querySelectorAll("p math:not([display=block]), li math, td math")];
  for (const width of widths) {
    document.querySelector("main").style.width = `${width}px`;
    for (const formula of formulas) {
      const box = formula.getBoundingClientRect();
      const after = text(formula, false), before = text(formula, true);
      if (after && /^\\S/.test(after.data) && place(after, 0).left < box.left) torn.push([width, after.data]);
      if (before && /[^\\s-]$/.test(before.data) && place(before, before.data.length - 1).left > box.left) torn.push([width, before.data]);
    }
  }
  return torn;
}"""
