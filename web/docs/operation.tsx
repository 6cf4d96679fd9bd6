import { CopyButton } from '../base/copy.tsx';
import { Marked } from '../base/marked.tsx';
import { curlOf } from './curl.ts';
import type { Content, Operation } from './document.ts';
import { Fields, nameOf, Type } from './fields.tsx';
import { t } from './text.ts';

/** The schema of every refusal: told of once. */
const PROBLEM = 'Problem';

export function OperationSection({ operation }: { operation: Operation }) {
  const { operationId, method, path, summary, description = '', parameters, requestBody } = operation;
  const curl = curlOf(operation, location.origin);
  return (
    <section class="card operation" id={operationId} aria-labelledby={`${operationId}-title`}>
      <h3 id={`${operationId}-title`}>
        {summary}
        <a class="anchor" href={`#${operationId}`}>
          <span aria-hidden="true">#</span>
          <span class="visually-hidden">{t('link', { title: summary })}</span>
        </a>
      </h3>
      <p class="route">
        <span class="method" data-method={method}>
          {method.toUpperCase()}
        </span>{' '}
        <code>{path}</code>
      </p>
      <Paragraphs text={description} />
      {parameters.length > 0 && (
        <>
          <h4>{t('parameters')}</h4>
          <dl class="fields">
            {parameters.map(({ name, in: place, description: text, required }) => (
              <div key={name}>
                <dt>
                  <code>{name}</code>{' '}
                  <span class="muted small">
                    {t(`in.${place}`)}
                    {!required && `, ${t('optional')}`}
                  </span>
                </dt>
                <dd>
                  <Marked text={text} />
                </dd>
              </div>
            ))}
          </dl>
        </>
      )}
      {requestBody && (
        <>
          <h4>{t('body')}</h4>
          <Body content={requestBody.content} />
        </>
      )}
      <h4>{t('answers')}</h4>
      <dl class="answers">
        {Object.entries(operation.responses).map(([status, answer]) => (
          <div key={status} data-good={Number(status) < 400}>
            <dt>{status}</dt>
            <dd>
              <p>
                <Marked text={answer.description} />
              </p>
              {Object.entries(answer.headers ?? {}).map(([name, header]) => (
                <p key={name} class="small">
                  <code>{name}</code>: <Marked text={header.description} />
                </p>
              ))}
              <Body content={answer.content} />
            </dd>
          </div>
        ))}
      </dl>
      <h4>{t('try')}</h4>
      <div class="curl">
        <pre>
          <code>{curl}</code>
        </pre>
        <CopyButton text={curl} label={t('copy', { title: summary })} />
      </div>
    </section>
  );
}

function Body({ content }: { content: Content }) {
  const [[type, { schema = undefined, example = undefined } = {}] = []] = Object.entries(content ?? {});
  if (!type || (schema && nameOf(schema) === PROBLEM)) return null;
  return (
    <>
      <p class="small muted">
        {type}
        {schema && !schema.properties && (
          <>
            : <Type schema={schema} />
          </>
        )}
      </p>
      {schema && <Fields schema={schema} />}
      {example !== undefined && (
        <details>
          <summary>{t('example')}</summary>
          <pre>
            <code>{typeof example === 'string' ? example : JSON.stringify(example, null, 2)}</code>
          </pre>
        </details>
      )}
    </>
  );
}

/** Those of a text are apart by an empty line. */
export function Paragraphs({ text }: { text: string }) {
  return (
    <>
      {text
        .split('\n\n')
        .filter(Boolean)
        .map((paragraph) => (
          <p key={paragraph}>
            <Marked text={paragraph} />
          </p>
        ))}
    </>
  );
}
