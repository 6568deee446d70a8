/** Calls back at once, and when the address of the page may have changed or the page is shown. */
export function watchRoutes(callback: (event?: PageTransitionEvent) => void): void {
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = (...args) => callback(original.apply(history, args) as undefined);
  }
  addEventListener("popstate", callback as EventListener);
  addEventListener("pageshow", callback);
  callback();
}
