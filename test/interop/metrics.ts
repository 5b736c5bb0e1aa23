/** Metrics against Prometheus: its linter, its scraper, and the shipped alert rules. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import t from 'tap'
import { startServer } from '../cli/server-process.js'
import { banning, Site } from '../daemon/site.js'
import { install } from '../../tools/install.js'
import { eventually, freePort, Running } from './processes.js'

// To install it takes its time.
t.setTimeout(300_000)

install('promtool')

const RULES = resolve('contrib/prometheus/interdict.rules.yaml')
const DASHBOARD = resolve('contrib/grafana/interdict.json')

/** What this gateway has nothing to show of. */
const ABSENT_NOW = [
  'interdict_alerts_total',
  'interdict_expiry_timestamp_seconds',
  'interdict_success_timestamp_seconds',
  'interdict_output_lookups_total',
  'interdict_log_disk_free_bytes',
  'interdict_log_disk_used_bytes',
  'interdict_task_success',
  'interdict_monitored_total',
  'interdict_blocked_total',
  'interdict_rule_days_left',
  'interdict_upstream_rtt_seconds',
  'interdict_waiting_bytes'
]

interface Panel {
  readonly targets?: readonly { readonly expr: string }[]
}

t.test('promtool accepts the metrics and the alert rules, and Prometheus scrapes them', async t => {
  const admin = await freePort()
  const site = new Site(t, {
    'interdict.yaml': `
listen: ['127.0.0.1:0']
workers: 1
upstreams: { servers: [192.0.2.1, 192.0.2.2], use-resolv-conf: false }
admin: { http: '127.0.0.1:${admin}' }
log: { queries: { file: queries.jsonl } }
`,
    'rules/networks.yaml': banning('banned.example')
  })
  const server = startServer(t, site)
  await server.says(/serving health, metrics.* over HTTP/)
  const page = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
  const lint = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' })
  t.strictSame([lint.status, lint.stdout + lint.stderr], [0, ''])

  const rules = execFileSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' })
  t.match(rules, /SUCCESS: \d+ rules found/)
  for (const file of [RULES, DASHBOARD]) {
    const named = new Set(readFileSync(file, 'utf8').match(/\binterdict_\w+/g))
    t.ok(named.size > 5)
    for (const name of named) {
      const family = name.replace(/_(bucket|sum|count)$/, '')
      t.ok(ABSENT_NOW.includes(name) || page.includes(`# TYPE ${family} `), `${name} exists`)
    }
  }
  const dashboard = JSON.parse(readFileSync(DASHBOARD, 'utf8')) as { panels: Panel[] }
  const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(it => it.expr))
  t.ok(expressions.length > 20)

  const port = await freePort()
  site.write(
    'prometheus.yaml',
    `global: { scrape_interval: 1s }
rule_files: ['${RULES}']
scrape_configs:
  - job_name: interdict
    static_configs: [{ targets: ['127.0.0.1:${admin}'] }]
`
  )
  new Running(t, 'prometheus', [
    `--config.file=${site.path('prometheus.yaml')}`,
    `--storage.tsdb.path=${site.path('tsdb')}`,
    `--web.listen-address=127.0.0.1:${port}`
  ])
  const query = async (expression: string): Promise<unknown> => {
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`
    const reply = (await (await fetch(url)).json()) as { data: { result: { value: unknown[] }[] } }
    return reply.data.result[0]?.value[1]
  }
  await eventually('a scrape', 60, () =>
    query('interdict_rules{kind="ban"}').then(
      value => value === '1',
      () => false
    )
  )
  t.equal(await query('up{job="interdict"}'), '1')
  // Prometheus evaluates each expression of the dashboard, with its variables replaced.
  for (const expression of expressions) {
    const plain = expression
      .replaceAll('$__rate_interval', '1m')
      .replaceAll('$__range', '6h')
      .replaceAll(/\$(instance|network)/g, '.*')
    const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(plain)}`
    const { status, error } = (await (await fetch(url)).json()) as Record<string, string>
    t.equal(status, 'success', `${plain}: ${error ?? ''}`)
  }
})
