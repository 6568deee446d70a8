import type { ReactNode } from "react";
import { go, href, useRoute } from "../route";
import { Menu } from "../ui/menu";
import { FIELDS, type Filter, LABELS } from "./filter";
import { FilterForm } from "./form";
import { RangeChoice } from "./range-choice";

interface BarProps {
  filter: Filter;
  /** The range where none is chosen. */
  defaultRange: string;
  children?: ReactNode;
}

/** What the view is narrowed to, and where to change it. All of it stands in the address. */
export function FilterBar({ filter, defaultRange, children }: BarProps) {
  const { path, params } = useRoute();
  function change(next: Filter) {
    const kept = Object.fromEntries([...params].filter(([key]) => !(key in filter) && key !== "open"));
    go(href(path, { ...kept, ...next }));
  }
  const active = FIELDS.filter((field) => filter[field]);
  return (
    <div className="bar" role="group" aria-label="Filter">
      <RangeChoice filter={filter} defaultRange={defaultRange} onChange={change} />
      {active.map((field) => (
        <span className="chip" key={field}>
          <span className="quiet">{LABELS[field]}</span> <bdi>{filter[field]}</bdi>
          <button className="plain" aria-label={`Remove the filter ${LABELS[field]}`} onClick={() => change({ ...filter, [field]: undefined })}>
            ×
          </button>
        </span>
      ))}
      <Menu label="Filter">
        {(close) => <FilterForm filter={filter} onChange={(next) => { close(); change(next); }} />}
      </Menu>
      {active.length > 1 && (
        <button className="plain quiet" onClick={() => change({ range: filter.range, from: filter.from, to: filter.to })}>Clear</button>
      )}
      <span className="spring" />
      {children}
    </div>
  );
}
