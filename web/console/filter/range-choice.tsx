import type { Filter } from "./filter";
import { RANGES, rangeOf } from "./range";

interface ChoiceProps {
  filter: Filter;
  defaultRange: string;
  onChange: (filter: Filter) => void;
}

/** From when to when: one of the usual ranges, or two moments. */
export function RangeChoice({ filter, defaultRange, onChange }: ChoiceProps) {
  const isCustom = Boolean(filter.from || filter.to);
  function choose(range: string) {
    if (range !== "custom") return onChange({ ...filter, range, from: undefined, to: undefined });
    const span = rangeOf({ range: filter.range ?? defaultRange }, new Date());
    const from = span?.from ?? new Date(Date.now() - 86_400_000);
    onChange({ ...filter, range: undefined, from: local(from), to: local(new Date()) });
  }
  return (
    <>
      <label>
        <span className="hidden">Range</span>
        <select value={isCustom ? "custom" : (filter.range ?? defaultRange)} onChange={(event) => choose(event.target.value)}>
          {Object.entries(RANGES).map(([range, label]) => <option key={range} value={range}>{label}</option>)}
          <option value="custom">From … to …</option>
        </select>
      </label>
      {isCustom && (["from", "to"] as const).map((end) => (
        <label key={end} className="end">
          {end}
          <input
            type="datetime-local"
            value={toInput(filter[end])}
            onChange={(event) => onChange({ ...filter, range: undefined, [end]: event.target.value || undefined })}
          />
        </label>
      ))}
    </>
  );
}

/** By the viewer's clock, as the input has it. */
export function local(date: Date): string {
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

function toInput(text: string | undefined): string {
  const date = new Date(text ?? "");
  return Number.isNaN(date.getTime()) ? "" : local(date);
}
