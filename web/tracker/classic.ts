import { track } from "./tracker.ts";

export default track(document.currentScript as HTMLScriptElement);
