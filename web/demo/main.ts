// A page of an application that the tracker looks on at.

import "./style.css";

interface Activity {
  id: string;
  date: string;
  path: string;
  name?: string;
}

const find = <E extends HTMLElement = HTMLElement>(selector: string) => document.querySelector<E>(selector)!;

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

// Where the server is nested, the console has no slash at its end.
find<HTMLAnchorElement>(".console").href = document.baseURI.replace(/\/$/, "");

// Events of its own. If the tracker was blocked, there are none.

for (const button of document.querySelectorAll<HTMLElement>("[data-event]")) {
  button.addEventListener("click", () => {
    window.djaffar?.log(location.pathname + location.hash, {
      name: button.dataset.event!,
      properties: { label: button.textContent },
    });
  });
}

// Who is signed in, which is told by the session's cookie.

const VIEWER = "viewer { user { username } }";
const WHO = `{ ${VIEWER} }`;
const LOG_IN = `mutation LogIn($input: LogInInput!) { payload: logIn(input: $input) { ${VIEWER} userErrors { message } } }`;
const LOG_OUT = `mutation { payload: logOut { ${VIEWER} } }`;

interface Answer {
  viewer: { user: { username: string } | null };
  userErrors?: { message: string }[];
}

async function ask(query: string, input?: object): Promise<Answer> {
  const response = await fetch(new URL("graphql", document.baseURI), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables: { input } }),
  });
  const { data, errors } = await response.json();
  const answer: Answer = data?.payload ?? data;
  const problem = errors?.[0] ?? answer.userErrors?.[0];
  if (problem) throw new Error(problem.message);
  return answer;
}

/** Tells who is signed in afterwards, or what was wrong. */
async function tell(query: string, input?: object): Promise<void> {
  try {
    const { user } = (await ask(query, input)).viewer;
    find("#sign-in").hidden = user !== null;
    find("#sign-out").hidden = user === null;
    find<HTMLFormElement>("#sign-in").reset();
    find("#viewer").textContent = user
      ? `You are ${user.username}, and so is this session.`
      : "Nobody is signed in: you are a session without a name.";
  } catch (error) {
    // All but what the server says is that of the network.
    find("#viewer").textContent = error instanceof TypeError ? "The server can't be reached." : (error as Error).message;
  }
}
find("#sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  void tell(LOG_IN, Object.fromEntries(new FormData(event.target as HTMLFormElement)));
});
find("#sign-out").addEventListener("submit", (event) => {
  event.preventDefault();
  void tell(LOG_OUT);
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
void tell(WHO);
// localStorage tells other tabs of a change, not its own.
setInterval(list, 500);
