import { useFreshQuery } from "../api/fresh";
import { type ActivityDimension, type ActivityFilter, type ItemFragment, TopDocument } from "../api/generated";
import { Failure } from "../ui/failure";

interface TopProps {
  title: string;
  by: ActivityDimension;
  where: ActivityFilter;
  first?: number;
  /** Where one more click leads. */
  to: (value: string) => string;
  /** What to call a value. */
  show?: (value: string) => string;
}

/** The most frequent values, each a bar and a way to what lies behind it. */
export function Top({ title, by, where, first = 10, to, show = String }: TopProps) {
  const [{ data, error, fetching }, ask] = useFreshQuery({ query: TopDocument, variables: { where, by, first } });
  const items = data?.activityStats.top;
  if (!items) {
    return <section className="card top-list stack" aria-busy={fetching}><h2>{title}</h2>{error && <Failure error={error} ask={ask} />}</section>;
  }
  return (
    <section className="card top-list" aria-busy={fetching}>
      {items.length ? <TopTable title={title} items={items} to={to} show={show} /> : <><h2>{title}</h2><p className="quiet">None in this range.</p></>}
    </section>
  );
}

function TopTable({ title, items, to, show }: { title: string; items: ItemFragment[] } & Pick<Required<TopProps>, "to" | "show">) {
  const most = items[0]?.activities ?? 1;
  return (
    <table>
      <thead>
        <tr>
          <th><h2>{title}</h2></th>
          <th className="number quiet">Activities</th>
          <th className="number quiet">Sessions</th>
        </tr>
      </thead>
      <tbody>
        {items.map(({ value, activities, sessions }) => (
          <tr key={value}>
            <td>
              <a href={to(value)} title={value}>
                <span className="fill" style={{ inlineSize: `${(100 * activities) / most}%` }} />
                <bdi>{show(value)}</bdi>
              </a>
            </td>
            <td className="number">{activities.toLocaleString()}</td>
            <td className="number quiet">{sessions.toLocaleString()}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
