// Small words that the other modules share. Text from outside is only ever set as text.
export const byId = (id) => document.getElementById(id);

export const element = (name, className = "", ...content) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...content);
  return made;
};

export const button = (text, act, className = "") => {
  const made = element("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
};

// Text of a log without what colours it on a terminal, and with other control characters made visible.
export const legible = (text) =>
  text
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)/g, "")
    .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (one) => (one === "\x7f" ? "\u2421" : String.fromCharCode(0x2400 + one.charCodeAt(0))));

// "0.4 s", "12 s", "3 min 05 s", "2 h 10 min"
export const duration = (seconds) => {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} min`;
};

// What the reader chose, kept from one visit to the next.
export const remembered = (name, usual) => {
  try { return localStorage.getItem(`paperbuild-live-${name}`) || usual; } catch { return usual; }
};
export const remember = (name, value) => {
  try { localStorage.setItem(`paperbuild-live-${name}`, value); } catch { /* a browser may forbid it */ }
};

// What outlives one loading of this tab, and no more.
export const keep = (name, value) => {
  try { sessionStorage.setItem(`paperbuild-live-${name}`, value); } catch { /* as above */ }
};
export const take = (name) => {
  try {
    const found = sessionStorage.getItem(`paperbuild-live-${name}`);
    sessionStorage.removeItem(`paperbuild-live-${name}`);
    return found;
  } catch { return null; }
};
