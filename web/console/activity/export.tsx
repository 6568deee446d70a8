import { useEffect, useState } from "react";
import { address } from "../api/client";
import type { ActivityFilter } from "../api/generated";
import { Menu } from "../ui/menu";

const FORMATS = { csv: "CSV, for spreadsheets", ndjson: "NDJSON, for programs" };

function exportAddress(format: string, where: ActivityFilter): string {
  const url = address(`export/activities.${format}`);
  url.searchParams.set("where", JSON.stringify(where));
  return url.href;
}

/** Everything that the filter lets through, as a file. */
export function Export({ where }: { where: ActivityFilter }) {
  return <Menu label="Export">{() => <Formats where={where} />}</Menu>;
}

function Formats({ where }: { where: ActivityFilter }) {
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    const given = fetch(exportAddress("csv", where), { method: "HEAD" });
    given.then(({ status }) => setMissing(status === 404), () => setMissing(false));
  }, [where]);
  if (isMissing) return <p>This server doesn’t offer exports yet: it is an older version of djaffar.</p>;
  return (
    <ul className="choices">
      {Object.entries(FORMATS).map(([format, label]) => (
        <li key={format}><a href={exportAddress(format, where)} download>{label}</a></li>
      ))}
    </ul>
  );
}
