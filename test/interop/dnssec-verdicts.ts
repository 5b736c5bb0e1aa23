/**
 * Verdicts on zones that BIND's and NLnet Labs' tools have signed, compared with those of Unbound and delv: where these two
 * agree, so must Interdict. Run by `npm run test:interop`.
 */
import { join } from 'node:path'
import t from 'tap'
import { install, NAME_SERVERS } from '../../tools/install.js'
import { cpuTime } from '../../src/base/system/cpu-time.js'
import { readConfig } from '../../src/gateway/config/load-settings.js'
import { openChainSource } from '../../src/gateway/upstreams/own-chain-source.js'
import { TrustAnchors } from '../../src/resolver/validation/trust-anchors.js'
import { Validator } from '../../src/resolver/validation/validator.js'
import type { Validation } from '../../src/resolver/validation/verdict.js'
import { readName } from '../../src/wire/dns/name/name.js'
import { readRrtype } from '../../src/wire/dns/registry/rrtype.js'
import { unboundBehind } from './peers.js'
import { delvWith, serveSignedZones, type Verdict } from './dnssec-servers.js'
import { makeZones, PARENT, QUESTIONS, SHAPES } from './dnssec-zones.js'
import { dig, eventually, folder } from './processes.js'

install(...NAME_SERVERS)
t.setTimeout(600_000)

const dir = folder(t)
const zones = makeZones(dir)
const port = await serveSignedZones(t, dir, zones)
const unbound = await unboundBehind(t, port, [zones.anchor], '  val-log-level: 2\n')
await eventually('Unbound', 60, async () => {
  const text = await dig(['@127.0.0.1', '-p', String(unbound.port), `${PARENT}.`, 'SOA'])
  return text.includes('status:')
})
const delvSays = delvWith(dir, port, zones.anchor)

const read = readConfig(
  `rules: rules\nupstreams: { servers: ['127.0.0.1:${port}'], use-resolv-conf: false }\n`,
  join(dir, 'interdict.yaml')
)
if (!read.ok) throw new Error(read.errors.map(({ message }) => message).join('\n'))
const source = openChainSource(read.config)
t.teardown(() => source.close())
const validator = new Validator({
  source,
  anchors: new TrustAnchors([zones.anchor]),
  now: () => Math.floor(Date.now() / 1000),
  cpuTime
})

const ours = (name: string, type: string): Promise<Validation> =>
  validator.validate(readName(name), readRrtype(type)!)

async function unboundSays(name: string, type: string): Promise<Verdict> {
  const text = await dig(['@127.0.0.1', '-p', String(unbound.port), '+dnssec', name, type])
  if (text.includes('status: SERVFAIL')) return 'bogus'
  return /;; flags:[^;]* ad[ ;]/.test(text) ? 'secure' : 'insecure'
}

/** The DS of a zone, which its parent has signed. */
const SECURE_PARENT = /^@ DS$/

for (const { name: shape, expected } of SHAPES) {
  t.test(shape, async t => {
    for (const question of QUESTIONS) {
      const [owner, type] = question.split(' ') as [string, string]
      const name = owner === '@' ? `${shape}.${PARENT}` : `${owner}.${shape}.${PARENT}`
      const [mine, theirs, bind] = await Promise.all([
        ours(name, type),
        unboundSays(name, type),
        delvSays(name, type)
      ])
      const what = `${name} ${type}: ${mine.verdict} ${mine.reason} (Unbound ${theirs}, delv ${bind})`
      if (expected !== undefined && !SECURE_PARENT.test(question))
        t.equal(mine.verdict, expected, what)
      else if (theirs === bind) t.equal(mine.verdict, theirs, what)
      else t.comment(`not agreed: ${what}`)
    }
  })
}
