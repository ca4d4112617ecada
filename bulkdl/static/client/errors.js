/** What goes wrong, as an error with a stable `code` that a program can act on and a message that a person can read. */

/**
 * @typedef {object} ErrorDetails
 * @property {number} [status] HTTP status of the answer, 0 when there was none
 * @property {string} [field] the field of the request that was refused
 * @property {number} [retryAfterMs] how long the server asks us to wait
 */

/** An answer that was not a success, or none at all. */
export class BulkDownloadError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {ErrorDetails} [details]
   */
  constructor(code, message, { status = 0, field, retryAfterMs } = {}) {
    super(message);
    this.name = "BulkDownloadError";
    this.code = code;
    this.status = status;
    this.field = field;
    this.retryAfterMs = retryAfterMs;
  }

  /** True when the person has to sign in (again) first. */
  get needsSignIn() {
    return this.status === 401;
  }

  /** True when the same request may well succeed later. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * Read an RFC 9457 problem document; answers of proxies, which are no problem documents, become readable too.
 *
 * @param {Response} response
 * @returns {Promise<BulkDownloadError>}
 */
export async function errorFrom(response) {
  const problem = await response.json().catch(() => ({}));
  const status = response.status;
  const message = problem.detail || problem.title || `The server answered with status ${status}.`;
  const seconds = Number(response.headers.get("Retry-After"));
  return new BulkDownloadError(problem.code || `http_${status}`, message, {
    status,
    field: problem.field,
    retryAfterMs: seconds > 0 ? seconds * 1000 : undefined,
  });
}

/**
 * Whatever was thrown, as one of ours: fetch throws a bare TypeError when there is no network.
 *
 * @param {unknown} thrown
 * @returns {BulkDownloadError}
 */
export function asError(thrown) {
  if (thrown instanceof BulkDownloadError) return thrown;
  return new BulkDownloadError("network_error", "The server cannot be reached. Check your connection and try again.");
}
