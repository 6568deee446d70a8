import { useEffect, useRef, useState } from "react";
import { useClient } from "urql";
import { type ActivityFilter, ActivityLoggedDocument, type ActivityRowFragment } from "../api/generated";
import { connections } from "../api/live";

/** What comes at once is shown at once, in milliseconds. */
const TOGETHER = 250;
/** After so many milliseconds what the server has broken off is asked for again. */
const AGAIN = 5_000;

interface Watcher {
  /** Some were logged. */
  onRows: (rows: ActivityRowFragment[]) => void;
  /** Some may have been missed. */
  onGap: () => void;
}

/** Watches what is logged, while `isOn`. Whether it is broken off just now. */
export function useWatch(where: ActivityFilter, isOn: boolean, watcher: Watcher): boolean {
  const client = useClient();
  const [attempt, setAttempt] = useState(0);
  const [isBroken, setBroken] = useState(false);
  const latest = useRef(watcher);
  latest.current = watcher;
  const wasOff = useRef(false);

  useEffect(() => {
    if (wasOff.current && isOn) latest.current.onGap();
    wasOff.current = !isOn;
    if (!isOn) return;
    const onGap = () => latest.current.onGap();
    connections.addEventListener("connected", onGap);
    return () => connections.removeEventListener("connected", onGap);
  }, [isOn]);

  useEffect(() => {
    setBroken(false);
    if (!isOn) return;
    let waiting: ActivityRowFragment[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    let next: ReturnType<typeof setTimeout> | undefined;
    function show() {
      timer = undefined;
      latest.current.onRows(waiting);
      waiting = [];
    }
    const { unsubscribe } = client.subscription(ActivityLoggedDocument, { where }).subscribe(({ data, error }) => {
      if (data) {
        waiting.push(data.activityLogged);
        timer ??= setTimeout(show, TOGETHER);
      }
      setBroken(Boolean(error) && !isLag(error));
      // It came too fast, and some of it was left out.
      if (isLag(error)) return latest.current.onGap();
      if (!error) return;
      next = setTimeout(() => {
        setAttempt(attempt + 1);
        latest.current.onGap();
      }, AGAIN);
    });
    return () => {
      unsubscribe();
      clearTimeout(next);
      if (timer) clearTimeout(timer), show();
    };
  }, [client, where, isOn, attempt]);
  return isBroken;
}

function isLag(error: { graphQLErrors: { extensions: Record<string, unknown> }[] } | undefined): boolean {
  return error?.graphQLErrors.some(({ extensions }) => extensions.code === "LAGGED") ?? false;
}
