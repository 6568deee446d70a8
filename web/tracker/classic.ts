import { track } from "./tracker.ts";

const script = document.currentScript as HTMLScriptElement;

export default track(script.src, script.dataset);
