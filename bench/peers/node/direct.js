/** The Node design's archive without its queue. */
import { buildArchive, makeClient } from './archive.js';
import { readTask, takePart } from './protocol.js';

const task = readTask();
const client = await makeClient(task);
await takePart(() => buildArchive(client, task));
