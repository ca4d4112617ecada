/** The Node design's worker: waits for a job in its queue and builds the archive. */
import { Worker } from 'bullmq';
import { buildArchive, makeClient } from './archive.js';
import { readTask } from './protocol.js';

const task = readTask();
const client = await makeClient(task);
const { hostname, port } = new URL(task.redis_url);
const worker = new Worker('bulk-download', () => buildArchive(client, task), {
  connection: { host: hostname, port: Number(port) },
});
worker.on('failed', (job, error) => console.error(error));
await worker.waitUntilReady();
console.log('ready');
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
