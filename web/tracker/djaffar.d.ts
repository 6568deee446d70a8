/** What `djaffar.js` leaves in `window.djaffar`, and what `djaffar.mjs` exports. */

/** What may be said of an activity besides its path. */
export interface Details {
  /** The kind of event; by default the server takes it for a `view`. */
  name?: string;
  /** One flat object of up to 50 values. */
  properties?: Record<string, string | number | boolean | null>;
  /** Where the user came from. */
  referer?: string | null;
}

/** A bearer token; nothing while nobody is signed in. */
export type Token = string | null | undefined;

/**
 * A token, or what is asked for it at once and before each batch; `wasRefused`: the server has just refused the last one.
 * People are told apart by the `sub` of a JWT, or by the end of another token: only the last nine characters are kept.
 */
export type Identity = Token | ((wasRefused: boolean) => Token | Promise<Token>);

export interface Djaffar {
  /** Logs an activity, by default a view of where the page is. It is kept until the server has acknowledged it; one of more than 60 kB never is. */
  log(path?: string, details?: Details): void;
  /**
   * Says who is signed in, or by null that nobody is; to be called again when that changes. What was logged before the
   * first answer is theirs; what another did goes without a token.
   */
  identify(identity: Identity): void;
}

/** The attributes `data-…` of the script. */
export interface Options {
  /** Logs nothing by itself. */
  manual?: unknown;
  /** Routes are in the hash of the address. */
  hash?: unknown;
  /** The name of a global function, or of an item of localStorage, that gives the token. */
  token?: string;
  /** Logs also those who ask not to be tracked, by Global Privacy Control or Do Not Track. */
  everybody?: unknown;
  /** Logs also browsers that are driven by a program. */
  automation?: unknown;
}

/** Starts to track, for the server that the module was loaded from or for the one at `url`. Once for each page. */
export function start(options?: Options, url?: string): Djaffar;

declare global {
  interface Window {
    /** Not there before the script has come, nor where it is blocked. */
    djaffar?: Djaffar;
  }
  interface Navigator {
    readonly globalPrivacyControl?: boolean;
  }
  interface Document {
    readonly prerendering?: boolean;
  }
}
