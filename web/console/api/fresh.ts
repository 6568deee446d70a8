import { createContext, useContext, useEffect, useMemo, useState } from "react";
import { type AnyVariables, type UseQueryArgs, useQuery } from "urql";

/** So often what somebody looks at is asked for anew, in milliseconds. */
const EVERY = 60_000;

/** The present, right to a minute while somebody looks, and at once when they come back; and how to make it so. */
export function useNow(): [Date, () => void] {
  const [now, setNow] = useState(() => new Date());
  const renew = useMemo(() => () => setNow(new Date()), []);
  useEffect(() => {
    const tick = () => {
      if (document.visibilityState === "visible" && Date.now() - now.getTime() >= EVERY) renew();
    };
    const timer = setInterval(tick, EVERY / 6);
    document.addEventListener("visibilitychange", tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", tick);
    };
  }, [now, renew]);
  return [now, renew];
}

/** As of when what lies below it is to be told. */
export const AsOf = createContext<Date | undefined>(undefined);

/** A query that is asked again when it is to be told as of later; what is known stays until then. */
export function useFreshQuery<Data, Variables extends AnyVariables>(args: UseQueryArgs<Variables, Data>) {
  const asOf = useContext(AsOf);
  const context = useMemo(() => ({ asOf }), [asOf]);
  return useQuery<Data, Variables>({ ...args, context });
}
