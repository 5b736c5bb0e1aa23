import t from 'tap'
import {
  metricsFormat,
  metricsText,
  type MetricFamily
} from '../../src/admin/metrics/metrics-text.js'

const families: readonly MetricFamily[] = [
  {
    name: 'x_build',
    type: 'info',
    help: 'a \\ and\na line',
    samples: [{ value: 1, labels: { v: '1' } }]
  },
  { name: 'x_seen', type: 'counter', help: 'Seen.', samples: [{ value: 2 ** 40 }] },
  { name: 'x_none', type: 'gauge', help: 'None.', samples: [] },
  {
    name: 'x_now',
    type: 'gauge',
    help: 'Now.',
    samples: [{ value: 0.25, labels: { a: 'say "\\"\n', b: 'é' } }]
  }
]

t.test('OpenMetrics', async t => {
  const text = String(Buffer.concat(metricsText(families, 'openmetrics')))
  t.equal(
    text,
    `# HELP x_build a \\\\ and\\na line
# TYPE x_build info
x_build_info{v="1"} 1
# HELP x_seen Seen.
# TYPE x_seen counter
x_seen_total 1099511627776
# HELP x_now Now.
# TYPE x_now gauge
x_now{a="say \\"\\\\\\"\\n",b="é"} 0.25
# EOF
`
  )
})

t.test('the format of Prometheus', async t => {
  const text = String(Buffer.concat(metricsText(families, 'prometheus')))
  t.match(text, '# TYPE x_build_info gauge\nx_build_info{v="1"} 1\n')
  t.match(text, '# TYPE x_seen_total counter\nx_seen_total 1099511627776\n')
  t.notMatch(text, 'EOF')
})

t.test('the format is chosen by Accept', async t => {
  t.equal(metricsFormat(undefined), 'prometheus')
  t.equal(metricsFormat('text/plain;version=0.0.4'), 'prometheus')
  t.equal(
    metricsFormat('application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1'),
    'openmetrics'
  )
})
