import { type ReactNode, useEffect, useRef, useState } from "react";

/** A button that opens something small. Escape and a click elsewhere close it. */
export function Menu({ label, children }: { label: string; children: (close: () => void) => ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) return;
    root.current?.querySelector<HTMLElement>(".pop input, .pop a, .pop select")?.focus();
    function close(event: Event) {
      const isEscape = event instanceof KeyboardEvent && event.key === "Escape";
      // It closes this, and not what lies below as well.
      if (isEscape) event.preventDefault();
      const isOutside = event.type === "pointerdown" && !root.current?.contains(event.target as Node);
      if (isEscape) button.current?.focus();
      if (isEscape || isOutside) setOpen(false);
    }
    document.addEventListener("keydown", close, true);
    document.addEventListener("pointerdown", close);
    return () => {
      document.removeEventListener("keydown", close, true);
      document.removeEventListener("pointerdown", close);
    };
  }, [isOpen]);
  return (
    <div className="menu" ref={root}>
      <button ref={button} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>{label}</button>
      {isOpen && <div className="pop card">{children(() => setOpen(false))}</div>}
    </div>
  );
}
