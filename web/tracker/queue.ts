/** Most activities that wait for one server; beyond that the oldest go. */
const MAX_WAITING = 500;

/** Where they wait: until the page is closed, if the visitor allows no more. */
let storage: Record<string, string> = {};
try {
  storage = localStorage;
} catch {}

export const read = (key: string): string => storage[key]!;

export const remove = (key: string): boolean => delete storage[key];

export function write(key: string, text: string): void {
  try {
    storage[key] = text;
  } catch {
    // It is full: then also until the page is closed.
    storage = { ...storage, [key]: text };
  }
}

/** The keys of what waits, the oldest first. Each activity is an item of its own, which no other tab overwrites. */
export const waiting = (prefix: string): string[] =>
  Object.keys(storage)
    .filter((key) => key.startsWith(prefix))
    .sort();

export function add(prefix: string, id: string, text: string): void {
  write(prefix + id, text);
  waiting(prefix).slice(0, -MAX_WAITING).forEach(remove);
}
