import { expire } from "../api/live";

/** Larger files are not collected in memory, in bytes. */
const MAX_COLLECTED = 200_000_000;

declare global {
  interface Window {
    /** Where the browser has it, and the page is served by HTTPS. */
    showSaveFilePicker?: (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;
  }
}

/** Where a file goes to. */
interface Sink {
  write: (chunk: Uint8Array<ArrayBuffer>) => Promise<void>;
  /** It is complete. */
  close: () => Promise<void>;
  /** It is not, and nothing is to be left of it. */
  abort: () => Promise<void>;
}

/** The file can't be collected here: the browser must fetch it by itself. */
export class TooLarge extends Error {}

/** Asks where to put a file, if the browser can: undefined, if somebody would rather not. */
export async function openSink(name: string): Promise<Sink | undefined> {
  const { showSaveFilePicker } = window;
  if (!showSaveFilePicker) return collect(name);
  try {
    const handle = await showSaveFilePicker({ suggestedName: name });
    return await handle.createWritable();
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    return collect(name);
  }
}

function collect(name: string): Sink {
  let chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  return {
    async write(chunk) {
      size += chunk.length;
      if (size > MAX_COLLECTED) throw new TooLarge();
      chunks.push(chunk);
    },
    async close() {
      const url = URL.createObjectURL(new Blob(chunks));
      save(url, name);
      // The browser has begun with it by then.
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
    async abort() {
      chunks = [];
    },
  };
}

/** Lets the browser fetch a file, as by a click on a link. */
export function save(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}

/** Fetches a file piece by piece, and tells how many lines have come. */
export async function fetchInto(sink: Sink, url: string, signal: AbortSignal, onLines: (count: number) => void): Promise<void> {
  try {
    const response = await fetch(url, { signal });
    if (!response.ok || !response.body) throw new Error(await refusal(response));
    const reader = response.body.getReader();
    for (let lines = 0; ; onLines(lines)) {
      const { done, value } = await reader.read();
      if (done) break;
      lines += newlines(value);
      await sink.write(value);
    }
    await sink.close();
  } catch (error) {
    await sink.abort().catch(() => {});
    throw error;
  }
}

function newlines(chunk: Uint8Array): number {
  let count = 0;
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count++;
  return count;
}

async function refusal(response: Response): Promise<string> {
  if (response.status === 401) expire();
  const body: { errors?: { message: string }[] } | undefined = await response.json().catch(() => undefined);
  return body?.errors?.[0]?.message ?? `The server answered ${response.status}.`;
}
