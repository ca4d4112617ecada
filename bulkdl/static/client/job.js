/** A job as the page knows it, and the rule by which news changes it. Pure. */

/** @typedef {"pending" | "processing" | "complete" | "failed" | "cancelled" | "expired"} JobStatus */

/** @typedef {{assetId: string, name: string, reason: string}} SkippedItem */
/** @typedef {{assetId: string, name: string, archiveName: string}} RenamedItem */

/**
 * @typedef {object} WireJob What the API and the events say; an event says part of it.
 * @property {string} jobId
 * @property {JobStatus} [status]
 * @property {number} [seq]
 * @property {string} [projectId]
 * @property {number} [current]
 * @property {number} [total]
 * @property {number} [percent]
 * @property {number} [bytesDone]
 * @property {number} [bytesTotal]
 * @property {number | null} [bytesPerSecond]
 * @property {number | null} [etaSeconds]
 * @property {number | null} [fileCount]
 * @property {number | null} [fileSize]
 * @property {string} [archiveName]
 * @property {string | null} [downloadUrl]
 * @property {string | null} [expiresAt]
 * @property {string | null} [error]
 * @property {string | null} [errorCode]
 * @property {SkippedItem[]} [skipped]
 * @property {number} [skippedCount]
 * @property {RenamedItem[]} [renamed]
 * @property {number} [renamedCount]
 * @property {string} [createdAt]
 * @property {string | null} [finishedAt]
 */

/**
 * @typedef {object} Job Everything known of one job; never changed, only replaced.
 * @property {string} jobId
 * @property {JobStatus} status
 * @property {number} seq
 * @property {string | null} projectId
 * @property {number} current files done
 * @property {number} total files to do
 * @property {number} percent 0 to 100, by bytes
 * @property {number} bytesDone
 * @property {number} bytesTotal
 * @property {number | null} bytesPerSecond
 * @property {number | null} etaSeconds
 * @property {number | null} fileCount
 * @property {number | null} fileSize
 * @property {string | null} archiveName
 * @property {string | null} downloadUrl
 * @property {number} downloadUrlAt when that URL reached us, in milliseconds since 1970
 * @property {string | null} expiresAt
 * @property {string | null} error
 * @property {string | null} errorCode
 * @property {readonly SkippedItem[]} skipped
 * @property {number} skippedCount
 * @property {readonly RenamedItem[]} renamed
 * @property {number} renamedCount
 * @property {string | null} createdAt
 * @property {string | null} finishedAt
 * @property {boolean} isDetailed false when the end is known from an event alone, without its lists
 */

/** @type {Omit<Job, "jobId">} */
const UNKNOWN = {
  status: "pending",
  seq: -1,
  projectId: null,
  current: 0,
  total: 0,
  percent: 0,
  bytesDone: 0,
  bytesTotal: 0,
  bytesPerSecond: null,
  etaSeconds: null,
  fileCount: null,
  fileSize: null,
  archiveName: null,
  downloadUrl: null,
  downloadUrlAt: 0,
  expiresAt: null,
  error: null,
  errorCode: null,
  skipped: [],
  skippedCount: 0,
  renamed: [],
  renamedCount: 0,
  createdAt: null,
  finishedAt: null,
  isDetailed: false,
};

/** @type {Record<string, JobStatus>} */
const STATUS_OF_EVENT = {
  "bulk-download:progress": "processing",
  "bulk-download:complete": "complete",
  "bulk-download:failed": "failed",
  "bulk-download:cancelled": "cancelled",
};

/** @param {{status?: JobStatus | "idle"}} job */
export function isFinal({ status }) {
  return status !== undefined && status !== "idle" && status !== "pending" && status !== "processing";
}

/** True when all is known of the job's end: a complete one may still owe us its lists. @param {Job} job */
export function isSettled(job) {
  return isFinal(job) && (job.isDetailed || job.status !== "complete");
}

/**
 * What an event says of a job, or null when it is about none.
 *
 * @param {string} name
 * @param {any} data from the wire
 * @returns {WireJob | null}
 */
export function jobOfEvent(name, data) {
  const status = STATUS_OF_EVENT[name];
  return status && data?.jobId ? { ...data, status } : null;
}

/**
 * The job after the news. The same object comes back when the news is stale or says nothing new.
 *
 * A job does not move backwards: older `seq`s are dropped, an end beats everything that is no end whatever
 * its `seq`, and the counters only grow.
 *
 * @param {Job | undefined} known
 * @param {WireJob} news
 * @param {number} now milliseconds since 1970
 * @returns {Job}
 */
export function learn(known, news, now) {
  if (known && isStale(known, news)) return known;
  const before = known ?? { ...UNKNOWN, jobId: news.jobId };
  /** @type {Job} */
  const after = { ...before, ...defined(news) };
  after.seq = Math.max(before.seq, after.seq);
  if (before.status === "processing" && after.status === "pending") after.status = "processing";
  after.skippedCount = Math.max(after.skippedCount, after.skipped.length);
  after.renamedCount = Math.max(after.renamedCount, after.renamed.length);
  after.isDetailed = isFinal(after) && Boolean(news.skipped || (before.isDetailed && isFinal(before)));
  if (news.downloadUrl) after.downloadUrlAt = now;
  keepCounters(before, after);
  return known && isSame(known, after) ? known : after;
}

/** @param {Job} known @param {WireJob} news */
function isStale(known, news) {
  if (isFinal(known) !== isFinal(news)) return isFinal(known);
  return news.seq !== undefined && news.seq < known.seq;
}

/** @param {Job} before @param {Job} after */
function keepCounters(before, after) {
  if (after.status === "complete") {
    after.percent = 100;
    after.total = after.fileCount ?? after.total;
    after.current = after.total;
    after.bytesDone = after.bytesTotal;
    after.etaSeconds = null;
    return;
  }
  after.percent = Math.max(before.percent, after.percent);
  after.current = Math.max(before.current, after.current);
  after.bytesDone = Math.max(before.bytesDone, after.bytesDone);
}

/** @param {WireJob} news @returns {Partial<Job>} */
function defined(news) {
  return Object.fromEntries(
    Object.entries(news).filter(([name, value]) => value !== undefined && name in UNKNOWN_KEYS),
  );
}

const UNKNOWN_KEYS = { ...UNKNOWN, jobId: "" };

/** @param {Job} one @param {Job} other */
function isSame(one, other) {
  return /** @type {(keyof Job)[]} */ (Object.keys(other)).every(
    (name) => name === "downloadUrlAt" || one[name] === other[name] || isEmptyTwice(one[name], other[name]),
  );
}

/** @param {unknown} one @param {unknown} other */
function isEmptyTwice(one, other) {
  return Array.isArray(one) && Array.isArray(other) && one.length === 0 && other.length === 0;
}
