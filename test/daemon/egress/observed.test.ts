import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { ConnectionMessage } from '../../../src/gateway/egress/connection-messages.js'
import { parseFindingLine } from '../../../src/lookups/egress/egress-finding.js'
import { healthOf } from '../../../src/gateway/status/health.js'
import { askUdp } from '../dns-client.js'
import { serving } from '../serve.js'
import { eventually, type Site } from '../site.js'

const ANSWERED = '192.0.2.7'
const RULES = `networks:
  lan:
    prefixes: [127.0.0.0/8]
    egress: observe
    records: [{ name: www.example, a: ${ANSWERED} }]
`
const CLIENT = '127.0.0.9'

/** In place of `interdict observe`. */
async function helper(t: Test, path: string) {
  const gateways: Socket[] = []
  const server = createServer(socket => {
    gateways.push(socket)
    socket.on('error', () => undefined)
    socket.resume()
  })
  await new Promise<void>(done => server.listen(path, done))
  const close = (): void => {
    for (const gateway of gateways) gateway.destroy()
    server.close()
  }
  t.teardown(close)
  let id = 0
  const send = (message: ConnectionMessage): void =>
    void gateways.at(-1)!.write(`${JSON.stringify(message)}\n`)
  return {
    ...{ gateways, close, send },
    connect: (destination: string, port: number): void => {
      const facts = { protocol: 'tcp', client: CLIENT, destination, port } as const
      send({ events: [{ kind: 'begin', id: ++id, time: Date.now(), ...facts }], lost: 0 })
    }
  }
}

const findingsOf = (site: Site): unknown[] =>
  readFileSync(site.path('egress.jsonl'), 'utf8')
    .split('\n')
    .flatMap(line => parseFindingLine(line) ?? [])
    .filter(({ event }) => event === 'finding')

t.test('observes connections by the answers of its workers', async t => {
  const { gateway, site, log, threads } = await serving(t, {
    queries: 'flush: 10ms',
    more: 'egress: { connections: helper.sock }',
    files: {
      'rules/networks.yaml': RULES
    }
  })
  const observation = async () => (await gateway.status()).observation!
  await log.says('connections of clients are not observed')
  const { connect, send, gateways, close } = await helper(t, site.path('helper.sock'))
  await eventually('the gateway connects', () => gateways.length === 1)
  send({ reading: true, counted: false, error: null })
  await log.says('connections of clients are observed')
  const [at] = gateway.endpoints
  for (let i = 0; i < 3; i++) t.match(await askUdp(at!, 'www.example'), { rcode: 'NOERROR' })
  connect(ANSWERED, 443)
  connect('192.0.2.8', 443)
  connect('192.0.2.53', 53)
  await eventually('a finding', async () => (await observation()).findings.resolver === 1)
  t.match(await observation(), {
    ...{ reading: true, error: null, counted: false, known: false, connections: 3 },
    // Not the address of the answer.
    ...{ unknown: 1, lost: 0, findings: { banned: 0, unresolved: 0 } }
  })
  await eventually('its line', () => findingsOf(site).length === 1)
  t.match(findingsOf(site), [
    { finding: { kind: 'resolver', network: 'lan', client: CLIENT, destination: '192.0.2.53' } }
  ])
  const codes = async () => healthOf(await gateway.status()).problems.map(({ code }) => code)
  t.ok((await codes()).includes('EGRESS_FOUND'))

  await threads.kill('observation')
  await eventually('the gateway connects again', () => gateways.length === 2)
  close()
  await eventually('a problem', async () => (await codes()).includes('EGRESS_UNOBSERVED'))
})
