import { type Download, useDownloads } from "./downloads";

/** How far the files are that somebody has asked for. */
export function DownloadStatus() {
  const downloads = useDownloads();
  return (
    <div className="downloads">
      {downloads.map((it) => <Status key={it.id} download={it} />)}
    </div>
  );
}

function Status({ download: { name, rows, total, outcome, dismiss } }: { download: Download }) {
  const isOver = outcome !== undefined;
  return (
    <section className="card" aria-label={name}>
      <p>
        <bdi>{name}</bdi>{" "}
        {(rows > 0 || !outcome) && <span className="quiet">{rows.toLocaleString()}{!isOver && total !== undefined && ` of ${total.toLocaleString()}`} rows</span>}
      </p>
      {!isOver && <progress aria-label={`Progress of ${name}`} value={total === undefined ? undefined : Math.min(rows, total)} max={Math.max(1, total ?? 1)} />}
      {outcome ? <p className="error" role="alert">{outcome}</p> : <p className="quiet" role="status">{isOver ? "Complete." : ""}</p>}
      <button className="small" onClick={dismiss}>{isOver ? "Close" : "Cancel"}</button>
    </section>
  );
}
