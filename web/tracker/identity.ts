import type { Identity, Token } from "./djaffar.d.ts";
import { read, remove, waiting, write } from "./queue.ts";

/** Stands for whoever the page will be told of next. */
const unknown = Math.random() + "";

/** Whose is what is logged now: somebody's mark, nobody's (empty), or not known yet. */
export let owner = unknown;
/** The owner's token, as it was told last. */
export let token: Token;
/** Whether there is one to ask who has not said anything yet. */
export let isOpen = false;
let source: ((wasRefused: boolean) => Token | Promise<Token>) | undefined;

/** Tells people apart without keeping their tokens: by the subject of a JWT, which outlives its renewals, or by its end. */
function mark(token: string): string {
  let subject;
  try {
    subject = JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/"))).sub;
  } catch {}
  return subject || token.slice(-9);
}

function tell(next: Token): void {
  token = next || null;
  owner = mark(next || "");
  isOpen = false;
  for (const key of waiting().filter((key) => key.endsWith(unknown))) {
    write(key.replace(unknown, () => owner), read(key));
    remove(key);
  }
}

export async function ask(wasRefused: boolean): Promise<void> {
  const asked = source;
  const answer = asked && (await asked(wasRefused));
  // Meanwhile somebody else may have signed in.
  if (asked != source) await ask(wasRefused);
  else if (asked) tell(answer);
}

export function identify(next: Identity): void {
  owner = unknown;
  token = null;
  isOpen = true;
  // Each time another one, also of the same function.
  if (typeof next == "function") source = (wasRefused) => next(wasRefused);
  else source = tell(next) as undefined;
}
