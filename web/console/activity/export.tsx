import { useQuery } from "urql";
import { address } from "../api/address";
import { ActivityCountDocument, type ActivityFilter } from "../api/generated";
import { DownloadLink } from "../download/link";
import { Menu } from "../ui/menu";

const FORMATS = {
  csv: { label: "CSV, for spreadsheets", headers: 1 },
  ndjson: { label: "NDJSON, for programs", headers: 0 },
};

function exportAddress(format: string, where: ActivityFilter): string {
  const url = address(`export/activities.${format}`);
  url.searchParams.set("where", JSON.stringify(where));
  return url.href;
}

/** Everything that the filter lets through, as a file. */
export function Export({ where }: { where: ActivityFilter }) {
  return <Menu label="Export">{(close) => <Formats where={where} close={close} />}</Menu>;
}

function Formats({ where, close }: { where: ActivityFilter; close: () => void }) {
  const [{ data }] = useQuery({ query: ActivityCountDocument, variables: { where } });
  const { totalCount, totalCountCapped } = data?.activities ?? {};
  const total = totalCountCapped ? undefined : totalCount;
  return (
    <ul className="choices">
      {Object.entries(FORMATS).map(([format, { label, headers }]) => (
        <li key={format}>
          <DownloadLink wanted={{ url: exportAddress(format, where), name: `activities.${format}`, headers, total }} onClick={close}>{label}</DownloadLink>
        </li>
      ))}
    </ul>
  );
}
