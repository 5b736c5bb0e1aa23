/**
 * Firefox with DNS over HTTPS and nothing else (network.trr.mode 3), which verifies the certificate. Run by
 * `npm run test:interop`.
 */
import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { launch } from 'puppeteer-core'
import t, { type Test } from 'tap'
import { install } from '../../tools/install.js'
import { certify } from './encrypted-servers.js'
import { eventually, folder, freePort, site, startInterdict, textOf } from './processes.js'

install('firefox-esr', 'certutil')
t.setTimeout(300_000)

const run = promisify(execFile)
/** TRR only: no query leaves by another way. */
const TRR_ONLY = 3

const NETWORKS = `networks:
  all:
    prefixes: [127.0.0.0/8]
    bans:
      - { names: [banned.example], authority: A, reference: R }
      - { names: [found.example], authority: A, reference: R, action: sinkhole, sinkhole: { ipv4: 127.0.0.1 } }
`

/** A page at the address of `found.example`. @returns its port */
async function servePage(t: Test): Promise<number> {
  const server = createServer((_, response) => response.end('found'))
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A profile whose only own authority is this one. */
async function profileWith(t: Test, ca: string): Promise<string> {
  const profile = folder(t)
  const database = ['-d', `sql:${profile}`]
  await run('certutil', ['-N', ...database, '--empty-password'])
  await run('certutil', ['-A', ...database, '-n', 'authority', '-t', 'C,,', '-i', ca])
  return profile
}

t.test('opens what is allowed, and not what is banned', async t => {
  const { ca, certificate, key } = certify(t)
  const https = await freePort()
  const settings = `listen:
  - 127.0.0.1:PORT
  - { address: 127.0.0.1:${https}, protocol: doh, certificate: ${certificate}, key: ${key} }
workers: 1
upstreams: { use-resolv-conf: false }
log: { queries: { file: queries.jsonl, which: all } }
`
  const at = await site(t, settings, NETWORKS)
  await startInterdict(t, at)
  const web = await servePage(t)
  const browser = await launch({
    browser: 'firefox',
    executablePath: '/usr/bin/firefox-esr',
    userDataDir: await profileWith(t, ca),
    acceptInsecureCerts: false,
    extraPrefsFirefox: {
      'network.trr.mode': TRR_ONLY,
      'network.trr.uri': `https://dns.example:${https}/dns-query`,
      'network.trr.bootstrapAddr': '127.0.0.1',
      'network.trr.allow-rfc1918': true
    }
  })
  t.teardown(() => browser.close())
  const page = await browser.newPage()
  const open = (name: string): Promise<string> =>
    page.goto(`http://${name}:${web}/`, { timeout: 20_000 }).then(
      () => page.content(),
      (error: unknown) => (error as Error).message
    )
  t.match(await open('banned.example'), /NS_ERROR_UNKNOWN_HOST/)
  t.match(await open('found.example'), />found</)
  await eventually('the log', 10, () => {
    const log = textOf(join(at.dir, 'queries.jsonl'))
    const has = (name: string): boolean => log.includes(`"protocol":"doh","qname":"${name}"`)
    return Promise.resolve(has('banned.example') && has('found.example'))
  })
})
