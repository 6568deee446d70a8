import { href, replace, useRoute } from "../route";

/** What is searched for, as it stands in the address. */
export function useSearch(): string {
  return useRoute().params.get("name")?.trim() ?? "";
}

/** Narrows a list to the names that begin as what is typed. */
export function Search({ label }: { label: string }) {
  const { path, params } = useRoute();
  const search = (name: string) => replace(href(path, { ...Object.fromEntries(params), name }));
  return (
    <input
      type="search"
      aria-label={label}
      placeholder={`${label} …`}
      autoCapitalize="none"
      value={params.get("name") ?? ""}
      onChange={(event) => search(event.target.value)}
    />
  );
}
