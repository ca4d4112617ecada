/** The public face of the package: the client and what its users name in types. */

export { BulkDownloadClient } from "./client/client.js";
export { BulkDownloadError } from "./client/errors.js";
export { JobFeed } from "./client/feed.js";

/** @typedef {import("./client/state.js").DownloadState} DownloadState */
/** @typedef {import("./client/state.js").Progress} Progress */
/** @typedef {import("./client/client.js").ClientOptions} ClientOptions */
/** @typedef {import("./client/client.js").StartOptions} StartOptions */
/** @typedef {import("./client/api.js").GetToken} GetToken */
/** @typedef {import("./client/job.js").Job} Job */
/** @typedef {import("./client/job.js").SkippedItem} SkippedItem */
/** @typedef {import("./client/job.js").RenamedItem} RenamedItem */
/** @typedef {import("./client/ladder.js").Connection} Connection */
