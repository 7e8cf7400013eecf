// Runs before the page is shown: the theme that the reader chose, so that no white page flashes in the dark, and the word to the
// style sheet that scripts run, so that what they will fold away is not first seen open.
document.documentElement.dataset.scripted = "";
try {
  const theme = localStorage.getItem("paperbuild-theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch { /* a page in a file may have no storage */ }
