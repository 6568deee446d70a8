import type { Role } from "../api/generated";

const ROLES: Record<Role, string> = {
  USER: "user: is recognised",
  STAFF: "staff: reads everything",
  ADMIN: "admin: changes things",
};

export function RoleChoice({ value }: { value: Role }) {
  return (
    <label className="field">
      Role
      <select name="role" defaultValue={value}>
        {Object.entries(ROLES).map(([role, label]) => <option key={role} value={role}>{label}</option>)}
      </select>
    </label>
  );
}

export function roleOf(form: FormData): Role {
  const chosen = form.get("role");
  return (Object.keys(ROLES) as Role[]).find((role) => role === chosen) ?? "USER";
}
