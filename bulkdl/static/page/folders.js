/** The folders of the library, as a list of places to look at. */

import { formatBytes, formatCount } from "../client/format.js";
import { element } from "../dialog/elements.js";
import { drawing } from "./icons.js";
import { foldersOf } from "./library.js";

export class Folders {
  #list;
  #library;
  /** @type {readonly import("./library.js").Asset[] | undefined} */
  #assets;
  #folder = "";

  /** @param {HTMLElement} list @param {import("./library.js").Library} library */
  constructor(list, library) {
    this.#list = list;
    this.#library = library;
    library.store.subscribe(() => this.#update());
    list.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      if (button) library.look({ folder: button.dataset.path ?? "" });
    });
  }

  #update() {
    const { assets, folder } = this.#library.state;
    if (assets !== this.#assets) this.#draw(assets);
    this.#assets = assets;
    this.#folder = folder;
    for (const button of this.#list.querySelectorAll("button")) {
      if (button.dataset.path === this.#folder) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  /** @param {readonly import("./library.js").Asset[]} assets */
  #draw(assets) {
    const size = assets.reduce((sum, asset) => sum + asset.size, 0);
    const all = {
      path: "",
      name: "All files",
      depth: 0,
      count: assets.length,
      size,
    };
    const focused = this.#list.contains(document.activeElement)
      ? /** @type {HTMLElement} */ (document.activeElement).dataset.path
      : undefined;
    this.#list.replaceChildren(...[all, ...foldersOf(assets)].map((folder) => this.#row(folder)));
    if (focused !== undefined)
      [...this.#list.querySelectorAll("button")].find(({ dataset }) => dataset.path === focused)?.focus();
  }

  /** @param {import("./library.js").Folder} folder */
  #row({ path, name, depth, count, size }) {
    const files = count === 1 ? "1 file" : `${formatCount(count)} files`;
    const label = element("span", { class: "folder-name" }, name);
    const number = element(
      "span",
      { class: "folder-count" },
      formatCount(count),
      element("span", { class: "unseen" }, files.slice(files.indexOf(" "))),
    );
    const button = element(
      "button",
      {
        type: "button",
        "data-path": path,
        title: `${files}, ${formatBytes(size)}`,
      },
      drawing(path ? "folder" : "all"),
      label,
      number,
    );
    button.style.setProperty("--depth", String(depth));
    return element("li", {}, button);
  }
}
