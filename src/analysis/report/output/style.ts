import { createHash } from 'node:crypto'
import { TOKENS } from './tokens.js'

/** Rows as blocks, in which each value has the heading of its column before it. @param table selector */
const cards = (table: string): string => `
  ${table} thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  ${table}, ${table} tbody, ${table} tr { display: block; }
  ${table} tr { padding: 8px 0; border-bottom: 1px solid var(--rule); }
  ${table} tbody tr:last-child { border-bottom: 0; }
  ${table} tbody tr > * { display: inline-block; padding: 0 14px 0 0; border: 0; max-width: 100%; min-width: 0; text-align: left;
    white-space: normal; vertical-align: baseline; }
  ${table} tbody tr > th:first-child { display: block; font-weight: 600; padding: 0; text-align: left; }
  ${table} td::before, ${table} th[data-label]::before { content: attr(data-label) ' '; color: var(--faint); font-size: var(--size-note); }
  ${table} .n + :not(.n) { padding-left: 0; }
  ${table} td svg { display: none; }
  ${table} tr.warn { background: var(--warn-shade); box-shadow: inset 3px 0 0 var(--warn); padding-left: 10px; }
  ${table} tr.warn > *, ${table} tr.warn > :first-child { background: none; box-shadow: none; padding-left: 0; }`

/**
 * Rules of all pages that Interdict writes, with the colours and sizes of the dashboard. On narrow screens, and in tables of many columns, rows become blocks, so
 * that nothing has to be scrolled sideways; on paper every collapsed table is open.
 */
const RULES = `
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: var(--size-text)/1.5 var(--sans); }
main { max-width: 960px; margin: 0 auto; padding: 32px 24px 40px; }
p { margin: 0; max-width: 84ch; overflow-wrap: anywhere; }
h1 { font-size: 28px; line-height: 1.2; letter-spacing: -0.01em; margin: 2px 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 18px; line-height: 1.3; margin: 0 0 2px; overflow-wrap: anywhere; }
.eyebrow { color: var(--accent); font-size: var(--size-note); font-weight: 600; letter-spacing: 0.02em; }
.when, section > p { color: var(--faint); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0 12px; }
.tile { background: var(--paper); border: 1px solid var(--rule); border-radius: var(--radius); padding: 14px 16px; }
.tile dt { color: var(--faint); font-size: var(--size-note); }
.tile dd { margin: 0; }
.tile .figure { font-size: 28px; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.tile .note { color: var(--faint); font-size: var(--size-note); line-height: 1.35; }
.tile.warn { background: var(--warn-shade); border-color: var(--warn); }
.tile.warn dt, .tile.warn .figure, .tile.warn .note { color: var(--warn); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 10px 24px; margin: 0; padding: 16px;
  background: var(--paper); border: 1px solid var(--rule); border-radius: var(--radius); }
.facts dt { color: var(--faint); font-size: var(--size-note); }
.facts dd { margin: 0; overflow-wrap: anywhere; font-size: var(--size-table); }
section { margin-top: 16px; padding: 18px 20px; background: var(--paper); border: 1px solid var(--rule); border-radius: var(--radius); }
figure { margin: 14px 0 0; }
figure svg { display: block; width: 100%; height: auto; font-family: inherit; }
figure .narrow { display: none; }
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--accent); font-size: var(--size-table); font-weight: 600; border-radius: 4px; width: fit-content; }
summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; margin-top: 6px; font-size: var(--size-table); font-variant-numeric: tabular-nums; }
th, td { padding: 6px 16px 6px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule); }
th:last-child, td:last-child { padding-right: 4px; }
tbody tr:last-child > * { border-bottom: 0; }
th { color: var(--faint); font-weight: 600; }
thead th { white-space: nowrap; vertical-align: bottom; }
tbody th { color: var(--ink); font-weight: 500; }
td, tbody th { overflow-wrap: anywhere; min-width: 6ch; max-width: 46ch; }
.n, .t { white-space: nowrap; }
.w { overflow-wrap: normal; }
.n { text-align: right; }
.n + :not(.n) { padding-left: 8px; }
td svg { display: inline-block; width: 56px; height: 8px; margin-right: 8px; background: var(--shade); border-radius: 2px; }
td rect { fill: var(--blocked); }
tr.warn > * { background: var(--warn-shade); }
tr.warn > :first-child { box-shadow: inset 3px 0 0 var(--warn); padding-left: 10px; }
.badge { display: inline-block; padding: 0 8px; border: 1px solid var(--warn); border-radius: 999px;
  background: var(--paper); color: var(--warn); font-size: 12px; font-weight: 600; line-height: 1.5; white-space: nowrap; }
.none { margin-top: 10px; color: var(--faint); font-style: italic; }
.remarks { margin: 16px 0 0; padding: 12px 16px; border-left: 3px solid var(--warn); background: var(--paper); }
.remarks p + p { margin-top: 6px; }
footer { margin-top: 24px; color: var(--faint); font-size: var(--size-note); overflow-wrap: anywhere; }
footer dl { display: flex; flex-wrap: wrap; gap: 4px 24px; margin: 0; }
footer dl div { display: flex; gap: 6px; min-width: 0; }
footer dt { flex: none; }
footer dd { margin: 0; color: var(--ink); overflow-wrap: anywhere; }
footer p { margin-top: 8px; }
@media (max-width: 620px) {
  main { padding: 20px 12px 32px; }
  h1 { font-size: 23px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; }
  .tile { padding: 10px 12px; }
  .tile:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .tile .figure { font-size: 23px; }
  .facts { padding: 12px; }
  section { padding: 14px 12px; }
  figure .wide { display: none; }
  figure .narrow { display: block; }
}
@media screen and (max-width: 620px) {
${cards('table')}
}
${cards('table.wide')}
@media print {
  @page { size: A4; margin: 15mm 14mm 16mm; }
  body { font-size: 9.5pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 20pt; }
  h2 { font-size: 12.5pt; }
  .tiles { gap: 6pt; margin: 12pt 0 8pt; grid-template-columns: repeat(auto-fit, minmax(76pt, 1fr)); }
  .tile { padding: 7pt 9pt; }
  .tile .figure { font-size: 14pt; }
  .tile dt, .tile .note, .facts dt { font-size: 8pt; }
  section { padding: 0; border: 0; border-radius: 0; margin-top: 16pt; background: none; }
  .facts { padding: 8pt 9pt; }
  details::details-content { content-visibility: visible; block-size: auto; }
  summary { display: none; }
  table { font-size: 8.5pt; }
  .badge { font-size: 7.5pt; padding: 0 5pt; }
  footer { font-size: 8pt; }
  th, td { padding: 2.5pt 9pt 2.5pt 0; }
  thead { display: table-header-group; break-after: avoid; }
  h2, section > p { break-after: avoid; }
  tr, figure, .tiles, .tile, .facts > div { break-inside: avoid; }
  tbody tr:nth-child(-n + 2), tbody tr:last-child { break-before: avoid; }
}
`

/** The style sheet of a page. */
export const STYLE = `${TOKENS}${RULES}`

/** Source expression of a content security policy that allows this style sheet and no other: CSP 3 §2.3.1. */
const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`

/** The policy of a page: its own style sheet, and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src ${STYLE_HASH}`

/** Tokens by name, light. */
const VALUES = new Map<string, string>()
for (const [, name, value] of TOKENS.matchAll(/--([\w-]+): ([^;]+);/g)) {
  if (!VALUES.has(name!)) VALUES.set(name!, value!)
}

/** For mail programs, many of which know no CSS variables: the light colours in their place. */
export const MAIL_STYLE = RULES.replaceAll(/var\(--([\w-]+)\)/g, (_, name: string) =>
  VALUES.get(name)!
)
