const RETRY_MS = 3000;

// The events of the server. The browser connects again by itself, and tells the last epoch it had; a page that starts tells the one it shows.
export const stream = (name, since, { update, away, renewed }) => {
  const session = document.querySelector("meta[name=session]").content;
  const query = new URLSearchParams({ document: name, since: `${session}.${since}` });
  const source = new EventSource(`/events?${query}`);
  let told = since;
  source.addEventListener("message", (event) => {
    const news = JSON.parse(event.data);
    const [from] = event.lastEventId.split(".");
    if (from !== session) { // another server: its page may come with other scripts, so all is loaded anew
      renewed();
      return;
    }
    if (news.epoch < told) return;
    told = news.epoch;
    update(news);
  });
  source.addEventListener("error", () => {
    away();
    if (source.readyState === EventSource.CLOSED) setTimeout(renewed, RETRY_MS); // something else answered there, or refused
  });
  return { close: () => source.close() };
};

// Asks for something: to "run" or "cancel" an action (or all), to "edit" a path.
export const order = async (what, given) => {
  const token = document.querySelector("meta[name=token]").content;
  try {
    return (await fetch(`/${what}?${new URLSearchParams(given)}`, { method: "POST", headers: { "X-Paperbuild-Token": token } })).ok;
  } catch {
    return false;
  }
};
