/** Runs programs: into a log, bounded in time, and ended together with setup. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root, stateDirectory } from './paths.mjs';

const TAIL_LINES = 12;
const KILL_AFTER = 5_000;
const SAME_KEYSTROKE = 1_000;
/** Where in some program an error was thrown helps nobody here; the log has it. */
const STACK_LINE = /^\s+at .*:\d+:\d+\)?$/;

/** A failure that says in plain words what happened and what to do. */
export class SetupError extends Error {
  constructor(message, { tail = [], log, advice } = {}) {
    super(message);
    this.tail = tail;
    this.log = log;
    this.advice = advice;
  }
}

export class Interrupted extends Error {
  constructor(signal) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

const children = new Set();
let interruption;
let interruptedAt = 0;

/** Ends what runs; a second time without mercy. */
export function interrupt(signal) {
  // One Ctrl-C comes twice under npm: from the terminal, and passed on by npm.
  const again = interruption !== undefined && Date.now() - interruptedAt > SAME_KEYSTROKE;
  if (!interruption) interruptedAt = Date.now();
  interruption ??= new Interrupted(signal);
  for (const child of children) endGroup(child, again);
}

// Children are leaders of their own process groups, so npm's and ninja's children end as well.
function endGroup(child, atOnce = false) {
  const kill = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {
      // Already gone.
    }
  };
  kill(atOnce ? 'SIGKILL' : 'SIGTERM');
  setTimeout(() => kill('SIGKILL'), KILL_AFTER).unref();
}

export function checkInterrupted() {
  if (interruption) throw interruption;
}

export function openLog(name) {
  const folder = join(stateDirectory, 'logs');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.log`);
  closeSync(openSync(file, 'w'));
  return file;
}

/**
 * Resolves to how the program ended; rejects only when setup is interrupted.
 * `onLine` sees each line of its output.
 */
export function run(command, args, { cwd = root, env = process.env, log, timeout = 0, onLine } = {}) {
  if (interruption) return Promise.reject(interruption);
  return new Promise((resolve, reject) => {
    const file = openSync(log, 'a');
    const tail = [];
    let rest = '';
    let timedOut = false;
    const take = (line) => {
      if (line.trim() === '') return;
      onLine?.(line);
      if (STACK_LINE.test(line)) return;
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
    };
    const read = (data) => {
      writeSync(file, data);
      const lines = (rest + data).split(/[\r\n]+/);
      rest = lines.pop();
      lines.forEach(take);
    };

    writeSync(file, `$ ${[command, ...args].join(' ')}\n`);
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(child);
    const timer =
      timeout &&
      setTimeout(() => {
        timedOut = true;
        endGroup(child);
      }, timeout);
    for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', read);

    const finish = (code) => {
      clearTimeout(timer);
      children.delete(child);
      take(rest);
      closeSync(file);
      if (interruption) reject(interruption);
      else resolve({ ok: code === 0, code, timedOut, tail });
    };
    child.on('error', (error) => {
      tail.push(error.message);
      // A program that could not be started has no `close` event to wait for.
      if (child.pid === undefined) finish(-1);
    });
    child.on('close', (code) => {
      if (children.has(child)) finish(code);
    });
  });
}

/** As `run`, but anything but success ends setup with this sentence. */
export async function mustRun(message, command, args, { advice, ...options }) {
  const result = await run(command, args, options);
  if (result.ok) return result;
  throw failure(message, { tail: result.tail, log: options.log, advice });
}

export function failure(message, { tail, log, advice }) {
  return new SetupError(message, { tail, log: relative(root, log), advice });
}
