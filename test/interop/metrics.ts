/** Metrics against Prometheus: its linter, its scraper, and the shipped alert rules. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import t from 'tap'
import { startServer } from '../cli/server-process.js'
import { banning, Site } from '../daemon/site.js'
import { install } from './install.js'
import { eventually, Running } from './processes.js'

// To install it takes its time.
t.setTimeout(300_000)

install({ promtool: 'prometheus' })

const RULES = resolve('contrib/prometheus/interdict.rules.yaml')

async function freeTcpPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>(resolve => server.close(() => resolve()))
  return port
}

t.test('promtool accepts the metrics and the alert rules, and Prometheus scrapes them', async t => {
  const admin = await freeTcpPort()
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
  await server.says(/serving health and metrics over HTTP/)
  const page = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
  const lint = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' })
  t.strictSame([lint.status, lint.stdout + lint.stderr], [0, ''])

  const rules = execFileSync('promtool', ['check', 'rules', RULES], { encoding: 'utf8' })
  t.match(rules, /SUCCESS: \d+ rules found/)
  const named = new Set(readFileSync(RULES, 'utf8').match(/\binterdict_\w+/g))
  t.ok(named.size > 5)
  const absentNow = ['interdict_bundle_expiry_timestamp_seconds']
  for (const name of named) {
    t.ok(absentNow.includes(name) || page.includes(`# TYPE ${name} `), `${name} exists`)
  }

  const port = await freeTcpPort()
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
})
