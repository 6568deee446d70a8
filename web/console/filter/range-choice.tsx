import { type FocusEvent, type KeyboardEvent, useEffect, useRef } from "react";
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
    onChange({ ...filter, range: undefined, from: moment(from), to: moment(new Date(Date.now() + 60_000)) });
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
        <End key={end} end={end} at={filter[end]} onChange={(at) => onChange({ ...filter, range: undefined, [end]: at })} />
      ))}
    </>
  );
}

interface EndProps {
  end: "from" | "to";
  at?: string;
  onChange: (at: string | undefined) => void;
}

/** One of the two moments. What is typed counts when it is complete: at Enter, or on leaving. */
function End({ end, at, onChange }: EndProps) {
  const shown = toInput(at);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current) input.current.value = shown;
  }, [shown]);
  function commit({ currentTarget: { value } }: FocusEvent<HTMLInputElement> | KeyboardEvent<HTMLInputElement>) {
    if (value !== shown) onChange(value ? moment(new Date(value)) : undefined);
  }
  return (
    <label className="end">
      {end}
      <input ref={input} type="datetime-local" defaultValue={shown} onBlur={commit} onKeyDown={(event) => event.key === "Enter" && commit(event)} />
    </label>
  );
}

/** The same wherever it is read: by UTC, to the minute. */
export function moment(date: Date): string {
  return `${date.toISOString().slice(0, 16)}Z`;
}

/** By the viewer's clock, as the input has it. */
function toInput(text: string | undefined): string {
  const date = new Date(text ?? "");
  if (Number.isNaN(date.getTime())) return "";
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}
