// In a file of their own, from which the build puts them where they are used.

/** Most activities that wait for one server; beyond that the oldest go. */
export const MAX_WAITING = 500;
/** What the server takes at once, and a browser while it closes the page. */
export const MAX_ACTIVITIES = 100;
/** Of up to three bytes each; more are sent alone, for the server to refuse if they are too many. */
export const MAX_CHARACTERS = 20_000;
/** A batch goes when so many wait, or when one has waited for so many milliseconds. */
export const ENOUGH = 10;
export const PATIENCE = 3_000;
/** After a failure, in milliseconds; after each further one twice as long, then from the start. */
export const PAUSE = 500;
export const DOUBLINGS = 10;
/** Longest pause, whatever the server wishes or the clock says. */
export const HOUR = 3_600_000;
/** What one tab writes to localStorage has come to the others by then. */
export const LAG = 500;
/** The item of localStorage that says until when nothing is sent. */
export const WAIT = "djaffar:wait";
