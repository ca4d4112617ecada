/** The picture of one download that the client shows, and how a job becomes one. Pure. */

import { BulkDownloadError } from "./errors.js";
import { isFinal } from "./job.js";

/** @typedef {import("./job.js").Job} Job */

/**
 * @typedef {object} Progress
 * @property {number} current files done
 * @property {number} total files to do
 * @property {number} percent 0 to 100
 * @property {number} bytesDone
 * @property {number} bytesTotal
 * @property {number | null} bytesPerSecond
 * @property {number | null} etaSeconds
 */

/**
 * @typedef {object} DownloadState An immutable picture; another object means that something has changed.
 * @property {"idle" | "pending" | "processing" | "complete" | "failed" | "cancelled"} status
 * @property {string | null} jobId
 * @property {Progress} progress
 * @property {readonly import("./job.js").SkippedItem[]} skipped
 * @property {number} skippedCount
 * @property {readonly import("./job.js").RenamedItem[]} renamed
 * @property {number} renamedCount
 * @property {BulkDownloadError | null} error why it failed, or why the last wish could not be granted
 * @property {string | null} archiveName
 * @property {number | null} fileCount
 * @property {number | null} fileSize bytes of the archive
 * @property {string | null} expiresAt when the archive will be deleted, ISO 8601
 * @property {boolean} isCancelling
 * @property {boolean} isOurs whether it was started in this tab
 * @property {boolean} hasBegunDownload whether the browser has been sent to the archive
 * @property {import("./ladder.js").Connection} connection
 */

export const NO_PROGRESS = {
  current: 0,
  total: 0,
  percent: 0,
  bytesDone: 0,
  bytesTotal: 0,
  bytesPerSecond: null,
  etaSeconds: null,
};

/** @type {DownloadState} */
export const IDLE = {
  status: "idle",
  jobId: null,
  progress: NO_PROGRESS,
  skipped: [],
  skippedCount: 0,
  renamed: [],
  renamedCount: 0,
  error: null,
  archiveName: null,
  fileCount: null,
  fileSize: null,
  expiresAt: null,
  isCancelling: false,
  isOurs: false,
  hasBegunDownload: false,
  connection: "resting",
};

/**
 * What the state becomes when the job is as it is now.
 *
 * @param {Job} job
 * @param {DownloadState} before
 * @returns {Partial<DownloadState>}
 */
export function pictureOf(job, before) {
  const { status, current, total, percent, bytesDone, bytesTotal, bytesPerSecond, etaSeconds } = job;
  const progress = {
    current,
    total: total || before.progress.total,
    percent,
    bytesDone,
    bytesTotal,
    bytesPerSecond,
    etaSeconds,
  };
  return {
    status: status === "expired" ? "failed" : status,
    progress: isSame(progress, before.progress) ? before.progress : Object.freeze(progress),
    skipped: job.skipped,
    skippedCount: job.skippedCount,
    renamed: job.renamed,
    renamedCount: job.renamedCount,
    archiveName: job.archiveName,
    fileCount: job.fileCount,
    fileSize: job.fileSize,
    expiresAt: job.expiresAt,
    isCancelling: before.isCancelling && !isFinal(job),
    error: errorOf(job, before),
  };
}

/** @param {Job} job @param {DownloadState} before */
function errorOf(job, before) {
  const { status, error, errorCode } = job;
  if (status === "expired")
    return before.error ?? new BulkDownloadError("archive_expired", "The archive has been deleted at its time.");
  if (status !== "failed") return isFinal(job) && !isFinal(before) ? null : before.error;
  const message = error ?? "The archive could not be built.";
  if (before.error?.message === message) return before.error;
  return new BulkDownloadError(errorCode ?? "build_failed", message);
}

/** @param {Progress} one @param {Progress} other */
function isSame(one, other) {
  return /** @type {(keyof Progress)[]} */ (Object.keys(one)).every((name) => one[name] === other[name]);
}
