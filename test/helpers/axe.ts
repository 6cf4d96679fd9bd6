/** axe in a page: what keeps people out who cannot see it, or use no mouse. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

/** WCAG 2.2, levels A and AA, as axe has its rules sorted. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

export type Finding = { rule: string; impact: string; where: string[]; help: string };

type Results = {
  violations: {
    id: string;
    impact?: string | null;
    help: string;
    nodes: { target: unknown[]; failureSummary?: string }[];
  }[];
};
declare global {
  interface Window {
    axe?: { run(context: Document, options: object): Promise<Results> };
  }
}

// By the debugger, which no content security policy concerns; a script element would be refused.
const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export async function findings(page: Page): Promise<Finding[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(source);
  return page.evaluate(async (tags) => {
    const results = await window.axe?.run(document, {
      runOnly: { type: 'tag', values: tags },
      resultTypes: ['violations'],
    });
    if (!results) throw new Error('axe is not there');
    return results.violations.map(({ id, impact, help, nodes }) => ({
      rule: id,
      impact: impact ?? 'unknown',
      where: nodes.map(({ target, failureSummary = '' }) => `${target.join(' ')}: ${failureSummary}`),
      help,
    }));
  }, TAGS);
}

/** What moves by CSS or script at this moment, but for what ends by itself. */
export function animations(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    document
      .getAnimations()
      .filter(({ playState }) => playState === 'running')
      .map(({ id, effect }) => {
        const { target } = effect as KeyframeEffect;
        return `${id || 'animation'} of ${target?.tagName.toLowerCase()}.${target?.className}`;
      }),
  );
}
