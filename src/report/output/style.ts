/**
 * Style sheet of HTML reports. Charts take their colours from here: blue, orange and green are
 * distinguishable with nearly every kind of colour blindness, and contrast with the background in
 * light and dark. A scrollable table or chart has a shadow on the side where it continues; a
 * background that scrolls along hides the shadow at the end.
 */
export const STYLE = `
:root {
  --paper: #ffffff; --ink: #1c2024; --faint: #5b636b; --rule: #d9dde1; --shade: #f4f6f8;
  --blocked: #2166ac; --monitored: #d9820f; --allowed: #2e8b57; --other: #9aa3ab;
  --beyond: #00000038;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --ink: #e4e7ea; --faint: #9ba4ad; --rule: #363c42; --shade: #1d2125;
    --blocked: #6aaee8; --monitored: #f0a848; --allowed: #62c08d; --other: #7b848c;
    --beyond: #ffffff40;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; }
main { max-width: 900px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 16px; }
h2 { font-size: 19px; line-height: 1.3; margin: 40px 0 4px; }
p { margin: 0 0 12px; max-width: 68ch; overflow-wrap: anywhere; }
section > p { color: var(--faint); }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 12px 24px;
  margin: 0; padding: 16px; background: var(--shade); border-radius: 8px; }
dt { color: var(--faint); font-size: 13px; }
dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 8px 0 16px; max-width: 720px; }
figure, .table { overflow-x: auto; background: var(--left-end), var(--right-end), var(--left), var(--right);
  background-repeat: no-repeat;
  --left-end: linear-gradient(to right, var(--paper) 25%, transparent) left / 48px 100% local;
  --right-end: linear-gradient(to left, var(--paper) 25%, transparent) right / 48px 100% local;
  --left: linear-gradient(to right, var(--beyond), transparent) left / 14px 100%;
  --right: linear-gradient(to left, var(--beyond), transparent) right / 14px 100%; }
svg { display: block; width: 100%; min-width: 520px; height: auto; font-family: inherit; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 14px 5px 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--rule); }
th { color: var(--faint); font-weight: 600; white-space: nowrap; }
td { overflow-wrap: break-word; max-width: 44ch; }
.n, .t { white-space: nowrap; }
.n { text-align: right; }
.n + :not(.n) { padding-left: 14px; }
.none { font-style: italic; }
footer { margin-top: 40px; padding-top: 12px; border-top: 1px solid var(--rule);
  color: var(--faint); font-size: 13px; }
@media print {
  :root { --paper: #fff; --ink: #000; --faint: #444; --rule: #bbb; --shade: #fff;
    --blocked: #2166ac; --monitored: #d9820f; --allowed: #2e8b57; --other: #9aa3ab; }
  @page { margin: 16mm; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  figure, .table { background: none; }
  dl { padding: 0; }
  table { font-size: 9pt; }
  th, td { padding-right: 8px; }
  .n + :not(.n) { padding-left: 8px; }
  h2, section > p, thead { break-after: avoid; }
  tbody tr:nth-last-child(-n + 3) { break-before: avoid; }
  figure, tr, dl > div { break-inside: avoid; }
  thead { display: table-header-group; }
}
`
