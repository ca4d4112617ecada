/** The dialog's looks, as a constructed style sheet: a strict Content-Security-Policy needs no exception for it. */

const CSS = `
:host {
  --accent: var(--bulkdl-accent, light-dark(#4338ca, #a5b4fc));
  --on-accent: var(--bulkdl-on-accent, light-dark(#fff, #1e1b4b));
  --surface: var(--bulkdl-surface, light-dark(#fff, #1b1e26));
  --sunken: var(--bulkdl-sunken, light-dark(#f3f4f8, #252934));
  --line: var(--bulkdl-line, light-dark(#dfe2ea, #363b48));
  --text: var(--bulkdl-text, light-dark(#14171f, #f1f3f8));
  --muted: var(--bulkdl-muted, light-dark(#565d6d, #a9b1c2));
  --good: light-dark(#0f7a43, #6ee7a8);
  --warn: light-dark(#8a5300, #fcd27a);
  --warn-back: light-dark(#fff6e5, #38301d);
  --bad: light-dark(#b42318, #ffa69e);
  --bad-back: light-dark(#fef0ee, #3b2222);
  display: contents;
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
dialog {
  inline-size: min(29rem, calc(100vw - 2rem));
  max-block-size: min(44rem, calc(100dvh - 2rem));
  padding: 0;
  border: 1px solid var(--line);
  border-radius: 1rem;
  background: var(--surface);
  color: var(--text);
  font: var(--bulkdl-font, 400 0.9375rem/1.5 Inter, ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif);
  box-shadow: 0 1px 2px #0f172a14, 0 24px 64px -12px #0f172a59;
  overflow: auto;
}
dialog::backdrop { background: #0b0f1a8c; backdrop-filter: blur(3px); }
dialog:focus-visible { outline: none; }
.frame { display: grid; gap: 1.125rem; padding: 1.375rem 1.5rem 1.5rem; }
.head { display: grid; grid-template-columns: auto 1fr auto; gap: 0.875rem; align-items: start; }
.head > div { align-self: center; }
.badge {
  display: grid; place-items: center;
  inline-size: 2.5rem; block-size: 2.5rem; border-radius: 0.75rem;
  background: color-mix(in srgb, var(--tone) 14%, transparent); color: var(--tone);
}
.badge svg { inline-size: 1.375rem; block-size: 1.375rem; }
.frame { --tone: var(--accent); }
.frame[data-state="complete"] { --tone: var(--good); }
.frame[data-state="incomplete"] { --tone: var(--warn); }
.frame[data-state="failed"] { --tone: var(--bad); }
.frame[data-state="cancelled"] { --tone: var(--muted); }
h2 { margin: 0; font-size: 1.125rem; line-height: 1.35; font-weight: 650; letter-spacing: -0.01em; text-wrap: balance; }
p { margin: 0; text-wrap: pretty; }
.note, .archive { color: var(--muted); font-size: 0.875rem; }
.archive { overflow-wrap: anywhere; }
.archive b { color: var(--text); font-weight: 600; }
.x {
  display: grid; place-items: center; inline-size: 2.25rem; block-size: 2.25rem; margin: -0.25rem -0.5rem 0 0;
  border: 0; border-radius: 0.625rem; background: none; color: var(--muted); cursor: pointer;
}
.x:hover { background: var(--sunken); color: var(--text); }
.bar { display: grid; grid-template-columns: 1fr auto; gap: 0.875rem; align-items: center; }
.percent { min-inline-size: 3.25ch; text-align: end; font-weight: 650; font-variant-numeric: tabular-nums; }
progress {
  appearance: none; inline-size: 100%; block-size: 0.625rem; border: 0; border-radius: 1rem;
  background: var(--sunken); overflow: hidden;
}
progress::-webkit-progress-bar { background: var(--sunken); }
progress::-webkit-progress-value {
  background: var(--tone); border-radius: 1rem; transition: inline-size 300ms ease-out;
}
progress::-moz-progress-bar { background: var(--tone); border-radius: 1rem; }
progress:indeterminate::-moz-progress-bar { background: none; }
progress:indeterminate {
  background: linear-gradient(90deg, var(--sunken) 30%, var(--tone) 50%, var(--sunken) 70%) 0 0 / 300% 100%;
  animation: slide 1.6s linear infinite;
}
progress:indeterminate::-webkit-progress-bar { background: none; }
@keyframes slide { from { background-position: 100% 0; } to { background-position: -50% 0; } }
dl {
  display: grid; grid-template-columns: repeat(4, auto); justify-content: space-between; gap: 0.75rem 1rem; margin: 0;
}
dt { color: var(--muted); font-size: 0.75rem; }
dd { margin: 0; font-weight: 550; font-variant-numeric: tabular-nums; font-size: 0.875rem; white-space: nowrap; }
.alert { padding: 0.75rem 0.875rem; border-radius: 0.75rem; font-size: 0.875rem; overflow-wrap: anywhere; }
.alert.bad { background: var(--bad-back); color: var(--bad); }
.alert.warn { background: var(--warn-back); color: var(--warn); }
details { border: 1px solid var(--line); border-radius: 0.75rem; font-size: 0.875rem; }
summary { padding: 0.625rem 0.875rem; font-weight: 600; cursor: pointer; border-radius: 0.75rem; }
details.skipped > summary { color: var(--warn); }
ul {
  margin: 0; padding: 0 0.875rem 0.625rem; list-style: none; max-block-size: 11rem; overflow: auto;
  border-radius: 0.5rem;
}
li {
  display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 0 1rem; padding: 0.375rem 0;
  border-block-start: 1px solid var(--line);
}
li > * { overflow-wrap: anywhere; }
li b { font-weight: 550; }
li span { color: var(--muted); text-align: end; }
.actions { display: flex; flex-wrap: wrap; justify-content: end; gap: 0.625rem; }
.actions button {
  min-block-size: 2.5rem; padding: 0.5rem 1rem; border: 1px solid var(--line); border-radius: 0.625rem;
  background: var(--surface); color: var(--text); font: inherit; font-weight: 600; font-size: 0.875rem; cursor: pointer;
}
.actions button:hover { background: var(--sunken); }
.actions button.main { border-color: transparent; background: var(--accent); color: var(--on-accent); }
.actions button.main:hover { background: color-mix(in srgb, var(--accent) 88%, var(--text)); }
.actions button:disabled { opacity: 0.6; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.unseen {
  position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}
@media (max-width: 30rem) {
  dialog {
    inline-size: 100%; max-inline-size: 100%; max-block-size: 92dvh; margin-block-end: 0;
    border-end-start-radius: 0; border-end-end-radius: 0; border-inline-width: 0; border-block-end-width: 0;
  }
  .frame { padding: 1.125rem 1.125rem calc(1.125rem + env(safe-area-inset-bottom)); }
  dl { grid-template-columns: 1fr 1fr; }
  li { grid-template-columns: 1fr; }
  li span { text-align: start; }
  .actions { flex-direction: column-reverse; }
  .actions button { inline-size: 100%; min-block-size: 2.75rem; }
}
@media (prefers-reduced-motion: no-preference) {
  dialog[open] { animation: rise 180ms ease-out; }
  @keyframes rise { from { opacity: 0; translate: 0 0.75rem; } }
}
@media (prefers-reduced-motion: reduce) {
  progress:indeterminate {
    animation: none; background: repeating-linear-gradient(135deg, var(--sunken) 0 6px, var(--line) 6px 12px);
  }
  progress::-webkit-progress-value { transition: none; }
}
@media (forced-colors: active) {
  progress { border: 1px solid; forced-color-adjust: none; background: Canvas; }
  progress::-webkit-progress-value { background: Highlight; }
}
`;

/** @type {CSSStyleSheet | undefined} */
let sheet;

/** One sheet for all dialogs of the page. */
export function styleSheet() {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  return sheet;
}
