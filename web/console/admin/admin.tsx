import { href, useRoute } from "../route";
import { Notice } from "../ui/notice";
import { useViewer } from "../viewer";
import { Audit } from "./audit";
import { Privacy } from "./privacy";
import { Sessions } from "./sessions";
import { Users } from "./users";

const PARTS = { users: "Users", sessions: "Sessions", privacy: "Privacy", audit: "Audit log" };

/** Who may come in, by what, and what they did with it. */
export function Admin({ part = "users" }: { part?: string }) {
  const { role } = useViewer();
  const { params } = useRoute();
  if (role !== "ADMIN") return <Notice>Only admins may change who comes in.</Notice>;
  return (
    <>
      <h1 className="hidden">Admin</h1>
      <nav className="bar tabs" aria-label="Parts of Admin">
        {Object.entries(PARTS).map(([key, label]) => (
          <a key={key} href={href(["admin", key])} aria-current={key === part ? "page" : undefined}>{label}</a>
        ))}
      </nav>
      {part === "users" && <Users chosen={params.get("user") ?? undefined} />}
      {part === "sessions" && <Sessions />}
      {part === "privacy" && <Privacy />}
      {part === "audit" && <Audit />}
    </>
  );
}
