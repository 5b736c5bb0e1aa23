/**
 * Verdicts on zones that BIND's and NLnet Labs' tools have signed, compared with those of Unbound and delv: where these two
 * agree, so must Interdict. Run by `npm run test:interop`.
 */
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
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
import { dig, eventually, folder, freePort, Running } from './processes.js'
import { makeZones, PARENT, QUESTIONS, SHAPES } from './dnssec-zones.js'

install(...NAME_SERVERS)
t.setTimeout(600_000)

const run = promisify(execFile)
type Other = 'secure' | 'insecure' | 'bogus'

const dir = folder(t)
const zones = makeZones(dir)
const port = await freePort()
const zoneClauses = Object.entries(zones.files).map(
  ([zone, file]) => `zone "${zone === '' ? '.' : zone}" { type primary; file "${file}"; };`
)
writeFileSync(
  join(dir, 'named.conf'),
  `options {
  directory "${dir}"; pid-file "${join(dir, 'named.pid')}"; session-keyfile "${join(dir, 'session.key')}";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; minimal-responses no; check-names primary ignore;
};
controls { };
${zoneClauses.join('\n')}
`
)
new Running(t, '/usr/sbin/named', ['-g', '-c', join(dir, 'named.conf')])
await eventually('named', 60, async () => {
  const text = await dig(['@127.0.0.1', '-p', String(port), '.', 'SOA', '+norec'])
  return text.includes(`ns.${PARENT}.`)
})

const unbound = await unboundBehind(t, port, [zones.anchor], '  val-log-level: 2\n')
await eventually('Unbound', 60, async () => {
  const text = await dig(['@127.0.0.1', '-p', String(unbound.port), `${PARENT}.`, 'SOA'])
  return text.includes('status:')
})
const [, flags, protocol, algorithm, ...key] = /DNSKEY (\d+) (\d+) (\d+) (.*)$/.exec(zones.anchor)!
const anchors = join(dir, 'anchors.conf')
writeFileSync(
  anchors,
  `trust-anchors { . static-key ${flags} ${protocol} ${algorithm} "${key.join('').replaceAll(' ', '')}"; };\n`
)

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

async function unboundSays(name: string, type: string): Promise<Other> {
  const text = await dig(['@127.0.0.1', '-p', String(unbound.port), '+dnssec', name, type])
  if (text.includes('status: SERVFAIL')) return 'bogus'
  return /;; flags:[^;]* ad[ ;]/.test(text) ? 'secure' : 'insecure'
}

async function delvSays(name: string, type: string): Promise<Other> {
  const args = [
    '@127.0.0.1',
    '-p',
    String(port),
    '-a',
    anchors,
    '+root=.',
    '+multiline',
    name,
    type
  ]
  const { stdout, stderr } = await run('delv', args).catch((error: unknown) => {
    return error as { readonly stdout: string; readonly stderr: string }
  })
  const text = stdout + stderr
  if (text.includes('unsigned answer') || text.includes('negative response, unsigned'))
    return 'insecure'
  return text.includes('fully validated') ? 'secure' : 'bogus'
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
