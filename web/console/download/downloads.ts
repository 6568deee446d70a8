import { useSyncExternalStore } from "react";
import { fetchInto, openSink, save, TooLarge } from "./stream";

export interface Wanted {
  url: string;
  /** What to call the file. */
  name: string;
  /** Lines before the first row. */
  headers: number;
  /** How many rows are expected; undefined: nobody knows. */
  total?: number;
}

export interface Download extends Wanted {
  id: number;
  rows: number;
  /** Why it has failed; an empty one: it is complete. */
  outcome?: string;
  /** Ends it, or takes it from the list. */
  dismiss: () => void;
}

let downloads: readonly Download[] = [];
let last = 0;
const listeners = new Set<() => void>();

function change(next: readonly Download[]): void {
  downloads = next;
  for (const listener of listeners) listener();
}

function update(id: number, more: Partial<Download>): void {
  change(downloads.map((download) => (download.id === id ? { ...download, ...more } : download)));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The files that are under way, over the views: they go on while one looks elsewhere. */
export function useDownloads(): readonly Download[] {
  return useSyncExternalStore(subscribe, () => downloads);
}

export function cancelDownloads(): void {
  for (const { dismiss } of downloads) dismiss();
}

/** Fetches a file. To be called by a click: only then may it ask where to put it. */
export async function download(wanted: Wanted): Promise<void> {
  const sink = await openSink(wanted.name);
  if (!sink) return;
  const id = ++last;
  const abort = new AbortController();
  const dismiss = () => {
    abort.abort();
    change(downloads.filter((it) => it.id !== id));
  };
  change([...downloads, { ...wanted, id, rows: 0, dismiss }]);
  addEventListener("beforeunload", hold);
  const onLines = throttled((lines: number) => update(id, { rows: Math.max(0, lines - wanted.headers) }));
  try {
    await fetchInto(sink, wanted.url, abort.signal, onLines);
    onLines.flush();
    update(id, { outcome: "" });
  } catch (error) {
    if (error instanceof TooLarge) {
      dismiss();
      save(wanted.url, wanted.name);
    } else {
      update(id, { outcome: sentence(error) });
    }
  } finally {
    if (downloads.every(({ outcome }) => outcome !== undefined)) removeEventListener("beforeunload", hold);
  }
}

/** Who leaves the page loses what is under way, and is asked. */
function hold(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/** A network that breaks off says it differently in each browser. */
function sentence(error: unknown): string {
  if (error instanceof TypeError) return "It broke off, and nothing has been kept.";
  return error instanceof Error ? error.message : String(error);
}

/** Not more often than an eye can follow. */
function throttled(tell: (count: number) => void) {
  let latest = 0;
  let at = 0;
  const call = (count: number) => {
    latest = count;
    if (Date.now() - at < 100) return;
    at = Date.now();
    tell(count);
  };
  return Object.assign(call, { flush: () => tell(latest) });
}
