import { describe, expect, test } from 'vitest';
import {
  finishedName,
  formatRecordingId,
  isMediaName,
  liveName,
  parseFileName,
  parseRecordingId,
  startName,
  startTime,
  temporaryName,
} from '../../../server/recordings/names.ts';

const START = '2026-11-21T13-16-58.123Z';

test('a start is named by its time in UTC, and read back', () => {
  const time = Date.UTC(2026, 10, 21, 13, 16, 58, 123);
  expect(startName(time)).toBe(START);
  expect(startTime(START)).toBe(time);
  expect(startTime('2026-02-30T13-16-58.123Z')).toBeUndefined();
});

test('files of a recording', () => {
  expect(liveName(START, 1, 'mp4')).toBe(`${START}.live.mp4`);
  expect(liveName(START, 2, 'webm')).toBe(`${START}-2.live.webm`);
  expect(finishedName(START, 12, 'mp4')).toBe(`${START}-12.mp4`);
  expect(temporaryName(`${START}-12.mp4`)).toBe(`${START}-12.finishing.mp4`);
});

test.each([
  [`${START}.mp4`, { part: 1, kind: 'finished', extension: 'mp4' }],
  [`${START}-2.webm`, { part: 2, kind: 'finished', extension: 'webm' }],
  [`${START}-2.live.webm`, { part: 2, kind: 'live', extension: 'webm' }],
  [`${START}.finishing.mp4`, { part: 1, kind: 'temporary', extension: 'mp4' }],
  [`${START}.finishing.json`, { part: 1, kind: 'temporary', extension: 'json' }],
  [`${START}.json`, { part: 1, kind: 'metadata', extension: 'json' }],
  [`${START}.jpg`, { part: 1, kind: 'thumbnail', extension: 'jpg' }],
])('%s is known again', (name, expected) => {
  expect(parseFileName(name)).toEqual({ start: START, ...expected });
});

test.each([
  `${START}-1.mp4`,
  `${START}-02.mp4`,
  `${START}-99999.mp4`,
  `${START}.live.json`,
  `${START}-2.json`,
  `${START}.mp4.bak`,
  `${START}.MP4`,
  `x${START}.mp4`,
  `../${START}.mp4`,
  `${START}.mp4\n`,
  '2026-13-21T13-16-58.123Z.mp4',
  'notes.txt',
  '',
])('%j is none of ours', (name) => {
  expect(parseFileName(name)).toBeUndefined();
});

describe('ids', () => {
  test('are read back as they are written', () => {
    const id = { stream: 'lecture-1_a', start: START };
    expect(parseRecordingId(formatRecordingId(id))).toEqual(id);
  });

  test.each([
    `lecture`,
    `lecture/${START}/`,
    `/lecture/${START}`,
    `../${START}`,
    `./${START}`,
    `a/../b/${START}`,
    `a b/${START}`,
    `a%2fb/${START}`,
    `a\0/${START}`,
    `a/${START}.mp4`,
    `a/${START}\n`,
    `a\n/${START}`,
    `a/2026-11-31T13-16-58.123Z`,
    `a/2026-11-21T24-16-58.123Z`,
    `a/2026-11-21T13:16:58.123Z`,
    `${'a'.repeat(65)}/${START}`,
    `a\\..\\b/${START}`,
    `é/${START}`,
  ])('%j is none', (text) => {
    expect(parseRecordingId(text)).toBeUndefined();
  });
});

test('metadata names only media of its own recording', () => {
  expect(isMediaName(`${START}-3.live.mp4`, START)).toBe(true);
  expect(isMediaName(`2026-11-21T13-16-58.124Z.mp4`, START)).toBe(false);
  expect(isMediaName(`${START}.json`, START)).toBe(false);
  expect(isMediaName(`../x/${START}.mp4`, START)).toBe(false);
});
