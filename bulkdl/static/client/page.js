/** What the client needs of the page it runs in; harmless where there is none. */

/**
 * Go to the archive. It comes as an attachment, so the page stays where it is and the browser's own download
 * begins: resumable, and never a copy in memory.
 *
 * @param {string} url
 */
export function navigate(url) {
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.rel = "noopener";
  anchor.hidden = true;
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

/** How long the other tabs are given to learn of the same end. */
const ONCE_MS = 10_000;

/**
 * Do something in one tab only: a tab that was duplicated, or opened by another, has its Keepsake too.
 *
 * @param {string} name
 * @param {() => Promise<unknown>} act
 * @returns {Promise<unknown>}
 */
export async function once(name, act) {
  const locks = globalThis.navigator?.locks;
  if (!locks) return act();
  return locks.request(name, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    await act();
    await new Promise((resolve) => setTimeout(resolve, ONCE_MS));
  });
}

/** A random key; `crypto.randomUUID` wants a secure context, which a page in development may not be. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The job that this tab has started and not yet fetched; it survives a reload, and no other tab sees it. */
export class Keepsake {
  #key;

  /** @param {string} urlPrefix */
  constructor(urlPrefix) {
    this.#key = `bulkdl:${urlPrefix}`;
  }

  /** @returns {string | null} */
  get jobId() {
    return this.#try((storage) => storage.getItem(this.#key)) ?? null;
  }

  /** @param {string} jobId */
  keep(jobId) {
    this.#try((storage) => storage.setItem(this.#key, jobId));
  }

  /** @param {string} jobId */
  drop(jobId) {
    this.#try((storage) => storage.getItem(this.#key) === jobId && storage.removeItem(this.#key));
  }

  /**
   * Storage may be missing, full or forbidden; then a reload forgets, and the list of jobs still knows.
   *
   * @template T
   * @param {(storage: Storage) => T} use
   */
  #try(use) {
    try {
      return use(globalThis.sessionStorage);
    } catch {
      return undefined;
    }
  }
}
