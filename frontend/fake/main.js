/**
 * The stand-in as a process, with the page: `node fake/main.js [port]`. It prints its address, and takes orders:
 * `POST /control` with `{"set": {…}}` for what a test may break or `{"call": "change", "args": […]}` for what the jobs do.
 * `node fake/main.js 8000 --demo` plays a library and builds what is asked for.
 */

import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { FakeService, json } from "./service.js";

/** @typedef {import("./service.js").Asset} Asset */

const ROOT = fileURLToPath(new URL("../../bulkdl/", import.meta.url));
const EXTRA = process.env.FAKE_EXTRA_DIRECTORY;
/** @type {Record<string, string>} */
const TYPES = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".html": "text/html; charset=utf-8",
  ".json": "application/json",
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'";

const service = new FakeService();
/** @type {object} */
let config = { urlPrefix: "/media-collab", projectId: "demo" };

/** @param {import("node:http").ServerResponse} response @param {string} path @param {(text: string) => string} [change] */
async function file(response, path, change = (text) => text) {
  const body = await readFile(path).catch(() => null);
  if (body === null) return response.writeHead(404).end();
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  response.writeHead(200, { "Content-Type": type, "Content-Security-Policy": POLICY, "Cache-Control": "no-store" });
  response.end(type.startsWith("text/html") ? change(body.toString()) : body);
}

/** Just as much of Jinja as the page uses. @param {string} html */
function render(html) {
  return html
    .replace(/\{%-? for module in \[([\s\S]*?)\] %\}([\s\S]*?)\{%-? endfor %\}/g, "")
    .replace(/\{%-? for _ in range\((\d+)\) %\}([\s\S]*?)\{%-? endfor %\}/g, (_, count, body) =>
      body.repeat(Number(count)),
    )
    .replace(/\{\{ url_for\('static', filename='([^']+)'\) \}\}/g, "/static/$1")
    .replace("{{ config|tojson }}", JSON.stringify(config).replaceAll("<", "\\u003c"));
}

/** @param {number} count @returns {Asset[]} */
function library(count) {
  const folders = [
    "",
    "Berlin/Tag 1/",
    "Berlin/Tag 2/",
    "Campaign 2026/Posters/",
    "Campaign 2026/Reels/",
    "Press/Über uns/",
  ];
  const kinds = [
    ["jpg", "image/jpeg"],
    ["jpg", "image/jpeg"],
    ["png", "image/png"],
    ["mp4", "video/mp4"],
    ["jpg", "image/jpeg"],
    ["pdf", "application/pdf"],
  ];
  return Array.from({ length: count }, (_, n) => {
    const [ending, contentType] = kinds[n % kinds.length];
    return {
      assetId: `asset-${n}`,
      projectId: "demo",
      name: `${folders[n % folders.length]}IMG_${String(2400 + n).padStart(4, "0")}.${ending}`,
      size: 600_000 + ((n * 7919) % 97) * 41_000,
      contentType,
      modifiedAt: new Date(1.76e12 + n * 1e7).toISOString(),
      thumbnailUrl: contentType.startsWith("image/") ? `/thumbnail/${n}.svg` : null,
    };
  });
}

/** @param {number} n */
function picture(n) {
  const hue = (n * 47) % 360;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 300"><defs><linearGradient id="a" x2="0.4" y2="1"><stop stop-color="hsl(${hue} 62% 78%)"/><stop offset="1" stop-color="hsl(${hue + 40} 58% 48%)"/></linearGradient></defs><rect width="400" height="300" fill="url(#a)"/><circle cx="${80 + ((n * 53) % 240)}" cy="${70 + ((n * 31) % 60)}" r="${24 + (n % 5) * 6}" fill="#fff8"/><path d="M0 ${210 - (n % 7) * 8} Q100 ${120 + (n % 9) * 8} 200 ${200 - (n % 4) * 9} T400 ${170 + (n % 6) * 7} V300 H0Z" fill="hsl(${hue + 70} 45% 34%)"/><path d="M0 ${260 - (n % 5) * 7} Q140 ${190 + (n % 8) * 6} 260 250 T400 ${235 - (n % 3) * 9} V300 H0Z" fill="hsl(${hue + 90} 50% 22%)"/></svg>`;
}

/** @param {any} order */
async function obey({ set, call, args = [], config: newConfig, assets }) {
  if (set) Object.assign(service, set);
  if (newConfig) config = newConfig;
  if (assets !== undefined) service.assets = typeof assets === "number" ? library(assets) : assets;
  if (!call) return {};
  return /** @type {any} */ (service)[call](...args) ?? {};
}

/** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
function serve(request, response) {
  const { pathname } = new URL(request.url ?? "", "http://fake");
  const path = decodeURIComponent(pathname);
  if (path === "/") file(response, join(ROOT, "templates/index.html"), render);
  else if (path.startsWith("/static/")) file(response, join(ROOT, normalize(path)));
  else if (path.startsWith("/thumbnail/")) {
    response.writeHead(200, { "Content-Type": "image/svg+xml", "Cache-Control": "max-age=600" });
    response.end(picture(Number.parseInt(path.split("/")[2], 10)));
  } else if (path.startsWith("/archive/")) {
    response.writeHead(200, {
      "Content-Type": "application/zip",
      "Content-Disposition": 'attachment; filename="demo.zip"',
    });
    response.end(Buffer.from("504b0506000000000000000000000000000000000000", "hex"));
  } else if (path === "/control") {
    let text = "";
    request.on("data", (/** @type {Buffer} */ chunk) => (text += chunk));
    request.on("end", async () => json(response, 200, await obey(JSON.parse(text))));
  } else if (EXTRA) file(response, join(EXTRA, normalize(path.endsWith("/") ? `${path}index.html` : path)));
  else return false;
  return true;
}
service.onOther = serve;

if (process.argv.includes("--demo")) {
  service.assets = library(10_000);
  service.maxFiles = 10_000;
  service.onJob = async (/** @type {import("./service.js").WireJob} */ { jobId, total = 0, bytesTotal = 0 }) => {
    for (let percent = 0; percent < 100; percent += 2) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      if (service.jobs.get(jobId)?.status === "cancelled") return;
      const done = percent / 100;
      service.change(jobId, {
        percent,
        current: Math.floor(total * done),
        bytesDone: Math.floor(bytesTotal * done),
        bytesPerSecond: bytesTotal / 12,
        etaSeconds: 12 * (1 - done),
      });
    }
    service.complete(jobId);
  };
}

await service.start(Number(process.argv[2] ?? 0));
console.log(JSON.stringify({ origin: service.origin }));
process.stdin.resume().on("end", () => process.exit(0));
