// A page of an application that the tracker looks on at.

import "./style.css";

interface Activity {
  id: string;
  date: string;
  path: string;
  name?: string;
}

const find = (selector: string) => document.querySelector<HTMLElement>(selector)!;

// The routes, some by the history API, some by the hash alone: the tracker sees them by itself.

function show(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>("#routes a")) {
    const isHere = link.href === location.href;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (isHere) find("#title").textContent = link.textContent;
  }
}
find("#routes").addEventListener("click", (event) => {
  if (!(event.target instanceof HTMLAnchorElement) || !("push" in event.target.dataset)) return;
  event.preventDefault();
  history.pushState(null, "", event.target.href);
  show();
});
addEventListener("popstate", show);

// Events of its own.

for (const button of document.querySelectorAll<HTMLElement>("[data-event]")) {
  button.addEventListener("click", () => {
    window.djaffar.log(location.pathname + location.hash, {
      name: button.dataset.event!,
      properties: { label: button.textContent },
    });
  });
}

// The sign-in: what follows is told by the session's cookie.

const LOG_IN = `mutation LogIn($input: LogInInput!) {
  logIn(input: $input) { viewer { user { username } } userErrors { message } }
}`;

async function logIn(form: HTMLFormElement): Promise<string> {
  const input = Object.fromEntries(new FormData(form));
  const response = await fetch(new URL("graphql", document.baseURI), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: LOG_IN, variables: { input } }),
  });
  const { data, errors } = await response.json();
  const problem = errors?.[0] ?? data.logIn.userErrors[0];
  if (problem) return problem.message;
  form.reset();
  return `You are ${data.logIn.viewer.user.username}, and so is this session.`;
}
find("#sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    find("#viewer").textContent = await logIn(event.target as HTMLFormElement);
  } catch {
    find("#viewer").textContent = "The server can't be reached.";
  }
});

// What waits in localStorage, and what has been there.

const prefix = `${new URL("logs/batch", document.baseURI).href} `;
const seen = new Map<string, Activity>();

function list(): void {
  const waiting = Object.keys(localStorage).filter((key) => key.startsWith(prefix)).sort();
  for (const key of waiting) seen.set(key, JSON.parse(localStorage.getItem(key)!));
  const items = [...seen].slice(-20).reverse().map(([key, { date, path, name }]) => {
    const item = document.createElement("li");
    const time = document.createElement("time");
    time.dateTime = date;
    time.textContent = new Date(date).toLocaleTimeString();
    const what = document.createElement("span");
    what.textContent = `${name ?? "view"} ${path}`;
    const state = document.createElement("em");
    const isStored = !waiting.includes(key);
    state.classList.toggle("stored", isStored);
    state.textContent = isStored ? "stored" : "waits";
    item.append(time, what, state);
    return item;
  });
  find("#events").replaceChildren(...items);
}

show();
list();
// localStorage tells other tabs of a change, not its own.
setInterval(list, 500);
