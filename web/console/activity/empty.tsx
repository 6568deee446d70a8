import { useEffect, useRef } from "react";
import { useQuery } from "urql";
import { AnyActivityDocument } from "../api/generated";
import { Notice } from "../ui/notice";
import { FirstEvent } from "./first-event";

/** So often it is asked whether the first one has come, in milliseconds. */
const EVERY = 3_000;

/** In place of activities: the filter lets none through, or there are none at all. */
export function Empty({ onFirst }: { onFirst?: () => void }) {
  const [{ data }, ask] = useQuery({ query: AnyActivityDocument, requestPolicy: "network-only" });
  const isEmpty = data && !data.activities.nodes.length;
  const wasEmpty = useRef(false);
  useEffect(() => {
    if (isEmpty) wasEmpty.current = true;
    else if (data && wasEmpty.current) onFirst?.();
  }, [isEmpty, data, onFirst]);
  useEffect(() => {
    if (!isEmpty || !onFirst) return;
    const look = () => document.visibilityState === "visible" && ask({ requestPolicy: "network-only" });
    const timer = setInterval(look, EVERY);
    return () => clearInterval(timer);
  }, [isEmpty, onFirst, ask]);
  if (isEmpty) return <FirstEvent />;
  return data ? <Notice>Nothing is like this.</Notice> : null;
}
