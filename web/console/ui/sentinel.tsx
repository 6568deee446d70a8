import { useEffect, useRef } from "react";

/** Calls back when the end of a list comes near. */
export function Sentinel({ onNear }: { onNear: () => void }) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!element.current) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && onNear(), { rootMargin: "800px" });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [onNear]);
  return <div ref={element} />;
}
