/**
 * Development: the server, restarted whenever a source changes, and the pages
 * by vite with hot reload. Ctrl-C ends both.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const commands = [
  ['server', ['--watch', '--watch-preserve-output', 'server/main.ts']],
  ['pages', ['node_modules/vite/bin/vite.js', '--config', 'web/vite.config.ts', '--clearScreen', 'false']],
];

/** Those that still run. */
const children = new Set();
let ending = false;

function start([name, args]) {
  // This very Node: the one that runs TypeScript. A group of its own, so that Ctrl-C comes here only.
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
    // Nobody waits for clients to move at each change of a source.
    env: { PHAROS_LIMITS_DRAIN_TIME: '0', ...process.env },
  });
  children.add(child);
  child.on('error', (error) => console.error(`${name}: ${error.message}`));
  child.on('close', (code) => {
    children.delete(child);
    if (!ending) {
      console.error(`${name} ended by itself (${code}); ending all`);
      process.exitCode = 1;
    }
    end('SIGTERM');
  });
}

function end(signal) {
  for (const child of children) if (!ending || signal === 'SIGKILL') kill(child, signal);
  if (ending) return;
  ending = true;
  // The server closes within 5 seconds.
  setTimeout(() => end('SIGKILL'), 6000).unref();
}

/** With all that it started: `node --watch` runs the server as a child. */
function kill(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Gone already.
  }
}

process.on('SIGINT', () => end('SIGTERM'));
process.on('SIGTERM', () => end('SIGTERM'));
for (const command of commands) start(command);
