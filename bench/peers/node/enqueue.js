/** The Node design's web process: puts a job into the queue and waits for its end. */
import { Queue, QueueEvents } from 'bullmq';
import { readTask, takePart } from './protocol.js';

const { redis_url } = readTask();
const { hostname, port } = new URL(redis_url);
const connection = { host: hostname, port: Number(port) };
const queue = new Queue('bulk-download', { connection });
const events = new QueueEvents('bulk-download', { connection });
await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
await takePart(async () => {
  const job = await queue.add('bulk-download', {});
  return job.waitUntilFinished(events);
});
