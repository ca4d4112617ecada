/** Import this for its effect: it registers <bulk-download-dialog>, once. */

import { BulkDownloadDialog } from "./dialog.js";

if (globalThis.customElements && !customElements.get("bulk-download-dialog")) {
  customElements.define("bulk-download-dialog", BulkDownloadDialog);
}

export { BulkDownloadDialog };
