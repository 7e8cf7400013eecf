// The theme is the system's until the reader chooses.
{
  const toggle = document.querySelector(".theme");
  const remember = (theme) => { try { localStorage.setItem("paperbuild-theme", theme); } catch { /* a page in a file may have no storage */ } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const say = () => toggle.setAttribute("aria-pressed", String(dark()));
  toggle.hidden = false;
  toggle.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; remember(root.dataset.theme); say(); });
  system.addEventListener("change", say);
  say();
}
