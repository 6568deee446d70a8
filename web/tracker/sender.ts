import { ask, isOpen, owner, token } from "./identity.ts";
import { DOUBLINGS, HOUR, LAG, MAX_ACTIVITIES, MAX_CHARACTERS, PATIENCE, PAUSE, WAIT } from "./limits.ts";
import { endpoint, read, remove, waiting, write } from "./queue.ts";

const inFlight: Record<string, unknown> = {};
let failures = 0;
let wasRefused = false;
let timer = 0;

/** Whether what waits under a key is the owner's. */
const isOwn = (key: string) => key.slice(endpoint.length + 33) == owner;

/** The oldest that go together: with the token of their owner, or, if there are no such, without. */
function nextBatch(): string[] {
  let characters = 0;
  const all = waiting().filter((key) => !inFlight[key] && navigator.onLine);
  const own = all.filter(isOwn);
  return (own[0] ? own : all).filter(
    (key, index) => ((characters += read(key).length) < MAX_CHARACTERS && index < MAX_ACTIVITIES) || !index,
  );
}

async function deliver(keys: string[]): Promise<void> {
  const head = JSON.stringify({ visitor: read(endpoint), token: (isOwn(keys[0]!) && token) || null, activities: [] });
  // As a string it is text/plain, about which browsers need not ask first.
  const body = head.slice(0, -2) + keys.map(read) + "]}";
  const response = await fetch(endpoint, {
    method: "POST",
    body,
    keepalive: body.length < MAX_CHARACTERS,
  });
  wasRefused = response.status == 401;
  if (response.ok) {
    const { visitor } = await response.json();
    if (visitor) write(endpoint, visitor);
    failures = 0;
  } else if (response.status == 400 || response.status == 413) {
    // One of them is meant, or they are too many for a proxy.
    if (keys[1]) for (const key of keys) await deliver([key]);
  } else {
    throw response;
  }
  // Stored, or refused for ever.
  keys.map(remove);
}

/** Sends batch by batch, until nothing waits or a batch fails. A page that is being closed has no time to ask. */
export async function send(closing?: Event): Promise<void> {
  while (isOpen || nextBatch()[0]) {
    const wait = (read(WAIT) as unknown as number) - Date.now();
    // Further off is nothing that was written here, but by a clock that has been set back since.
    if (wait > 0 && wait <= HOUR) return later(wait);
    let keys: string[] = [];
    try {
      if (!closing || isOpen) await ask(wasRefused);
      keys = nextBatch();
      keys.map((key) => (inFlight[key] = 1));
      if (keys[0]) await deliver(keys);
    } catch (failure) {
      const wish = +(failure as Response).headers?.get("retry-after")! * 1_000 || 0;
      write(WAIT, Date.now() + Math.min(HOUR, wish + (PAUSE << failures++ % DOUBLINGS) * (Math.random() + 1)));
    }
    keys.map((key) => delete inFlight[key]);
  }
}

/** The same, one tab after the other; what a tab has removed, the others see a moment later. */
async function take(): Promise<void> {
  await send();
  await new Promise((done) => setTimeout(done, LAG));
}

export function flush(): void {
  timer = 0;
  navigator.locks?.request(endpoint, take).catch(take) ?? take();
}

export function later(time = PATIENCE): void {
  timer ||= setTimeout(flush, time);
}
