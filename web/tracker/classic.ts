import { track } from "./tracker.ts";

// Loaded once more, it would see everything twice.
export default window.djaffar ?? track(document.currentScript as HTMLScriptElement);
