import type { Identity } from "./djaffar.d.ts";
import { read, remove, waiting, write } from "./queue.ts";

/** What the server takes at once, and a browser while it closes the page. */
const MAX_ACTIVITIES = 100;
export const MAX_BYTES = 60_000;
/** After a failure, in milliseconds; after each further one twice as long. */
const FIRST_PAUSE = 1_000;
const LAST_PAUSE = 300_000;
/** Longer than the server ever takes. */
const TIMEOUT = 30_000;

export const size = (text: string): number => new Blob([text]).size;

/** Makes what sends to `endpoint` all that waits under `prefix`. */
export function makeSender(endpoint: string, prefix: string, identity: () => Identity) {
  const inFlight = new Set<string>();
  let most = MAX_ACTIVITIES;
  let failures = 0;
  let pause = 0;

  /** The oldest that go together. */
  function nextBatch(): string[] {
    let bytes = 0;
    return waiting(prefix)
      .filter((key) => !inFlight.has(key))
      .slice(0, most)
      .filter((key) => (bytes += size(read(key)) + 1) < MAX_BYTES);
  }

  async function post(keys: string[], wasRefused = false): Promise<Response> {
    const who = identity();
    const token = (typeof who == "function" ? await who(wasRefused) : who) || undefined;
    const head = JSON.stringify({ visitor: read(endpoint), token, activities: [] }).slice(0, -2);
    // As a string it is text/plain, about which browsers need not ask first.
    const body = head + keys.map(read) + "]}";
    const signal = AbortSignal.timeout?.(TIMEOUT);
    const response = await fetch(endpoint, { method: "POST", body, keepalive: true, signal });
    return response.status == 401 && token && !wasRefused ? post(keys, true) : response;
  }

  async function deliver(keys: string[]): Promise<void> {
    const response = await post(keys);
    if (response.ok) {
      const { visitor, results } = await response.json();
      if (visitor) write(endpoint, visitor);
      keys.slice(0, results.length).forEach(remove);
      failures = 0;
    } else if (response.status != 400 && response.status != 413) {
      throw response;
    } else if (keys[1]) {
      // One of them spoils the batch: find it.
      most = keys.length >> 1;
    } else {
      remove(keys[0]!);
      most = MAX_ACTIVITIES;
    }
  }

  /** Sends batch by batch, until nothing waits or a batch fails. */
  async function send(): Promise<void> {
    for (let keys; !pause && navigator.onLine && (keys = nextBatch())[0]; ) {
      keys.forEach((key) => inFlight.add(key));
      try {
        await deliver(keys);
      } catch (failure) {
        const least = (failure as Response).headers?.get("retry-after") as unknown as number;
        const most = Math.min(FIRST_PAUSE * 2 ** failures++, LAST_PAUSE);
        pause = setTimeout(resume, (least * 1_000 || 0) + most * (0.5 + Math.random() / 2));
      }
      keys.forEach((key) => inFlight.delete(key));
    }
  }

  /** The same, one tab after the other. */
  function flush(): void {
    if (navigator.locks) navigator.locks.request(endpoint, send).catch(send);
    else send();
  }

  function resume(): void {
    clearTimeout(pause);
    pause = 0;
    flush();
  }

  return [send, flush, resume] as const;
}
