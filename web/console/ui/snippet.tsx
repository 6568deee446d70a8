import { useState } from "react";

/** Something to copy. */
export function Snippet({ text }: { text: string }) {
  const [isCopied, setCopied] = useState(false);
  // Pages that are not served by HTTPS have no clipboard.
  const copy = () => void navigator.clipboard?.writeText(text).then(() => setCopied(true));
  return (
    <div className="snippet">
      <pre tabIndex={0}>{text}</pre>
      {"clipboard" in navigator && <button type="button" onClick={copy}>{isCopied ? "Copied" : "Copy"}</button>}
    </div>
  );
}
