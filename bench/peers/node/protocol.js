/** How a contestant's program talks to the bench: see bench/peers/protocol.py. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** @returns {object} the task whose path is the program's argument. */
export function readTask() {
  return JSON.parse(readFileSync(process.argv[2], 'utf8'));
}

/** Says `ready`, waits for `go`, builds, says `done` and what came of it, ends when the input is closed. */
export async function takePart(build) {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log('ready');
  const { value } = await lines.next();
  if (value === 'go') console.log('done', JSON.stringify(await build()));
  await lines.next();
  process.exit(0);
}
