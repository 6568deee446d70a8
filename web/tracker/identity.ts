import type { Identity, Token } from "./djaffar.d.ts";
import { read, remove, waiting, write } from "./queue.ts";

/** Stands for whoever the page will be told of next. */
const unknown = "" + Math.random();

/** Whose is what is logged now: somebody's mark, nobody's (empty), or not known yet. */
export let owner = unknown;
/** The owner's token, as it was told last. */
export let token: Token;
/** Whether there is one to ask who has not said anything yet. */
export let isOpen = false;
let source: ((wasRefused: boolean) => Token | Promise<Token>) | undefined;

function tell(next: Token): void {
  isOpen = false;
  token = next;
  // Tells people apart without keeping their tokens: by the subject of a JWT, which outlives its renewals, or by the end.
  owner = (next || "").slice(-9);
  try {
    // Base64url but for `_`, which changes a `?` in it and no more.
    owner = JSON.parse(atob(next!.split(".")[1]!.replace(/[-_]/g, "+"))).sub || owner;
  } catch {}
  for (const key of waiting().filter((key) => key.endsWith(unknown))) {
    write(key.split(unknown)[0] + owner, read(key));
    remove(key);
  }
}

export async function ask(wasRefused: boolean): Promise<void> {
  const asked = source;
  const answer = await asked?.(wasRefused);
  // Meanwhile somebody else may have signed in.
  if (asked != source) await ask(wasRefused);
  else if (asked) tell(answer);
}

export function identify(next: Identity): void {
  isOpen = true;
  token = "";
  owner = unknown;
  const given = next as any;
  // Each time another one, also of the same function.
  source = given?.call ? (wasRefused) => given(wasRefused) : (tell(given) as undefined);
}
