import type { Details, Djaffar, Identity, Options } from "./djaffar.d.ts";
import { add, read, waiting } from "./queue.ts";
import { watchRoutes } from "./routes.ts";
import { MAX_BYTES, makeSender, size } from "./sender.ts";
import { uuid } from "./uuid.ts";

/** A batch goes when so many wait, or when one has waited for so many milliseconds. */
const ENOUGH = 10;
const PATIENCE = 3_000;

/** Tracks the page, for the server that has its tracker at `url`. */
export function track(url: string, { manual, hash, token, everybody, automation }: Options): Djaffar {
  const endpoint = new URL("logs/batch", url).href;
  const prefix = endpoint + " ";
  if (
    (automation == null && navigator.webdriver) ||
    (everybody == null && (navigator.globalPrivacyControl || navigator.doNotTrack == "1"))
  ) {
    return { log() {}, identify() {} };
  }
  let identity: Identity = token && ((wasRefused) => {
    const source = (window as unknown as Record<string, unknown>)[token];
    return typeof source == "function" ? source(wasRefused) : read(token);
  });
  const [send, flush, resume] = makeSender(endpoint, prefix, () => identity);
  const here = () => location.pathname + (hash == null ? "" : location.hash);
  let lastTime = 0;
  let lastPath: string;
  let timer = 0;

  function later(): void {
    timer ||= setTimeout(() => {
      timer = 0;
      flush();
    }, PATIENCE);
  }

  function log(path = here(), details?: Details): void {
    if (document.prerendering) {
      document.addEventListener("prerenderingchange", () => log(path, details));
      return;
    }
    // In their order also within a millisecond.
    lastTime = Math.max(Date.now(), lastTime + 1);
    const id = uuid(lastTime);
    const text = JSON.stringify({ ...details, id, date: new Date(lastTime), path });
    if (size(text) < MAX_BYTES) add(prefix, id, text);
    later();
    if (waiting(prefix)[ENOUGH - 1]) flush();
  }

  function view(): void {
    const path = here();
    if (path == lastPath) return;
    log(path, { referer: lastPath ? location.origin + lastPath : document.referrer });
    lastPath = path;
  }

  addEventListener("online", resume);
  addEventListener("pagehide", send);
  document.addEventListener("visibilitychange", () => document.hidden && send());
  // What former pages have left.
  later();
  if (manual == null) {
    view();
    watchRoutes(view);
  }

  return {
    log,
    identify(next) {
      identity = next;
      resume();
    },
  };
}
