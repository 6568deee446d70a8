import { useEffect, useMemo, useState } from "react";
import { Provider, useMutation, useQuery } from "urql";
import { createClient } from "./api/client";
import { expiries } from "./api/live";
import { LogOutDocument, ViewerDocument } from "./api/generated";
import { cancelDownloads } from "./download/downloads";
import { useRoute } from "./route";
import { Shell } from "./shell";
import { SignIn } from "./sign-in";
import { Setup } from "./setup";
import { Failure } from "./ui/failure";
import { ViewerProvider } from "./viewer";

/** Somebody else gets a client of their own: nothing of what the last one saw is left. */
export function App() {
  const [visit, setVisit] = useState(0);
  const client = useMemo(() => createClient(), [visit]);
  return (
    <Provider value={client}>
      <Door key={visit} onChange={() => setVisit(visit + 1)} />
    </Provider>
  );
}

function Door({ onChange }: { onChange: () => void }) {
  const { path } = useRoute();
  const [{ data, error }, ask] = useQuery({ query: ViewerDocument });
  const [, logOut] = useMutation(LogOutDocument);
  useEffect(() => {
    const again = () => ask({ requestPolicy: "network-only" });
    window.addEventListener("online", again);
    expiries.addEventListener("expired", again);
    return () => {
      window.removeEventListener("online", again);
      expiries.removeEventListener("expired", again);
    };
  }, [ask]);

  if (path[0] === "setup") return <Setup onDone={onChange} />;
  if (error && !data) return <main className="door"><Failure error={error} ask={ask} /></main>;
  if (!data) return null;
  const { role, user } = data.viewer;
  if (!role) return <SignIn onDone={onChange} />;
  const signOut = () => {
    cancelDownloads();
    void logOut({}).then(onChange);
  };
  return (
    <ViewerProvider value={{ username: user?.username ?? "", role, signOut }}>
      <Shell />
    </ViewerProvider>
  );
}
