import { type FormEvent, useState } from "react";
import { useChange } from "../api/change";
import { ErasePersonDocument, type ErasureMode, type HeldFragment } from "../api/generated";
import { Notice } from "../ui/notice";
import { counted, type Who } from "./held";

const MODES: Record<ErasureMode, string> = {
  DELETE: "Delete what they did",
  ANONYMISE: "Keep what was done, but not by whom",
};

/** Forgets somebody: counts first, and asks whether that is meant. */
export function Erase({ who, onDone }: { who: Who; onDone: () => void }) {
  const { change, refusal, fetching } = useChange(ErasePersonDocument);
  const [mode, setMode] = useState<ErasureMode>("DELETE");
  const [tried, setTried] = useState<HeldFragment | null>();

  async function count(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const data = await change({ input: { ...who, mode, dryRun: true } });
    setTried(data?.erasePerson.report);
  }
  async function erase() {
    if (await change({ input: { ...who, mode, dryRun: false } })) onDone();
    else setTried(undefined);
  }
  return (
    <form className="stack" onSubmit={count}>
      <h3>Erase</h3>
      <fieldset className="stack">
        <legend className="hidden">How</legend>
        {(Object.keys(MODES) as ErasureMode[]).map((key) => (
          <label key={key}>
            <input type="radio" name="mode" checked={mode === key} onChange={() => { setMode(key); setTried(undefined); }} /> {MODES[key]}
          </label>
        ))}
      </fieldset>
      {!tried && <div className="buttons"><button className="danger" disabled={fetching}>Erase …</button></div>}
      {tried && (
        <div className="notice error stack" role="alert">
          <p>{mode === "DELETE" ? "Deletes" : "Makes anonymous"}: {counted(tried)}.{who.user && " The account goes as well."} There is no way back.</p>
          <div className="buttons">
            <button type="button" className="danger" disabled={fetching} onClick={() => void erase()}>Erase for good</button>
            <button type="button" onClick={() => setTried(undefined)}>Keep</button>
          </div>
        </div>
      )}
      {refusal && <Notice kind="error">{refusal}</Notice>}
    </form>
  );
}
