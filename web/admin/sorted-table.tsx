import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';

export type Column<Row> = {
  id: string;
  label: string;
  /** By what it is sorted; without, it is not. */
  by?: (row: Row) => string | number;
  /** Numbers: right-aligned, and the highest first at the first click. */
  numeric?: boolean;
  cell(row: Row): ComponentChildren;
};

type Props<Row> = {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf(row: Row): string;
  /** Of a row: for styles and tests. */
  stateOf?(row: Row): string;
  /** By which column first; without, in the order of `rows`. */
  first?: string;
  class?: string;
};

type Sort = { column: string; descending: boolean };

/** Figures change each second; rows that changed places as often could not be clicked. */
const RESORT_MS = 10_000;

/** A table that is sorted by a click on a heading; on a phone each row is a card. */
export function SortedTable<Row>(props: Props<Row>) {
  const { caption, columns, rows, keyOf, stateOf, first, class: more = '' } = props;
  const initial = columns.find(({ id }) => id === first);
  const [sort, setSort] = useState<Sort | undefined>(
    initial && { column: initial.id, descending: initial.numeric ?? false },
  );
  const held = useRef(false);
  const ordered = useOrder({ rows, keyOf, columns, sort, held });
  const sortBy = ({ id, numeric = false }: Column<Row>) =>
    setSort({ column: id, descending: sort?.column === id ? !sort.descending : numeric });
  const hold = (is: boolean) => () => {
    held.current = is;
  };
  return (
    // Nothing moves from under a pointer, or the focus.
    <div
      class={`table-frame ${more}`}
      onPointerEnter={hold(true)}
      onPointerLeave={hold(false)}
      onFocusCapture={hold(true)}
      onBlurCapture={hold(false)}
    >
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.id} column={column} sort={sort} onSort={() => sortBy(column)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {ordered.map((row) => (
            <tr key={keyOf(row)} data-key={keyOf(row)} data-state={stateOf?.(row)}>
              {columns.map(({ id, label, numeric, cell }) => (
                <td key={id} data-label={label} data-column={id} class={numeric ? 'number' : undefined}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Heading<Row>({
  column: { id, label, by, numeric },
  sort,
  onSort,
}: {
  column: Column<Row>;
  sort: Sort | undefined;
  onSort(): void;
}) {
  const sorted = sort?.column === id ? (sort.descending ? 'descending' : 'ascending') : undefined;
  return (
    <th scope="col" class={numeric ? 'number' : undefined} aria-sort={sorted} data-column={id}>
      {by ? (
        <button type="button" class="sort" onClick={onSort}>
          {label}
          <span aria-hidden="true" class="arrow" />
        </button>
      ) : (
        label
      )}
    </th>
  );
}

type Ordering<Row> = Pick<Props<Row>, 'rows' | 'keyOf' | 'columns'> & {
  sort: Sort | undefined;
  held: { readonly current: boolean };
};

/** Sorted anew when another column is chosen, and now and then while nobody is about to click; newcomers come last. */
function useOrder<Row>({ rows, keyOf, columns, sort, held }: Ordering<Row>): Row[] {
  const order = useRef<{ sort: Sort | undefined; at: number; places: Map<string, number> } | undefined>(
    undefined,
  );
  const now = performance.now();
  const { current } = order;
  const stale = !held.current && now - (current?.at ?? 0) > RESORT_MS;
  if (!current || current.sort !== sort || stale || current.places.size === 0) {
    const sorted = sortedBy(rows, columns, sort);
    order.current = { sort, at: now, places: new Map(sorted.map((row, index) => [keyOf(row), index])) };
    return sorted;
  }
  for (const row of rows) {
    const key = keyOf(row);
    if (!current.places.has(key)) current.places.set(key, current.places.size);
  }
  const place = (row: Row) => current.places.get(keyOf(row)) ?? 0;
  return [...rows].sort((a, b) => place(a) - place(b));
}

export function sortedBy<Row>(
  rows: readonly Row[],
  columns: readonly Pick<Column<Row>, 'id' | 'by'>[],
  sort: Sort | undefined,
): Row[] {
  const by = columns.find(({ id }) => id === sort?.column)?.by;
  if (!by || !sort) return [...rows];
  const sign = sort.descending ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [by(a), by(b)];
    if (typeof x === 'number' && typeof y === 'number') return sign * (x - y);
    return sign * String(x).localeCompare(String(y), undefined, { numeric: true });
  });
}
