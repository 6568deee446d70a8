import type { ReactNode } from "react";

/** A sentence that stands where something else was expected. */
export function Notice({ kind = "note", children }: { kind?: "note" | "error"; children: ReactNode }) {
  return <p className={`notice ${kind}`} role={kind === "error" ? "alert" : "status"}>{children}</p>;
}
