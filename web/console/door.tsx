import type { FormEvent, ReactNode } from "react";
import { Logo } from "./ui/logo";
import { Notice } from "./ui/notice";

interface DoorProps {
  title: string;
  children: ReactNode;
  refusal?: string;
  onSubmit: (event: FormEvent<HTMLFormElement>) => void;
}

/** What stands before the console: one small form. */
export function Door({ title, children, refusal, onSubmit }: DoorProps) {
  return (
    <main className="door">
      <form className="card stack" onSubmit={onSubmit}>
        <Logo />
        <h1>{title}</h1>
        {children}
        {refusal && <Notice kind="error">{refusal}</Notice>}
      </form>
    </main>
  );
}

export function Credentials({ password }: { password: "current-password" | "new-password" }) {
  return (
    <>
      <label className="field">
        Name
        <input name="username" autoComplete="username" autoCapitalize="none" required autoFocus />
      </label>
      <label className="field">
        Password
        <input name="password" type="password" autoComplete={password} required />
      </label>
    </>
  );
}
