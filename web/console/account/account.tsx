import { Password } from "./password";
import { SignedIn } from "./signed-in";

/** What everybody can do about their own account. */
export function Account() {
  return (
    <div className="stack account">
      <h1>Your account</h1>
      <SignedIn />
      <Password />
    </div>
  );
}
