/** A log witnessed by `openssl ts`, and what the verifiers of its evidence pack, in Python and a shell, find. */
import { execFileSync, spawnSync } from 'node:child_process'
import { sign } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import { generateKeys, parsePrivateKey } from '../../src/base/files/ed25519.js'
import { signPack } from '../../src/analysis/evidence/sign-pack.js'
import { VERIFY_PY } from '../../src/analysis/evidence/verify-py.js'
import { VERIFY_SH } from '../../src/analysis/evidence/verify-sh.js'
import { encodeEntry, hashLine, INITIAL_HASH } from '../../src/lookups/chain/chain-entry.js'
import type { EntryBody } from '../../src/lookups/chain/chain-entry.js'
import { ChainWitness } from '../../src/lookups/witness/chain-witness.js'
import { countersignedOctets } from '../../src/lookups/witness/countersignature.js'
import { parseReceipts } from '../../src/lookups/witness/receipts.js'
import { timeStampingChannel } from '../../src/lookups/witness/time-stamping-authority.js'
import { install } from '../../tools/install.js'
import { interdict, writeSite } from '../cli/run.js'
import { tendOnce } from '../querylog/archive/chain/rig.js'
import { makeAuthority, makeTimeStamp } from '../pki/time-stamps.js'

t.setTimeout(300_000)
install('openssl', '/usr/bin/python3')

const MINUTE = 60_000
const CHECKPOINTS = 6
const BEGAN = Math.floor(Date.now() / MINUTE) * MINUTE - CHECKPOINTS * 10 * MINUTE
const SINCE = new Date(BEGAN - 60 * MINUTE).toISOString().replace('.000', '')
const UNTIL = new Date(BEGAN + CHECKPOINTS * 10 * MINUTE).toISOString().replace('.000', '')
const OPENSSL = `[dn]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[signer]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = critical, timeStamping
[tsa]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
`
const ZEROS = '00'.repeat(32)
const LINE = {
  ...{ v: 1, generation: 1, client: '10.1.0.7', network: 'phones', protocol: 'udp' },
  ...{ qname: 'www.clip.example', qtype: 'A', rcode: 'NXDOMAIN', verdict: 'blocked' },
  ...{ match: 'qname', ban: 'be-clip', us: 1, ede: 15 }
}
const { privatePem, publicKey } = generateKeys()
const settings = writeSite(t, {
  'interdict.yaml':
    'rules: rules\nupstreams: { use-resolv-conf: false }\nlog: { queries: { file: log/queries.jsonl, chain: { sign-key: key.pem }, witness: { tsa: { url: "http://127.0.0.1/", ca-file: ca.pem } } } }\n',
  'rules/networks.yaml':
    'networks:\n  phones:\n    prefixes: [10.1.0.0/16]\n    bans: [{ id: be-clip, names: [clip.example], authority: Council, reference: Decision 7 }]\n',
  'log/queries.jsonl': '',
  'state/banned-names.json': JSON.stringify({ v: 1, since: Date.parse(SINCE) / 1000 }),
  'key.pem': privatePem,
  'openssl.cnf': OPENSSL,
  serial: '01\n',
  'verify.py': VERIFY_PY,
  'verify.sh': VERIFY_SH
})
const site = dirname(settings)
const at = (name: string): string => join(site, name)
execFileSync('chmod', ['600', at('key.pem')])
const openssl = (...words: string[]) =>
  execFileSync('openssl', words, { cwd: site, stdio: ['ignore', 'ignore', 'pipe'] })

const key = ['-nodes', '-newkey', 'rsa:2048', '-config', 'openssl.cnf']
openssl(
  'req',
  '-x509',
  ...key,
  '-keyout',
  'ca.key',
  '-out',
  'ca.pem',
  '-subj',
  '/CN=TSA CA',
  '-extensions',
  'ca'
)
openssl('req', ...key, '-keyout', 'tsa.key', '-out', 'tsa.csr', '-subj', '/CN=TSA')
openssl(
  ...['x509', '-req', '-in', 'tsa.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
  ...['-out', 'tsa.pem', '-extfile', 'openssl.cnf', '-extensions', 'signer']
)

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    writeFileSync(at('query.tsq'), Buffer.concat(chunks))
    openssl(
      ...['ts', '-reply', '-config', 'openssl.cnf', '-section', 'tsa'],
      ...['-queryfile', 'query.tsq', '-out', 'reply.tsr']
    )
    response.end(readFileSync(at('reply.tsr')))
  })
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
t.teardown(() => server.close())
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
const witness = new ChainWitness(silent)
const channels = [timeStampingChannel({ url, caFile: at('ca.pem') })]
const stateFile = at('state/witness.json')
witness.configure({ folder: at('log'), every: 10 * MINUTE, channels, stateFile })
const chain = {
  ...{ signKey: at('key.pem'), earlierKeys: [], checkpoint: 10 * MINUTE, coversLive: true }
}
for (let i = 0; i < CHECKPOINTS; i++) {
  const time = new Date(BEGAN + (10 * i + 3) * MINUTE).toISOString()
  appendFileSync(at('log/queries.jsonl'), `${JSON.stringify({ ...LINE, time })}\n`)
  const wall = new Date(BEGAN + 10 * (i + 1) * MINUTE).toISOString()
  await tendOnce(at('log/queries.jsonl'), wall, { parquet: false, chain })
  await witness.check()
}

const made = await interdict(
  ...['evidence', 'be-clip', '-c', settings, '--since', SINCE, '--until', UNTIL],
  ...['-k', at('key.pem'), '-o', at('pack')]
)
t.strictSame([made.code, made.err], [0, ''])
const run = (program: string, ...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', cwd: site })
  return { status, text: stdout + stderr }
}
const python = (pack: string) => run('/usr/bin/python3', 'verify.py', pack, publicKey)
const shell = (pack: string, ca = 'ca.pem') => run('/bin/sh', 'verify.sh', pack, publicKey, ca)

t.test('openssl stamps each checkpoint, and the verifiers find the stamps', t => {
  t.match(witness.status(), [{ line: CHECKPOINTS + 1, error: null }])
  const found = shell('pack')
  t.equal(found.status, 0, found.text)
  t.match(
    found.text,
    `${CHECKPOINTS} time stamps of the authority, the last of line ${CHECKPOINTS + 1} at `
  )
  const counted = python('pack')
  t.equal(counted.status, 0, counted.text)
  t.match(
    counted.text,
    `${CHECKPOINTS} receipts of witnesses (verify.sh finds whether time stamps are signed): until `
  )
  t.match(run('/bin/sh', 'verify.sh', 'pack', publicKey).text, /6 time stamps not verified/)
  t.match(readFileSync(at('pack/evidence.html'), 'utf8'), /after a witness confirmed them/)
  t.end()
})

t.test(
  'verify-log takes the stamps of openssl, and finds a stamp that its chain lacks',
  async t => {
    const words = ['verify-log', '-c', settings, '--witness', at('reply.tsr')]
    const found = await interdict(...words)
    t.match(
      found,
      { code: 0, out: /lookups of 1 period could have been rewritten: see Witness/ },
      found.out
    )
    t.match(found.out, /7 receipts/)
  }
)

/** A pack with other files, signed with the key of the gateway, as root on the gateway could do. */
function forged(name: string, change: (files: Map<string, string | Uint8Array>) => void): string {
  const files = new Map<string, string | Uint8Array>()
  const manifest = readFileSync(at('pack/SHA256SUMS'), 'utf8').trim().split('\n')
  for (const path of manifest.map(line => line.slice(66)))
    files.set(path, readFileSync(at(`pack/${path}`)))
  change(files)
  cpSync(at('pack'), at(name), { recursive: true })
  rmSync(at(`${name}/log/witness.jsonl`))
  for (const [path, content] of signPack(files, parsePrivateKey(Buffer.from(privatePem))))
    writeFileSync(join(at(name), path), content)
  return name
}

/** Rewrites the chain, with a checkpoint of other lines. */
function forgeChain(files: Map<string, string | Uint8Array>): string[] {
  let head = { n: 0, sha256: INITIAL_HASH }
  const lines = Buffer.from(files.get('log/chain.jsonl')!).toString().trim().split('\n')
  const all = lines.map(text => {
    const { time, open, ...rest } = JSON.parse(text) as Readonly<Record<string, unknown>>
    const body = Object.fromEntries(
      Object.entries(rest).filter(([name]) => !['v', 'n', 'prev', 'signature'].includes(name))
    )
    const entry = open === undefined ? body : { ...body, open: { from: 0, to: 9, sha256: ZEROS } }
    const line = encodeEntry(
      entry as unknown as EntryBody,
      Date.parse(String(time)),
      head,
      parsePrivateKey(Buffer.from(privatePem))
    )
    head = { n: head.n + 1, sha256: hashLine(line) }
    return line
  })
  files.set('log/chain.jsonl', `${all.join('\n')}\n`)
  return all
}

const receiptsOf = (files: Map<string, string | Uint8Array>) =>
  parseReceipts(Buffer.from(files.get('log/witness.jsonl')!).toString())
const setReceipts = (files: Map<string, string | Uint8Array>, receipts: readonly object[]): void =>
  void files.set('log/witness.jsonl', receipts.map(one => `${JSON.stringify(one)}\n`).join(''))

t.test('a pack with a forged chain and the true stamps is found', t => {
  const pack = forged('forged', files => void forgeChain(files))
  for (const { status, text } of [shell(pack), python(pack)]) {
    t.equal(status, 1)
    t.match(text, /ALTERED: .*the log was rewritten/)
  }
  t.end()
})

t.test('and so are receipts that name the forged lines, and stamps of another authority', t => {
  const fitted = forged('fitted', files => {
    const lines = forgeChain(files)
    const receipts = receiptsOf(files)
    setReceipts(
      files,
      receipts.map(one => ({ ...one, sha256: hashLine(lines[one.n - 1]!) }))
    )
  })
  t.match(shell(fitted), { status: 1, text: /of another line, or not of this authority/ })
  t.match(python(fitted), { status: 1, text: /the log was rewritten/ })
  const own = makeAuthority()
  const stamped = forged('stamped', files => {
    const lines = forgeChain(files)
    const receipts = receiptsOf(files).map(one => {
      const sha256 = hashLine(lines[one.n - 1]!)
      return { ...one, sha256, response: makeTimeStamp(own, sha256).toString('base64') }
    })
    setReceipts(files, receipts)
  })
  t.match(shell(stamped), { status: 1, text: /or not of this authority/ })
  writeFileSync(at('own.pem'), own.ca)
  t.equal(shell(stamped, 'own.pem').status, 0, 'openssl takes stamps made by these tests')
  t.end()
})

t.test('receipts of a hub are verified with its key', t => {
  const own = generateKeys()
  const sealed = (by: string): string =>
    forged(by, files => {
      const receipts = receiptsOf(files).map(({ n, sha256, time }) => {
        const octets = countersignedOctets('gw', { n, sha256 }, time)
        const signature = sign(null, octets, parsePrivateKey(Buffer.from(own.privatePem)))
        const hub = { gateway: 'gw', at: time, signature: signature.toString('base64') }
        return { v: 1, n, sha256, time, to: 'hub', by: 'hub', ...hub }
      })
      setReceipts(files, receipts)
    })
  const pack = sealed('hub')
  const verify = (...hub: string[]) => run('/usr/bin/python3', 'verify.py', pack, publicKey, ...hub)
  t.match(verify(own.publicKey), { status: 0, text: /6 receipts of witnesses/ })
  t.match(verify(), { status: 0, text: /no time stamps: .*6 receipts are not verified/ })
  t.match(verify(publicKey), { status: 1, text: /not signed by the hub/ })
  t.end()
})

t.test('a receipt in another form is refused by both', t => {
  const reversed = (receipt: object): string =>
    JSON.stringify(Object.fromEntries(Object.entries(receipt).reverse()))
  const forms: readonly ((receipt: object) => string)[] = [
    receipt => `${reversed(receipt)}\n`,
    receipt => `${JSON.stringify(receipt).replace(',', ', ')}\n`,
    receipt => `${JSON.stringify({ ...receipt, more: 1 })}\n`,
    receipt => JSON.stringify(receipt)
  ]
  for (const [i, form] of forms.entries()) {
    const pack = forged(`form-${i}`, files => {
      const last = receiptsOf(files).at(-1)!
      const stored = Buffer.from(files.get('log/witness.jsonl')!).toString()
      files.set('log/witness.jsonl', stored + form(last))
    })
    for (const { status, text } of [shell(pack), python(pack)]) {
      t.equal(status, 1, text)
      t.match(text, /ALTERED: log\/witness\.jsonl (has a line|ends within a line)/)
    }
  }
  t.end()
})

t.test('without its stamps, a pack says that its log could have been rewritten', t => {
  const pack = forged('bare', files => {
    forgeChain(files)
    files.delete('log/witness.jsonl')
  })
  for (const { status, text } of [shell(pack), python(pack)]) {
    t.equal(status, 0)
    t.match(
      text,
      /no time stamps: whoever has the keys of the gateway could have rewritten the log/
    )
  }
  t.end()
})
