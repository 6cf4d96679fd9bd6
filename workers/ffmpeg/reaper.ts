/**
 * Child processes that end with the server, even where it is killed and can do
 * nothing itself: one shell for all of them holds the other end of a pipe,
 * which the kernel closes when the server is gone. (Linux's PDEATHSIG is not
 * within Node's reach and not there on macOS; ffmpeg takes no notice of a
 * closed pipe.)
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

const GRACE_SECONDS = 2;

const SCRIPT = `
trap '' HUP INT TERM
pids=
while read -r sign pid; do
  left=
  for known in $pids; do [ "$known" = "$pid" ] || left="$left $known"; done
  pids=$left
  [ "$sign" = - ] || pids="$pids $pid"
done
[ -n "$pids" ] || exit 0
kill -TERM $pids
sleep ${GRACE_SECONDS}
kill -KILL $pids
`;

let reaper: { child: ChildProcess; stdin: Writable } | undefined;
const living = new Set<number>();

/** Makes sure that this process does not outlive ours. */
export function dieWithUs(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  living.add(pid);
  tell('+', pid);
  child.once('exit', () => {
    living.delete(pid);
    tell('-', pid);
  });
}

function tell(sign: '+' | '-', pid: number): void {
  if (reaper) reaper.stdin.write(`${sign} ${pid}\n`);
  // The new one is told of all.
  else if (living.size > 0) reaper = start();
}

function start(): typeof reaper {
  // A group of its own: Ctrl-C in a terminal goes to the whole group of the server.
  const child = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  const { stdin } = child;
  const forget = () => {
    if (reaper?.child === child) reaper = undefined;
  };
  child.once('error', forget);
  child.once('exit', forget);
  stdin.on('error', forget);
  for (const pid of living) stdin.write(`+ ${pid}\n`);
  // Neither keeps the server from ending.
  child.unref();
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref();
  return { child, stdin };
}
