import type { start as Start } from "./djaffar.d.ts";
import { track } from "./tracker.ts";

export const start: typeof Start = (options = {}, url = import.meta.url) => track({ src: url, dataset: options });
