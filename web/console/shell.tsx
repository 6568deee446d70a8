import { useEffect, useRef } from "react";
import { address } from "./api/address";
import { Account } from "./account/account";
import { Activity } from "./activity/activity";
import { DownloadStatus } from "./download/status";
import { Overview } from "./overview/overview";
import { People } from "./person/people";
import { Person } from "./person/person";
import { Session } from "./session/session";
import { Admin } from "./admin/admin";
import { toParams, useFilter } from "./filter/filter";
import { href, useRoute } from "./route";
import { Logo } from "./ui/logo";
import { Menu } from "./ui/menu";
import { Notice } from "./ui/notice";
import { ThemeSwitch } from "./ui/theme";
import { useViewer } from "./viewer";

const VIEWS = { overview: "Overview", activity: "Activity", people: "People" };

function titleOf([view = "overview", id]: string[]): string {
  return view === "people" && id ? id : view.replace(/^./, (first) => first.toUpperCase());
}

/** The frame around every view. */
export function Shell() {
  const { path } = useRoute();
  const main = useRef<HTMLElement>(null);
  const where = path.join("/");
  useEffect(() => {
    window.scrollTo(0, 0);
    document.title = `${titleOf(path)} · djaffar`;
  }, [where]);
  return (
    <>
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>
        Skip to content
      </a>
      <Top current={path[0] ?? "overview"} />
      <main id="main" ref={main} tabIndex={-1}>
        <View path={path.length ? path : ["overview"]} />
      </main>
      <DownloadStatus />
    </>
  );
}

function Top({ current }: { current: string }) {
  // What is looked for in one view is looked for in the other.
  const kept = toParams(useFilter());
  const { username, role, signOut } = useViewer();
  return (
    <header className="top">
      <a href={href([])} aria-label="djaffar: overview"><Logo /></a>
      <nav aria-label="Views">
        {role !== "USER" && Object.entries(VIEWS).map(([view, label]) => (
          <a key={view} href={href([view], view === "people" ? {} : kept)} aria-current={current === view ? "page" : undefined}>{label}</a>
        ))}
        {role === "ADMIN" && <a href={href(["admin"])} aria-current={current === "admin" ? "page" : undefined}>Admin</a>}
        <a href={address("graphiql").href}>GraphiQL</a>
      </nav>
      <span className="spring" />
      <Menu label={username}>
        {(close) => (
          <div className="stack">
            <ThemeSwitch />
            <a href={href(["account"])} onClick={close}>Your account</a>
            <button onClick={signOut}>Sign out</button>
          </div>
        )}
      </Menu>
    </header>
  );
}

function View({ path: [view, id] }: { path: string[] }) {
  const { role } = useViewer();
  if (view === "account") return <Account />;
  if (role === "USER") return <Notice>You are signed in, but only staff may read the log.</Notice>;
  if (view === "overview") return <Overview />;
  if (view === "activity") return <Activity />;
  if (view === "people") return id ? <Person key={id} username={id} /> : <People />;
  if (view === "admin") return <Admin part={id} />;
  if (view === "sessions" && id) return <Session key={id} id={id} />;
  return <Notice>There is no such view. <a href={href([])}>To the overview</a></Notice>;
}
