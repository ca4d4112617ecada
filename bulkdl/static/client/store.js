/** A value that can be watched. The value itself is never changed, only replaced, so `===` tells whether it is another. */

/** @template T */
export class Store {
  #value;
  /** @type {Set<() => void>} */
  #listeners = new Set();

  /** @param {T} value */
  constructor(value) {
    this.#value = value;
  }

  get value() {
    return this.#value;
  }

  /** @param {T} value */
  set(value) {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  /**
   * Call `listener` after every change.
   *
   * @param {() => void} listener
   * @returns {() => void} ends the watch
   */
  subscribe(listener) {
    const own = () => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }
}
