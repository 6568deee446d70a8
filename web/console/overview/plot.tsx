import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { onThemeChange } from "../ui/theme";

export interface Series {
  label: string;
  color: "--chart" | "--second";
  values: number[];
}

interface PlotProps {
  /** When each bucket begins, and the last one ends, in seconds. */
  starts: number[];
  end: number;
  series: Series[];
  height: number;
  onSelect: (from: Date, to: Date) => void;
}

function at(seconds: number): Date {
  return new Date(seconds * 1000);
}

/** What a colour of the design is just now. */
function color(name: string): string {
  const probe = document.documentElement.appendChild(document.createElement("i"));
  probe.style.color = `var(${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const DAY = 86_400;
const HOURS = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const DAYS = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const MONTHS = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric" });

function labels(_u: uPlot, splits: number[], _axis: number, _space: number, step: number): string[] {
  return splits.map((seconds) => {
    const date = new Date(seconds * 1000);
    if (step >= 28 * DAY) return MONTHS.format(date);
    const isMidnight = !date.getHours() && !date.getMinutes();
    return (step >= DAY || isMidnight ? DAYS : HOURS).format(date);
  });
}

function axis(): uPlot.Axis {
  const line = { stroke: color("--line"), width: 1 };
  return { stroke: color("--quiet"), font: `12px ${getComputedStyle(document.documentElement).fontFamily}`, grid: line, ticks: { show: false } };
}

function options({ starts, end, series, height }: PlotProps, width: number, hooks: uPlot.Hooks.Arrays): uPlot.Options {
  const isBars = series.length === 1;
  const paths = isBars ? uPlot.paths.bars?.({ size: [0.8, 90], align: 1, radius: 0.06 }) : undefined;
  return {
    width,
    height,
    padding: [8, 26, 0, 0],
    cursor: { sync: { key: "overview" }, drag: { x: true, y: false, setScale: false }, y: false, points: { show: !isBars, size: 7 } },
    legend: { markers: { width: 0, fill: (_u, index) => color(series[index - 1]?.color ?? "--line") } },
    scales: { x: { range: [starts[0] ?? 0, end] }, y: { range: (_u, _min, max) => [0, Math.max(4, max * 1.08)] } },
    axes: [{ ...axis(), grid: { show: false }, size: 28, space: 84, values: labels }, { ...axis(), size: 46, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7] }],
    series: [
      { value: (_u, value) => (value == null ? "" : new Date(value * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })), label: "" },
      ...series.map(({ label, color: name }) => ({
        label,
        paths,
        width: isBars ? 0 : 2,
        stroke: color(name),
        fill: isBars ? color(name) : undefined,
        points: { show: false },
        value: (_u: uPlot, value: number | null) => value?.toLocaleString() ?? "",
      })),
    ],
    hooks,
  };
}

/** Draws numbers over time. A click selects a bucket, a stroke of the mouse a range. */
export function Plot(props: PlotProps) {
  const root = useRef<HTMLDivElement>(null);
  const { starts, end, series, onSelect } = props;
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    let plot: uPlot | undefined;
    function select(u: uPlot) {
      if (u.select.width < 4) return;
      const { left, width } = u.select;
      const [from, to] = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
      // Whole buckets.
      onSelect(at(starts.findLast((start) => start <= from) ?? from), at(starts.find((start) => start >= to) ?? end));
    }
    function choose(u: uPlot) {
      const index = u.cursor.idx ?? -1;
      const [from, to] = [starts[index], starts[index + 1] ?? end];
      if (from !== undefined) onSelect(at(from), at(to));
    }
    const hooks = { setSelect: [select], ready: [(u: uPlot) => u.over.addEventListener("click", () => choose(u))] };
    function draw() {
      if (!element) return;
      plot?.destroy();
      const data: uPlot.AlignedData = [starts, ...series.map(({ values }) => values)];
      plot = new uPlot(options(props, element.clientWidth, hooks), data, element);
    }
    draw();
    const observer = new ResizeObserver(() => plot && plot.width !== element.clientWidth && plot.setSize({ width: element.clientWidth, height: props.height }));
    observer.observe(element);
    const stop = onThemeChange(draw);
    return () => {
      stop();
      observer.disconnect();
      plot?.destroy();
    };
  }, [starts, end, series, onSelect]);
  return <div className="plot" ref={root} aria-hidden="true" />;
}
