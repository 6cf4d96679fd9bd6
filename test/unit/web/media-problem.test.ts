import { expect, test } from 'vitest';
import { explainProblem, type ProblemKind, problemOf } from '../../../web/publish/media-problem.ts';

function named(name: string): Error {
  const error = new Error('as the browser says');
  error.name = name;
  return error;
}

test.each([
  ['NotAllowedError', 'denied'],
  ['SecurityError', 'denied'],
  ['NotFoundError', 'missing'],
  ['OverconstrainedError', 'missing'],
  ['NotReadableError', 'busy'],
  ['AbortError', 'busy'],
  ['TypeError', 'unknown'],
])('%s: %s', (name, kind) => {
  expect(problemOf(named(name), ['camera']).kind).toBe(kind);
});

test.each<[ProblemKind, RegExp]>([
  ['insecure', /https/],
  ['denied', /allow the camera and microphone/i],
  ['missing', /no camera and no microphone found.*plug/i],
  ['busy', /another program.*close/i],
  ['unplugged', /disconnected.*plug/i],
  ['unknown', /the browser says: odd/i],
])('%s: what happened, and what to do', (kind, words) => {
  const { title, text } = explainProblem({ kind, devices: ['camera', 'microphone'], detail: 'odd' });
  expect(`${title} ${text}`).toMatch(words);
});
