/** Calls npm the way the person who called us would. */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isInside, nodeModules, outerPath, which } from './paths.mjs';
import { failure, run } from './run.mjs';
import { readText } from './stamp.mjs';

export const localNode = join(nodeModules, '.bin', 'node');

/**
 * The machine's Node. Called by npm, setup itself may run by the one in node_modules,
 * which `npm ci` removes under it.
 */
export function systemNode(env = process.env) {
  const candidates = [env.npm_node_execpath, process.execPath, which('node', outerPath(env.PATH))];
  return (
    candidates.find((file) => file && existsSync(file) && !isInside(file, nodeModules)) ?? process.execPath
  );
}

/** The Node for whatever follows setup's own steps. */
export function projectNode() {
  return existsSync(localNode) ? localNode : systemNode();
}

/** The npm that called us, else the one on the PATH; never by the Node that lies in node_modules. */
export function npmCommand(env = process.env) {
  const caller = env.npm_execpath;
  if (caller && basename(caller) === 'npm-cli.js' && existsSync(caller)) return [systemNode(env), caller];
  return ['npm'];
}

export async function runNpm(message, args, options) {
  const [command, ...before] = npmCommand();
  const env = { ...process.env, PATH: outerPath() };
  const result = await run(command, [...before, ...args], { env, ...options });
  if (!result.ok) throw failure(message, { ...options, tail: npmErrors(readText(options.log) ?? '') });
}

/** npm says what is wrong first and ends with its manual; without an error of its own, its last words. */
export function npmErrors(output) {
  const lines = output.split('\n').filter((text) => text.trim() !== '');
  const errors = lines.filter((text) => /^npm (error|ERR!) \S/.test(text));
  return errors.length > 0 ? errors.slice(0, 8) : lines.slice(-8);
}
