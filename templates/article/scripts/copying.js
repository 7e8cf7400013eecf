// Puts text on the clipboard, and says that it did.
const copy = (() => {
  const notice = element("p", "notice");
  notice.setAttribute("role", "status");
  document.body.append(notice);
  let timer = 0;
  const say = (words_said) => {
    notice.textContent = words_said;
    notice.classList.add("shown");
    clearTimeout(timer);
    timer = setTimeout(() => { notice.classList.remove("shown"); notice.textContent = ""; }, 2200);
  };

  // The older way, for pages that come over plain http, where a browser gives no clipboard.
  const byCommand = (text) => {
    const field = element("textarea", "offscreen");
    field.value = text;
    const focused = document.activeElement;
    (document.querySelector("dialog[open]") || document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (focused) focused.focus({ preventScroll: true });
    return done;
  };

  return async (text, said) => {
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch {
      done = byCommand(text);
    }
    say(done ? said : words.not_copied);
  };
})();
