import { type Client as Socket, createClient as createSocket } from "graphql-ws";
import { useSyncExternalStore } from "react";
import { address } from "./address";

/** How things stand between the page and what is logged just now. */
export type LiveState = "connecting" | "connected" | "reconnecting";

/** Tells of each time that there is a connection: what was logged shortly before may have been missed. */
export const connections = new EventTarget();

/** Tells of each time that the server does not know any more who is there. */
export const expiries = new EventTarget();

export function expire(): void {
  expiries.dispatchEvent(new Event("expired"));
}

/** What the server says if the session has ended. */
const FORBIDDEN = 4403;
/** So often the server is asked whether it is still there, and so long it may take to answer, in milliseconds. */
const PING_EVERY = 15_000;
const PONG_WITHIN = 10_000;

let state: LiveState = "connecting";
const listeners = new Set<() => void>();

function become(next: LiveState): void {
  if (state === next) return;
  state = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(subscribe, () => state);
}

/** A socket that is open while something is watched, and comes back by itself when it is lost. */
export function createLive(): Socket {
  const url = address("graphql/ws");
  url.protocol = url.protocol.replace("http", "ws");
  let overdue: ReturnType<typeof setTimeout> | undefined;
  const socket = createSocket({
    url: url.href,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    keepAlive: PING_EVERY,
    on: {
      connected: () => {
        become("connected");
        connections.dispatchEvent(new Event("connected"));
      },
      // A network that has gone says nothing.
      ping: (isReceived) => {
        if (!isReceived) overdue = setTimeout(() => socket.terminate(), PONG_WITHIN);
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(overdue);
      },
      closed: (event) => {
        clearTimeout(overdue);
        const { code } = event as CloseEvent;
        // Nobody watches any more.
        if (code === 1000) return become("connecting");
        become("reconnecting");
        if (code === FORBIDDEN) expire();
      },
    },
  });
  return socket;
}
