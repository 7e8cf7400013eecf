// A heading, the label of a figure, a table or a theorem, and the number of an equation are links to themselves: a click also copies
// the address.
document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a.anchor");
  if (!anchor || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  copy(anchor.href, words.link_copied);
});
