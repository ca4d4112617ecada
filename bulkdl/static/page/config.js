/** What the server tells the page about itself, and which project the page shows. */

/**
 * @typedef {object} PageConfig
 * @property {string} urlPrefix
 * @property {string} [csrfCookie]
 * @property {number} [heartbeatSeconds]
 * @property {boolean} [isDemo]
 * @property {string[]} [projects] those of the signed-in person
 * @property {string | null} [projectId]
 * @property {string | null} [loginUrl]
 */

/** @returns {PageConfig} */
export function readConfig() {
  const text = document.getElementById("bulkdl-config")?.textContent;
  return { urlPrefix: "/media-collab", ...JSON.parse(text || "{}") };
}

/** The project of the address, else the one that the server names, else the person's first. @param {PageConfig} config */
export function projectOf({ projectId, projects, isDemo }) {
  const asked = new URLSearchParams(location.search).get("project");
  return asked || projectId || projects?.[0] || (isDemo ? "demo" : null);
}
