/**
 * The archive as the Node design builds it: objects asked for ten ahead, archiver, and a multipart upload.
 *
 * Small objects are read whole while they wait for their turn; of a larger one the answer is opened.
 */
import { Agent } from 'node:http';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { ZipArchive } from 'archiver';

const SMALL = 1024 * 1024;
const MODIFIED_AT = new Date('2026-01-01T12:00:00Z');

/** A client that has spoken to the store once. Credentials come from the environment. */
export async function makeClient(task) {
  const client = new S3Client({
    endpoint: task.endpoint,
    region: task.region,
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { httpAgent: new Agent({ keepAlive: true, maxSockets: 4 * task.concurrency }) },
  });
  // The SDK has no setting for it, but takes the header that another step has written.
  if (task.variant.includes('unhashed')) {
    client.middlewareStack.add(
      (next) => (call) => {
        call.request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
        return next(call);
      },
      { step: 'build', name: 'unsignedPayload' },
    );
  }
  const first = { Bucket: task.source_bucket, Key: task.files[0].key, Range: 'bytes=0-0' };
  const { Body } = await client.send(new GetObjectCommand(first));
  await Body.transformToByteArray();
  return client;
}

/** Builds the archive of a task and stores it. */
export async function buildArchive(client, task) {
  const options = { store: !task.variant.includes('deflate') };
  const archive = new ZipArchive(options);
  const body = new PassThrough({ highWaterMark: task.part_size });
  const upload = new Upload({
    client,
    params: { Bucket: task.archive_bucket, Key: task.archive_key, Body: body, ContentType: 'application/zip' },
    partSize: task.part_size,
    queueSize: task.concurrency,
  });
  archive.on('error', (error) => body.destroy(error));
  archive.pipe(body);
  const stored = upload.done();
  stored.catch((error) => archive.destroy(error));
  await append(archive, client, task);
  await archive.finalize();
  await stored;
  return { uploadId: upload.uploadId };
}

async function append(archive, client, task) {
  const ahead = [];
  for (const file of task.files) {
    ahead.push(open(client, task, file));
    if (ahead.length >= task.concurrency) await appendOne(archive, await ahead.shift());
  }
  for (const opened of ahead) await appendOne(archive, await opened);
}

async function open(client, task, file) {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: task.source_bucket, Key: file.key }));
  if (file.size > SMALL) return { file, body: Body };
  return { file, body: Buffer.from(await Body.transformToByteArray()) };
}

async function appendOne(archive, { file, body }) {
  const written = once(archive, 'entry');
  archive.append(body, { name: file.name, date: MODIFIED_AT });
  await written;
}
