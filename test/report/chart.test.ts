import t from 'tap'
import { drawChart, NARROW } from '../../src/analysis/report/output/chart.js'
import type { Chart } from '../../src/analysis/report/report.js'

const series = [
  { name: 'blocked', tone: 'blocked', values: [1200, 30] },
  { name: 'allowed', tone: 'allowed', values: [3, 0] }
] as const
const chart = (over: Partial<Chart>): Chart => ({
  kind: 'ranking',
  unit: 'lookups',
  labels: ['TikTok', 'Telegram'],
  series,
  ...over
})

for (const kind of ['ranking', 'timeline'] as const) {
  t.test(`a ${kind} has counts and labels, and takes its colours from the page`, async t => {
    const svg = drawChart(chart({ kind }))
    t.match(svg, /^<svg [^]*<\/svg>$/)
    const counts = kind === 'ranking' ? ['1,203', '30'] : ['lookups', '1.2k']
    for (const text of [...counts, 'TikTok', 'Telegram', 'blocked', 'allowed']) {
      t.ok(svg.includes(`>${text}<`), text)
    }
    for (const colour of ['--blocked', '--allowed', '--ink', '--rule']) {
      t.ok(svg.includes(`var(${colour})`), colour)
    }
    t.notMatch(svg, /<script|<style|style=|class=|href|url\(/, 'nothing of a page, nothing outside')
  })
}

t.test('a chart of one series has no legend', async t => {
  const svg = drawChart(chart({ series: [series[0]] }))
  t.notOk(svg.includes('>blocked<'))
})

t.test('labels are text in it, whatever they are', async t => {
  const svg = drawChart(chart({ labels: ['<script>x</script>', '{b|"&'] }))
  t.notMatch(svg, '<script')
  t.match(svg, '&lt;script&gt;x')
})

t.test('a narrow chart is drawn for its width, with shorter labels', t => {
  const labels = ['x'.repeat(60), 'y']
  const widthOf = (svg: string): string => /viewBox="0 0 (\d+)/.exec(svg)![1]!
  const [wide, narrow] = [drawChart(chart({ labels })), drawChart(chart({ labels }), NARROW)]
  t.ok(Number(widthOf(wide)) > 2 * Number(widthOf(narrow)))
  const shown = (svg: string): number => />(x+)/.exec(svg)![1]!.length
  t.ok(shown(wide) > shown(narrow))
  t.end()
})
