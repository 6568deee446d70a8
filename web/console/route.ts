import { useMemo, useSyncExternalStore } from "react";

/** Where one is: `#/people/ann?range=7d` is `["people", "ann"]` with the parameter `range`. */
export interface Route {
  path: string[];
  params: URLSearchParams;
}

export type Params = Record<string, string | undefined>;

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  return {
    path: path.split("/").filter(Boolean).map(decode),
    params: new URLSearchParams(query),
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * The address of a view. Empty parameters are left out. It begins with the page's own path: by itself a hash would
 * be taken relative to the page's base, which is another page where the server is nested.
 */
export function href(path: string[], params: Params = {}): string {
  const entries = Object.entries(params).filter((entry): entry is [string, string] => Boolean(entry[1]));
  const query = new URLSearchParams(entries).toString();
  return `${location.pathname}#/${path.map(encodeURIComponent).join("/")}${query && `?${query}`}`;
}

export function go(to: string): void {
  location.assign(to);
}

/** Goes there without a new entry in the browser's history. */
export function replace(to: string): void {
  history.replaceState(history.state, "", to);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  return () => window.removeEventListener("hashchange", listener);
}

export function useRoute(): Route {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return useMemo(() => parseRoute(hash), [hash]);
}
