// Tables of data are sorted by the heads of their columns: upwards, downwards, and back as they were.
{
  const MISSING = new Set(["", "-", "–", "—", "n/a", "na", "nan", "none", "null"]);
  const NUMBER = /^[<>≤≥~≈(\s]*([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?:\s*±[^×·]*)?\)?\s*(?:[×·]\s*10\^([+-]?\d+))?[^\d]*$/i;
  const comma = /^(de|fr)/.test(root.lang); // as paperbuild writes numbers
  const [grouping, point] = comma ? [/(\d)[.\s](?=\d{3})/g, ","] : [/(\d)[,\s](?=\d{3})/g, "."];
  const collator = new Intl.Collator(root.lang, { numeric: true, sensitivity: "base" });

  const shown = (cell) => {
    const copy = cell.cloneNode(true);
    for (const part of all("[aria-hidden=true], .footnote-ref, .pb-source", copy)) part.remove();
    for (const power of all("sup", copy)) power.prepend("^");
    return copy.textContent.replace(/\u2212/g, "-").replace(/\s+/g, " ").trim();
  };
  // What a text means as a number; NaN where it is none.
  const number = (text) => {
    const found = NUMBER.exec(text.replace(grouping, "$1").replace(point, "."));
    return found ? Number(found[1]) * 10 ** Number(found[2] || 0) : NaN;
  };
  // What a cell is sorted by: {missing, number, text}.
  const key = (cell) => {
    const given = cell && cell.dataset.value;
    const text = given !== undefined ? given : cell ? shown(cell) : "";
    return { missing: MISSING.has(text.toLowerCase()), number: given !== undefined && text !== "" ? Number(text) : number(text), text };
  };

  const sorted = (rows, column, down) => {
    const keyed = rows.map((row) => ({ row, key: key(row.cells[column]) }));
    const numeric = keyed.every(({ key: { missing, number: value } }) => missing || !Number.isNaN(value));
    const order = numeric ? (a, b) => a.number - b.number : (a, b) => collator.compare(a.text, b.text);
    const compare = (a, b) => a.key.missing - b.key.missing || (a.key.missing ? 0 : order(a.key, b.key) * (down ? -1 : 1));
    return keyed.sort(compare).map(({ row }) => row);
  };

  // The cell that heads each column: the lowest one of a head of several rows, and none where it heads several columns.
  const heads = (head) => {
    const grid = [];
    for (const [y, row] of [...head.rows].entries()) {
      let x = 0;
      for (const cell of row.cells) {
        while (grid[x] && grid[x].until > y) x += 1;
        for (let i = 0; i < cell.colSpan; i += 1) grid[x + i] = { cell, until: y + cell.rowSpan };
        x += cell.colSpan;
      }
    }
    return grid.map(({ cell }) => (cell.colSpan === 1 ? cell : null));
  };

  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  const sortable = (table) => {
    const [body, ...others] = table.tBodies;
    if (!table.tHead || !body || others.length || body.rows.length < 2) return;
    if (body.querySelector('[rowspan]:not([rowspan="1"]), [colspan]:not([colspan="1"]), th[scope="rowgroup"]')) return;
    for (const head of heads(table.tHead)) {
      if (!head || !head.textContent.trim() || head.querySelector("a, button, .pb-value")) continue;
      const press = button("sort");
      press.append(...head.childNodes);
      head.append(press);
      head.setAttribute("aria-sort", "none");
    }
  };
  let originals = new WeakMap(); // a table's rows as they came
  document.addEventListener("paperbuild:shown", () => { originals = new WeakMap(); });

  builds((within) => { for (const table of all("table.data", within)) sortable(table); });
  listens(".sort", (press) => {
    press.addEventListener("click", () => {
      const head = press.closest("th, td");
      const table = head.closest("table");
      const body = table.tBodies[0];
      if (!originals.has(table)) originals.set(table, [...body.rows]);
      const original = originals.get(table);
      const columns = heads(table.tHead);
      const next = NEXT[head.getAttribute("aria-sort")];
      for (const other of columns) if (other && other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", next);
      body.append(...(next === "none" ? original : sorted(original, columns.indexOf(head), next === "descending")));
    });
  });
}
