import type { MouseEvent, ReactNode } from "react";
import { download, type Wanted } from "./downloads";

interface LinkProps {
  wanted: Wanted;
  onClick?: () => void;
  children: ReactNode;
}

/** A link to a file, which is fetched with its progress shown if the browser can. */
export function DownloadLink({ wanted, onClick, children }: LinkProps) {
  function start(event: MouseEvent) {
    const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey && "body" in Response.prototype;
    if (!isPlain) return;
    event.preventDefault();
    onClick?.();
    void download(wanted);
  }
  return <a href={wanted.url} download={wanted.name} onClick={start}>{children}</a>;
}
