/** The HTTP API, one method per route that the front end uses; authentication and problem documents are dealt with here. */

import { asError, errorFrom } from "./errors.js";

/** @typedef {import("./job.js").WireJob} WireJob */

/**
 * @callback GetToken Gives the bearer token; asked again with `refresh` after a 401.
 * @param {{refresh: boolean}} how
 * @returns {string | null | undefined | Promise<string | null | undefined>}
 */

/**
 * @typedef {object} ApiOptions
 * @property {string} [urlPrefix] where Bulkdl is mounted, with its origin when that is another
 * @property {GetToken} [getToken] leave out to authenticate by cookie
 * @property {string} [csrfCookie] cookie that holds the CSRF token of cookie authentication
 * @property {RequestCredentials} [credentials] "include" for cookies of another origin
 * @property {typeof globalThis.fetch} [fetch]
 */

/**
 * @typedef {object} JobRequest
 * @property {string} projectId
 * @property {readonly string[]} assetIds
 * @property {string} [archiveName]
 * @property {"skip" | "fail"} [onMissing]
 * @property {"relative" | "flat"} [layout]
 */

/**
 * @typedef {object} RequestParts
 * @property {Record<string, string | number | null | undefined>} [query]
 * @property {unknown} [body]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

/** @typedef {{jobs: WireJob[], nextCursor?: string | null}} JobPage */
/** @typedef {{items: {assetId: string}[], nextCursor?: string | null}} ItemPage */
/** @typedef {{url: string, expiresAt?: string | null, fileName?: string}} ArchiveUrl */

const JOBS = "/bulk-download/jobs";

export class Api {
  #getToken;
  #csrfCookie;
  #credentials;
  #fetch;

  /** @param {ApiOptions} [options] */
  constructor({ urlPrefix = "/media-collab", getToken, csrfCookie = "csrf_access_token", credentials, fetch } = {}) {
    this.urlPrefix = urlPrefix.replace(/\/+$/, "");
    this.#getToken = getToken;
    this.#csrfCookie = csrfCookie;
    this.#credentials = credentials ?? "same-origin";
    this.#fetch = fetch ?? globalThis.fetch.bind(globalThis);
  }

  /**
   * @param {JobRequest} request
   * @param {string} idempotencyKey sent again with every try, so that a lost answer makes no second job
   * @returns {Promise<WireJob>}
   */
  async createJob(request, idempotencyKey) {
    return this.#json("POST", JOBS, {
      body: request,
      headers: { "Idempotency-Key": idempotencyKey },
    });
  }

  /**
   * One job, or null when it is still what `etag` stands for.
   *
   * @param {string} jobId
   * @param {{etag?: string | null, signal?: AbortSignal}} [conditions]
   * @returns {Promise<{job: WireJob, etag: string | null} | null>}
   */
  async job(jobId, { etag, signal } = {}) {
    const headers = etag ? { "If-None-Match": etag } : undefined;
    const response = await this.send("GET", `${JOBS}/${encodeURIComponent(jobId)}`, { headers, signal });
    if (response.status === 304) return null;
    return { job: await response.json(), etag: response.headers.get("ETag") };
  }

  /**
   * The caller's jobs, newest first.
   *
   * @param {{limit?: number, cursor?: string | null, signal?: AbortSignal}} [page]
   * @returns {Promise<JobPage>}
   */
  async jobs({ limit = 20, cursor, signal } = {}) {
    return this.#json("GET", JOBS, { query: { limit, cursor }, signal });
  }

  /** @param {string} jobId @returns {Promise<WireJob | null>} */
  async cancel(jobId) {
    const response = await this.send("DELETE", `${JOBS}/${encodeURIComponent(jobId)}`);
    return response.status === 204 ? null : response.json();
  }

  /** @param {string} jobId @param {string | null} [cursor] @returns {Promise<ItemPage>} */
  async items(jobId, cursor) {
    return this.#json("GET", `${JOBS}/${encodeURIComponent(jobId)}/items`, {
      query: { cursor },
    });
  }

  /** @param {string} jobId @returns {Promise<ArchiveUrl>} */
  async archiveUrl(jobId) {
    return this.#json("GET", `${JOBS}/${encodeURIComponent(jobId)}/download`);
  }

  /** @param {AbortSignal} [signal] @returns {Promise<string>} a ticket that opens one stream */
  async streamTicket(signal) {
    return (await this.#json("POST", "/stream-tickets", { signal })).ticket;
  }

  /**
   * JSON of any other route below the prefix.
   *
   * @param {string} path
   * @param {RequestParts} [parts]
   * @returns {Promise<any>}
   */
  async get(path, parts) {
    return this.#json("GET", path, parts);
  }

  /**
   * The absolute URL of a path below the prefix.
   *
   * @param {string} path
   * @param {RequestParts["query"]} [query]
   */
  url(path, query = {}) {
    const url = new URL(this.urlPrefix + path, globalThis.location?.href);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  /**
   * Send a request; throws `BulkDownloadError` unless the answer is a success or "not modified".
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestParts} [parts]
   * @returns {Promise<Response>}
   */
  async send(method, path, parts = {}) {
    let response = await this.#attempt(method, path, parts, false);
    if (response.status === 401 && this.#getToken) response = await this.#attempt(method, path, parts, true);
    if (response.ok || response.status === 304) return response;
    throw await errorFrom(response);
  }

  /** @param {string} method @param {string} path @param {RequestParts} [parts] @returns {Promise<any>} */
  async #json(method, path, parts) {
    return (await this.send(method, path, parts)).json();
  }

  /** @param {string} method @param {string} path @param {RequestParts} parts @param {boolean} refresh */
  async #attempt(method, path, { query, body, headers, signal }, refresh) {
    const token = await this.#getToken?.({ refresh });
    try {
      return await this.#fetch(this.url(path, query), {
        method,
        signal,
        cache: "no-store",
        credentials: this.#credentials,
        headers: {
          Accept: "application/json",
          ...headers,
          ...this.#identify(method, token),
          ...contentType(body),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (thrown) {
      if (signal?.aborted) throw thrown;
      throw asError(thrown);
    }
  }

  /** @param {string} method @param {string | null | undefined} token @returns {Record<string, string>} */
  #identify(method, token) {
    if (token) return { Authorization: `Bearer ${token}` };
    const csrf = method === "GET" ? undefined : cookie(this.#csrfCookie);
    return csrf ? { "X-CSRF-TOKEN": csrf } : {};
  }
}

/** @param {unknown} body @returns {Record<string, string>} */
function contentType(body) {
  return body === undefined ? {} : { "Content-Type": "application/json" };
}

/** @param {string} name */
function cookie(name) {
  const start = `${name}=`;
  const pair = globalThis.document?.cookie.split("; ").find((text) => text.startsWith(start));
  return pair && decodeURIComponent(pair.slice(start.length));
}
