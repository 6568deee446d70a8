/** Calls back when the address of the page may have changed. */
export function watchRoutes(callback: () => void): void {
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (...args) {
      original.apply(this, args);
      callback();
    };
  }
  addEventListener("popstate", callback);
  addEventListener("hashchange", callback);
}
