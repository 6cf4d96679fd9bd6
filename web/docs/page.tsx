import { useEffect, useState } from 'preact/hooks';
import { Notice } from '../base/notice.tsx';
import { type Group, groupsOf, type OpenApiDocument, openApiDocument } from './document.ts';
import { Fields } from './fields.tsx';
import { OperationSection, Paragraphs } from './operation.tsx';
import { t } from './text.ts';

const DOCUMENT = '/api/openapi.json';

/** The REST API, for people to read: all of it comes from the document that programs read. */
export function DocsPage() {
  const [loaded, setLoaded] = useState<OpenApiDocument | 'failed' | undefined>();
  useEffect(() => {
    void fetchDocument().then(setLoaded, () => setLoaded('failed'));
  }, []);
  useEffect(() => {
    // What the address points to is there only now.
    if (typeof loaded === 'object') document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [loaded]);
  if (loaded === undefined) return <main class="docs muted">{t('loading')}</main>;
  if (loaded === 'failed') {
    return (
      <main class="docs">
        <Notice title={t('failed')}>{t('failed.do')}</Notice>
      </main>
    );
  }
  const groups = groupsOf(loaded);
  return (
    <div class="docs">
      <Contents groups={groups} />
      <main>
        <h1>
          {t('title')} <span class="muted small">{loaded.info.version}</span>
        </h1>
        <Paragraphs text={loaded.info.description} />
        <p>
          <a href={DOCUMENT}>{t('document')}</a>
        </p>
        {groups.map(({ name, description, operations }) => (
          <section key={name} class="group" aria-labelledby={anchorOf(name)}>
            <h2 id={anchorOf(name)}>{name}</h2>
            <p class="muted">{description}</p>
            {operations.map((operation) => (
              <OperationSection key={operation.operationId} operation={operation} />
            ))}
          </section>
        ))}
        <section class="group" aria-labelledby="schemas">
          <h2 id="schemas">{t('schemas')}</h2>
          {Object.entries(loaded.components.schemas).map(([name, schema]) => (
            <section key={name} class="card operation" id={`schema-${name}`}>
              <h3>{name}</h3>
              {schema.description && <p>{schema.description}</p>}
              <Fields schema={schema} />
            </section>
          ))}
        </section>
      </main>
    </div>
  );
}

/** Beside the text where there is room for it, before it and folded elsewhere. */
function Contents({ groups }: { groups: readonly Group[] }) {
  const [wide] = useState(() => matchMedia('(min-width: 60rem)').matches);
  return (
    <details class="contents" open={wide}>
      <summary>{t('contents')}</summary>
      <nav aria-label={t('contents')}>
        {groups.map(({ name, operations }) => (
          <section key={name}>
            <a href={`#${anchorOf(name)}`}>{name}</a>
            <ul>
              {operations.map(({ operationId, summary }) => (
                <li key={operationId}>
                  <a href={`#${operationId}`}>{summary}</a>
                </li>
              ))}
            </ul>
          </section>
        ))}
        <a href="#schemas">{t('schemas')}</a>
      </nav>
    </details>
  );
}

function anchorOf(name: string): string {
  return name.toLowerCase().replace(/\W+/g, '-');
}

async function fetchDocument(): Promise<OpenApiDocument> {
  const response = await fetch(DOCUMENT);
  return openApiDocument.parse(await response.json());
}
