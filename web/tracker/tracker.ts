import type { Details, Djaffar, Options } from "./djaffar.d.ts";
import { identify, owner } from "./identity.ts";
import { ENOUGH } from "./limits.ts";
import { add, open, read, waiting } from "./queue.ts";
import { watchRoutes } from "./routes.ts";
import { flush, later, send } from "./sender.ts";
import { uuid } from "./uuid.ts";

/** Tracks the page, for the server of the script. */
export function track({
  src,
  dataset: { manual, hash, token, everybody, automation },
}: {
  src: string;
  dataset: Options;
}): Djaffar {
  if (
    (automation == null && navigator.webdriver) ||
    (everybody == null && (navigator.globalPrivacyControl || navigator.doNotTrack == "1"))
  ) {
    return { log() {}, identify() {} };
  }
  open(new URL("logs/batch", src).href);
  const here = () => location.pathname + (hash == null ? "" : location.hash);
  let lastTime = 0;
  let lastPath: string | undefined;

  function log(path = here(), details?: Details): void {
    if (document.prerendering) return document.addEventListener("prerenderingchange", () => log(path, details));
    // In their order also within a millisecond.
    lastTime = Math.max(Date.now(), lastTime + 1);
    const id = uuid(lastTime);
    const activity = { ...details, id, date: new Date(lastTime), path };
    // Half a character is nothing that the server could read.
    const text = JSON.stringify(activity, (_, value) => value?.toWellFormed?.() ?? value);
    add(id + owner, text);
    later();
    if (!(waiting().length % ENOUGH)) flush();
  }

  function view(event?: { persisted?: boolean }): void {
    const path = here();
    // A page that is brought back as it was is seen again.
    if (path == lastPath && !event?.persisted) return;
    log(path, { referer: lastPath ? location.origin + lastPath : document.referrer });
    lastPath = path;
  }

  if (token) {
    // Not whatever else may have that name, like an element.
    identify((wasRefused) => (window as any)[token]?.call?.(null, wasRefused) ?? read(token));
  }
  addEventListener("pagehide", send as EventListener);
  addEventListener("visibilitychange", send as EventListener);
  addEventListener("online", flush);
  // What former pages have left.
  later();
  if (manual == null) {
    view();
    watchRoutes(view);
  }

  return {
    log,
    identify(next) {
      identify(next);
      flush();
    },
  };
}
