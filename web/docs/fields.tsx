import { Marked } from '../base/marked.tsx';
import type { Schema } from './document.ts';
import { t } from './text.ts';

/** The fields of an object, each with what it is; nothing for what has none. */
export function Fields({ schema }: { schema: Schema }) {
  const { properties, required = [], anyOf, oneOf, items } = schema;
  const choices = anyOf ?? oneOf;
  if (choices?.some((each) => each.properties)) {
    return choices.map((each, index) => <Fields key={index} schema={each} />);
  }
  if (items?.properties) return <Fields schema={items} />;
  if (!properties) return null;
  return (
    <dl class="fields">
      {Object.entries(properties).map(([name, field]) => (
        <div key={name}>
          <dt>
            <code>{name}</code>{' '}
            <span class="muted small">
              <Type schema={field} />
              {!required.includes(name) && `, ${t('optional')}`}
              {field.default !== undefined && `, ${t('default', { value: JSON.stringify(field.default) })}`}
            </span>
          </dt>
          {field.description && (
            <dd>
              <Marked text={field.description} />
            </dd>
          )}
          {hasFields(field) && (
            <dd>
              <Fields schema={field} />
            </dd>
          )}
        </div>
      ))}
    </dl>
  );
}

function hasFields({ properties, items, anyOf, oneOf }: Schema): boolean {
  return Boolean(properties || items?.properties || (anyOf ?? oneOf)?.some((each) => each.properties));
}

/** What a value is, in words; those that have a name, by a link to it. */
export function Type({ schema }: { schema: Schema }) {
  const name = nameOf(schema);
  if (name) return <a href={`#schema-${name}`}>{name}</a>;
  if (schema.items) {
    const item = nameOf(schema.items);
    if (!item) return t('list', { type: wordsOf(schema.items) });
    const [before, after] = t('list', { type: '\u0000' }).split('\u0000');
    return (
      <>
        {before}
        <a href={`#schema-${item}`}>{item}</a>
        {after}
      </>
    );
  }
  return wordsOf(schema);
}

function wordsOf(schema: Schema): string {
  const { type, enum: choices, const: only, anyOf, oneOf, format, items } = schema;
  const name = nameOf(schema);
  if (name) return name;
  if (choices) return joined(choices.map((each) => JSON.stringify(each)));
  if (only !== undefined) return JSON.stringify(only);
  const some = anyOf ?? oneOf;
  if (some) return joined([...new Set(some.map(wordsOf))]);
  if (items) return t('list', { type: wordsOf(items) });
  const types = [type ?? t('any')].flat();
  const known = types.map((each) => (each === 'string' && format ? format : each));
  const range = rangeOf(schema);
  return joined(known) + (range && `, ${range}`);
}

function rangeOf({ minimum: min, maximum: max }: Schema): string {
  if (min !== undefined && max !== undefined) return t('range', { min, max });
  if (min !== undefined) return t('range.min', { min });
  return max === undefined ? '' : t('range.max', { max });
}

function joined(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : t('or', { types: words.slice(0, -1).join(', '), last });
}

export function nameOf({ $ref }: Schema): string | undefined {
  return $ref?.replace('#/components/schemas/', '');
}
