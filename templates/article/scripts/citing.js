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

  for (const place of all("details.bibtex")) {
    const text = entries(place).join("\n\n");
    const tools = element("p", "bibtex-tools");
    const take = button("", "", words.copy);
    take.addEventListener("click", () => copy(text, words.copied));
    const save = button("", "", words.download);
    const name = place.classList.contains("references-bibtex") ? "references" : (/{([^,]*),/.exec(text) || ["", "paper"])[1];
    save.addEventListener("click", () => download(text, `${name}.bib`));
    tools.append(take, save);
    place.querySelector("summary").after(tools);
  }

  const texts = new Map(all(".references-bibtex code").map((code) => [code.dataset.key, code.textContent]));
  for (const entry of all(".csl-entry[id^='ref-']")) {
    const key = entry.id.slice("ref-".length);
    if (!texts.has(key)) continue;
    const take = button("entry-bibtex", `${words.copy}: BibTeX, ${key}`, words.bibtex);
    take.dataset.key = key;
    const last = entry.querySelector(".csl-right-inline") || entry;
    last.append(" ", take);
  }
  // One listener for the buttons and for their copies in previews.
  document.addEventListener("click", (event) => {
    const take = event.target.closest(".entry-bibtex");
    if (take) copy(texts.get(take.dataset.key), words.copied);
  });
}
