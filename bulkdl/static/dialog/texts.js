/** Every word the dialog says, in English; hand other ones to its `texts`. */

/**
 * A text: plain, with `{name}` where a value goes, or a function of the values for languages that need more.
 *
 * @typedef {string | ((values: Record<string, string | number>) => string)} Text
 */

export const TEXTS = {
  pending: /** @type {Text} */ ("Preparing your download"),
  processing: /** @type {Text} */ ("Building your archive"),
  cancelling: /** @type {Text} */ ("Cancelling…"),
  complete: /** @type {Text} */ ("Your download has started"),
  ready: /** @type {Text} */ ("Your download is ready"),
  incomplete: /** @type {Text} */ ("Ready, with files missing"),
  failed: /** @type {Text} */ ("The download failed"),
  cancelled: /** @type {Text} */ ("Download cancelled"),

  pendingNote: /** @type {Text} */ ("Looking at the files. It goes on when you close this."),
  processingNote: /** @type {Text} */ ("It goes on when you close this."),
  finishingNote: /** @type {Text} */ ("All files are in; the archive is being checked."),
  completeNote: /** @type {Text} */ ("Look for it among your browser's downloads."),
  incompleteNote: /** @type {Text} */ ("Check what is missing before you take the archive with you."),
  cancelledNote: /** @type {Text} */ ("Nothing was kept. You can start again at any time."),

  files: /** @type {Text} */ ("Files"),
  size: /** @type {Text} */ ("Size"),
  speed: /** @type {Text} */ ("Speed"),
  timeLeft: /** @type {Text} */ ("Time left"),
  progress: /** @type {Text} */ ("Download progress"),
  of: /** @type {Text} */ ("{done} of {total}"),
  summary: /** @type {Text} */ (({ count, files, size }) => `${files} ${count === 1 ? "file" : "files"}, ${size}`),
  expires: /** @type {Text} */ ("Kept until {time}"),

  skipped: /** @type {Text} */ (
    ({ count, files }) => (count === 1 ? "1 file is not in the archive" : `${files} files are not in the archive`)
  ),
  renamed: /** @type {Text} */ (
    ({ count, files }) => (count === 1 ? "1 file has another name" : `${files} files have other names`)
  ),
  more: /** @type {Text} */ ("and {files} more; the archive lists them all"),
  not_found: /** @type {Text} */ ("no longer there"),
  access_denied: /** @type {Text} */ ("access denied"),
  changed_during_build: /** @type {Text} */ ("changed while the archive was built"),
  read_error: /** @type {Text} */ ("could not be read"),
  archived_storage_class: /** @type {Text} */ ("in cold storage; ask for it to be restored"),
  name_invalid: /** @type {Text} */ ("its name cannot be used"),

  offline: /** @type {Text} */ ("No connection. The download goes on; we show it again as soon as we can."),
  "signed-out": /** @type {Text} */ ("You are signed out. Sign in again to see how far it is; the download goes on."),

  signInFirst: /** @type {Text} */ ("You are signed out. Sign in, then try again."),
  network_error: /** @type {Text} */ ("The server cannot be reached. Check your connection and try again."),

  announceProgress: /** @type {Text} */ ("{percent} percent done"),
  cancel: /** @type {Text} */ ("Cancel download"),
  background: /** @type {Text} */ ("Continue in background"),
  download: /** @type {Text} */ ("Download"),
  downloadAgain: /** @type {Text} */ ("Download again"),
  downloadAnyway: /** @type {Text} */ ("Download what there is"),
  retry: /** @type {Text} */ ("Try again"),
  close: /** @type {Text} */ ("Close"),
};

/** @typedef {keyof typeof TEXTS} TextName */

/**
 * Beside the names above, any `code` of an error and any reason for a skipped file may have a text; without one, an
 * error is shown in the server's words.
 *
 * @typedef {Partial<Record<TextName, Text>> & Record<string, Text | undefined>} Texts
 */
/** @typedef {Record<TextName, Text> & Record<string, Text | undefined>} AllTexts */

/** @param {Text} text @param {Record<string, string | number>} [values] */
export function fill(text, values = {}) {
  if (typeof text === "function") return text(values);
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
