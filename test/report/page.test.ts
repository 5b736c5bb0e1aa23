import t from 'tap'
import { createHash } from 'node:crypto'
import { drawChart } from '../../src/analysis/report/output/chart.js'
import { toHtml } from '../../src/analysis/report/output/html.js'
import { MAIL_STYLE, STYLE } from '../../src/analysis/report/output/style.js'
import { column, type Report } from '../../src/analysis/report/report.js'
import { SCHEMES, TOKENS } from '../../src/analysis/report/output/tokens.js'
import { ORIGIN } from './day.js'

const REPORT: Report = {
  title: 'A <b> report',
  timeZone: 'Europe/Brussels',
  tiles: [
    { key: 'a', title: 'Lookups', value: 1234, kind: 'count', note: 'all' },
    { key: 'b', title: 'Uncovered', value: null, kind: 'count', warn: true }
  ],
  facts: [['Period', 'from', 'to']],
  remarks: ['a line was skipped'],
  tables: [
    {
      id: 'apps',
      title: 'Apps',
      description: 'By app.',
      emptyText: 'None.',
      columns: [column('app', 'text'), column('share', 'share'), column('note', 'text')],
      rows: [
        ['tiktok', 0.5, '2026-12-05'],
        ['other', 0, null]
      ],
      chart: {
        kind: 'ranking',
        unit: 'lookups',
        labels: ['tiktok'],
        series: [{ name: 'blocked', tone: 'blocked', values: [3] }]
      }
    },
    {
      id: 'gaps',
      title: 'Gaps',
      description: 'Where.',
      emptyText: 'None.',
      columns: [column('network', 'text'), column('lacks', 'text')],
      rows: [
        ['museum', 'TikTok'],
        ['offices', '']
      ],
      marks: ['not covered', null]
    },
    {
      id: 'empty',
      title: 'Empty',
      description: 'Nothing.',
      emptyText: 'None at all.',
      columns: [column('x', 'text')],
      rows: []
    }
  ]
}

t.test('a page says where it is from and when it was made', async t => {
  const page = toHtml(REPORT, ORIGIN)
  for (const text of [
    '<dt>Generated</dt><dd>2026-11-11 06:00 (Europe/Brussels)</dd>',
    '<dt>Gateway</dt><dd>gw-1</dd>',
    '<dt>Version</dt><dd>Interdict 1.2.3</dd>',
    '<dt>Rules</dt><dd>SHA-256 ab12, bundle 7</dd>'
  ])
    t.ok(page.includes(text), text)
  t.match(toHtml(REPORT, { ...ORIGIN, rules: undefined }), '<dt>Rules</dt><dd>not read</dd>')
  const folder = toHtml(REPORT, { ...ORIGIN, rules: { sha256: 'ab12', serial: null } })
  t.match(folder, '<dd>SHA-256 ab12</dd>')
})

t.test('a page has headline figures, marks rows that matter, and shows shares as bars', async t => {
  const page = toHtml(REPORT, ORIGIN)
  t.match(page, '<dt>Lookups</dt><dd class="figure">1,234</dd><dd class="note">all</dd>')
  t.match(page, '<div class="tile warn"><dt>Uncovered</dt><dd class="figure">-</dd></div>')
  t.match(
    page,
    '<tr class="warn"><th scope="row" class="w">museum <span class="badge">not covered</span>'
  )
  t.match(page, '<tr><th scope="row" class="w">offices</th>')
  t.match(page, '<rect width="100" height="8">', 'of the greatest')
  t.match(page, 'class="t" data-label="Note">2026-12-05</td>', 'a date does not wrap')
  t.match(page, '<p class="none">None at all.</p>')
  t.notMatch(toHtml({ ...REPORT, tiles: [] }, ORIGIN), 'class="tiles"')
})

t.test('long ids break between their parts, and no fact appears twice', async t => {
  const [apps] = REPORT.tables
  const rows = [['ministry/exception/tiktok+bytedance', 0.5, 'v16m.tiktokcdn.example']]
  const page = toHtml(
    { ...REPORT, tables: [{ ...apps!, rows }], facts: [['SHA-256 of the rules', 'ab12']] },
    ORIGIN
  )
  t.match(page, '<th scope="row">ministry/<wbr>exception/<wbr>tiktok+<wbr>bytedance</th>')
  t.match(page, '<td data-label="Note">v16m.<wbr>tiktokcdn.<wbr>example</td>')
  t.notMatch(page, '<dt>SHA-256 of the rules</dt>', 'the footer has it')
})

t.test('a table below its chart is collapsed, unless a row of it is marked', async t => {
  const page = toHtml(REPORT, ORIGIN)
  t.match(page, '<details><summary>2 rows</summary>\n<table aria-label="Apps">')
  t.match(page, '<details open><summary>2 rows</summary>\n<table aria-label="Gaps">')
  const [apps] = REPORT.tables
  const marked = { ...REPORT, tables: [{ ...apps!, marks: ['look', null] }] }
  t.match(toHtml(marked, ORIGIN), '<details open>')
  t.match(toHtml({ ...REPORT, tables: [{ ...apps!, rows: [['a', 1, null]] }] }, ORIGIN), '>1 row<')
})

t.test('the policy of a page allows its own style sheet and nothing else', async t => {
  const page = toHtml(REPORT, ORIGIN)
  const [, style] = /<style>([^]*?)<\/style>/.exec(page)!
  const hash = createHash('sha256').update(style!).digest('base64')
  t.ok(page.includes(`default-src &#39;none&#39;; style-src &#39;sha256-${hash}&#39;`))
  t.notMatch(page, / style="/, 'no style attribute, which it would not allow')
})

t.test('a mail has the light colours, open tables and no charts', async t => {
  const mail = toHtml(REPORT, ORIGIN, 'mail')
  t.notMatch(mail, /var\(--|<figure|Content-Security-Policy/)
  t.match(mail, '<details open><summary>2 rows</summary>\n<table aria-label="Apps">')
  t.match(MAIL_STYLE, SCHEMES.light.blocked!)
})

t.test('every token that the style sheet and charts use is defined', async t => {
  const { chart } = REPORT.tables[0]!
  const used = [...`${STYLE}${drawChart(chart!)}`.matchAll(/var\(--([\w-]+)\)/g)].map(m => m[1]!)
  t.ok(used.length > 0)
  t.strictSame(
    used.filter(name => !TOKENS.includes(`--${name}: `)),
    []
  )
})
