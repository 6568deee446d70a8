import type { Details, Djaffar, Options } from "./djaffar.d.ts";
import { identify, owner } from "./identity.ts";
import { ENOUGH, MAX_WAITING } from "./limits.ts";
import { endpoint, open, read, remove, waiting, write } from "./queue.ts";
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
    (everybody == null && (navigator.globalPrivacyControl || (navigator.doNotTrack as unknown as number) > 0))
  ) {
    return { log() {}, identify() {} };
  }
  open(new URL("logs/batch", src).href);
  // What follows may be a secret, as in the path.
  const here = () => location.pathname + (hash == null ? "" : location.hash).split(/[=?]/)[0];
  let lastPath: string | undefined;
  let lastTime = 0;

  function log(path = here(), details?: Details): void {
    if (document.prerendering) return document.addEventListener("prerenderingchange", () => log(path, details));
    // In their order also within a millisecond.
    lastTime = Math.max(Date.now(), lastTime + 1);
    const id = uuid(lastTime);
    // Half a character is nothing that the server could read.
    const text = JSON.stringify(
      { ...details, id, date: new Date(lastTime), path },
      (_, value) => value?.toWellFormed?.() ?? value,
    );
    write(endpoint + " " + id + owner, text);
    waiting().slice(0, -MAX_WAITING).map(remove);
    later();
    if (!(waiting().length % ENOUGH)) flush();
  }

  function view(event?: { persisted?: boolean }): void {
    const path = here();
    // A page that is brought back as it was is seen again.
    if (path != lastPath || event?.persisted) {
      // Pages of the same site as paths, so that its own host is not the one where most come from.
      const referer = lastPath ?? document.referrer.split(/[?]/)[0]!.replace(location.origin + "/", "/");
      log(path, { referer });
    }
    lastPath = path;
  }

  if (token) {
    // Not whatever else may have that name, like an element.
    identify((wasRefused) => (window as any)[token]?.call?.(0, wasRefused) ?? read(token));
  }
  addEventListener("online", flush);
  addEventListener("visibilitychange", (event) => document.hidden && send(event));
  addEventListener("pagehide", send as EventListener);
  // What former pages have left.
  later();
  if (manual == null) watchRoutes(view);

  return {
    log,
    identify(next) {
      identify(next);
      flush();
    },
  };
}
