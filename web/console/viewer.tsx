import { createContext, useContext } from "react";
import type { Role } from "./api/generated";

/** Who is signed in, and how they leave. */
export interface Signed {
  username: string;
  role: Role;
  signOut: () => void;
}

const ViewerContext = createContext<Signed | undefined>(undefined);

export const ViewerProvider = ViewerContext.Provider;

export function useViewer(): Signed {
  const viewer = useContext(ViewerContext);
  if (!viewer) throw new Error("Nobody is signed in.");
  return viewer;
}
