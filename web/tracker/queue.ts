/** Where they wait: until the page is closed, if the visitor allows no more. */
let storage: Record<string, string>;
try {
  storage = localStorage;
} catch {
  storage = {};
}

/** Where what waits is sent to. The keys are made of this, a space, an id and an owner. */
export let endpoint: string;
export const open = (url: string) => (endpoint = url);

export const read = (key: string): string => storage[key]!;

export const remove = (key: string): boolean => delete storage[key];

export function write(key: string, text: string | number): void {
  try {
    storage[key] = text as string;
  } catch {
    // It is full: then also until the page is closed.
    storage = { ...storage, [key]: text as string };
  }
}

/** The keys of what waits, the oldest first. Each activity is an item of its own, which no other tab overwrites. */
export const waiting = (): string[] =>
  Object.keys(storage)
    .filter((key) => key.startsWith(endpoint + " "))
    .sort();
