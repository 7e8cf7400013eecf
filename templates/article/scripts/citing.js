// BibTeX to take along: of the paper, of all its references, and of each of them.
{
  // What is copied must not depend on what is shown: the text of each entry, in order.
  const entries = (place) => all("code", place).map((code) => code.textContent);
  const download = (text, name) => {
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "application/x-bibtex" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const saved = (place, text) => {
    const name = place.classList.contains("references-bibtex") ? "references" : (/{([^,]*),/.exec(text) || ["", "paper"])[1];
    download(text, `${name}.bib`);
  };
  const codes = () => new Map(all(".references-bibtex code").map((code) => [code.dataset.key, code]));

  builds((within) => {
    for (const place of all("details.bibtex", within)) {
      const tools = element("p", "bibtex-tools");
      tools.append(button("take", "", words.copy), button("save", "", words.download));
      place.querySelector("summary").after(tools);
    }
    const known = new Map([...codes(), ...all(".references-bibtex code", within).map((code) => [code.dataset.key, code])]);
    for (const entry of all(".csl-entry[id^='ref-']", within)) {
      const key = entry.id.slice("ref-".length);
      if (!known.has(key)) continue;
      const take = button("entry-bibtex", `${words.copy}: BibTeX, ${key}`, words.bibtex);
      take.dataset.key = key;
      const last = entry.querySelector(".csl-right-inline") || entry;
      last.append(" ", take);
    }
  });
  // One listener for the buttons and for their copies in previews.
  document.addEventListener("click", (event) => {
    const press = event.target.closest(".entry-bibtex, .bibtex-tools button");
    if (!press) return;
    if (press.matches(".entry-bibtex")) {
      copy(codes().get(press.dataset.key).textContent, words.copied);
      return;
    }
    const place = press.closest("details.bibtex");
    const text = entries(place).join("\n\n");
    if (press.matches(".take")) copy(text, words.copied); else saved(place, text);
  });
}
