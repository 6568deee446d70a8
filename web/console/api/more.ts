import { useState } from "react";

/** The cursors after which the pages of a list begin, as far as they have been asked for. */
export function useMore() {
  const [pages, setPages] = useState<(string | null)[]>([null]);
  const more = (cursor: string | null) => setPages([...pages, cursor]);
  return { pages, more };
}
