import t from 'tap'
import { drawChart, type Chart } from '../../src/report/output/chart.js'

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
  t.test(
    `a ${kind} says what is counted, of what, and takes its colours from the page`,
    async t => {
      const svg = drawChart(chart({ kind }))
      t.match(svg, /^<svg [^]*<\/svg>$/)
      for (const text of ['lookups', 'TikTok', 'Telegram', 'blocked', 'allowed', '1.2k']) {
        t.ok(svg.includes(`>${text}<`), text)
      }
      for (const colour of ['--blocked', '--allowed', '--ink', '--rule']) {
        t.ok(svg.includes(`var(${colour})`), colour)
      }
      t.notMatch(svg, /<script|<style|class=|href|url\(/, 'nothing of a page, nothing outside')
    }
  )
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
