import { randomBytes } from 'node:crypto'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { keyTagOf } from '../../src/wire/dnssec/dnskey.js'
import { ask } from './ask.js'
import { allowedName } from './names.js'
import { LOAD_CORE } from './place.js'
import { freePort } from './ports.js'
import { run, start, type Running } from './processes.js'

/** Packages that sign the zones and serve them. */
export const SIGNED_PACKAGES = ['bind9-utils', 'nsd'] as const

/** Keys with one tag, and signatures with that tag at each name: KeyTrap, CVE-2023-50387. */
const TRAP = { keys: 12, signatures: 40, tag: 4711 }

export const signedName = (index: number): string => `www-${index}.signed-names`
export const trapName = (index: number): string => `www-${index}.keytrap`

/** What `makeZone` signs with; the KeyTrap zone is RSA, whose keys need not be real ones. */
const [ECDSA, RSA] = ['ECDSAP256SHA256', 'RSASHA256'] as const

/** A signed root, a zone of many signed names and a KeyTrap zone, served by NSD on the core of the load. */
export class SignedZones {
  private constructor(
    readonly port: number,
    /** The root's key, as DNSKEY record. */
    readonly anchor: string,
    private readonly server: Running
  ) {}

  /** @throws Error if a tool fails */
  static async open(
    folder: string,
    count: { readonly names: number; readonly traps: number }
  ): Promise<SignedZones> {
    await mkdir(folder)
    const namesOf = (name: (index: number) => string, many: number): string =>
      Array.from({ length: many }, (_, i) => `${name(i)}. A 192.0.2.1\n`).join('')
    await makeZone(folder, 'signed-names', ECDSA, namesOf(signedName, count.names))
    await makeTrap(folder, namesOf(trapName, count.traps))
    // Servers are asked for this name until they are ready.
    const others = ['signed-names', 'keytrap'].map(zone => `${zone}. NS ns.signed-names.\n`)
    const ds = await Promise.all(
      ['signed-names', 'keytrap'].map(zone => readFile(join(folder, `dsset-${zone}.`), 'utf8'))
    )
    const ready = `${allowedName(0)}. A 192.0.2.1\n`
    const key = await makeZone(folder, '.', ECDSA, [...others, ...ds, ready].join(''))
    const port = await freePort()
    return new SignedZones(port, key, await serve(folder, port))
  }

  close(): Promise<void> {
    return this.server.stop()
  }
}

const fileOf = (zone: string): string => (zone === '.' ? 'root' : zone)

/** Makes and signs a zone. Returns its key-signing key, as DNSKEY record. */
async function makeZone(
  folder: string,
  zone: string,
  algorithm: string,
  records: string
): Promise<string> {
  const file = fileOf(zone)
  const head = `$TTL 86400\n@ SOA ns.signed-names. hostmaster.signed-names. 1 3600 600 86400 60\n@ NS ns.signed-names.\n`
  const origin = zone === '.' ? '.' : `${zone}.`
  await writeFile(join(folder, file), `$ORIGIN ${origin}\n${head}${records}`)
  const size = algorithm === RSA ? ['-b', '2048'] : []
  const keygen = ['dnssec-keygen', '-q', '-a', algorithm, ...size]
  const key = await tool(folder, [...keygen, '-f', 'KSK', zone])
  await tool(folder, [...keygen, zone])
  const sign = ['dnssec-signzone', '-S', '-P', '-O', 'full', '-o', zone, '-f', `${file}.signed`]
  await tool(folder, [...sign, file])
  const lines = (await readFile(join(folder, `${key}.key`), 'latin1')).split('\n')
  return lines.find(line => /\sDNSKEY\s/.test(line))!
}

/** A zone with a good chain of trust, in which every answer has many signatures by many keys, all wrong. */
async function makeTrap(folder: string, records: string): Promise<void> {
  const keys = Array.from({ length: TRAP.keys }, () => trapKey().toString('base64'))
  const dnskeys = keys.map(key => `@ DNSKEY 256 3 8 ${key}\n`).join('')
  await makeZone(folder, 'keytrap', RSA, dnskeys + records)
  const path = join(folder, 'keytrap.signed')
  const signed = await readFile(path, 'latin1')
  await writeFile(path, signed.replace(/^(\S+\t.*RRSIG\tA) .*$/gm, trapSignatures))
}

/** An RSA key whose tag, the sum of its 16-bit words, is that of the others. */
function trapKey(): Buffer {
  const key = Buffer.concat([Buffer.of(3, 1, 0, 1), randomBytes(256)])
  key[4]! |= 0x80
  key[key.length - 1]! |= 1
  const rdata = Buffer.concat([Buffer.of(1, 0, 3, 8), key])
  for (let word = 0; word < 0x10000 && keyTagOf(rdata) !== TRAP.tag; word++)
    rdata.writeUInt16BE(word, 100)
  return rdata.subarray(4)
}

function trapSignatures(line: string, before: string): string {
  const [type, numbers] = [before, line.slice(before.length + 1).split(' ')]
  numbers[5] = String(TRAP.tag)
  const fields = numbers.slice(0, 7).join(' ')
  const one = (): string => `${type} ${fields} ${randomBytes(256).toString('base64')}`
  return Array.from({ length: TRAP.signatures }, one).join('\n')
}

async function serve(folder: string, port: number): Promise<Running> {
  const zones = ['.', 'signed-names', 'keytrap'].map(
    zone => `zone:\n  name: "${zone}"\n  zonefile: "${fileOf(zone)}.signed"\n`
  )
  const server = `server:
  ip-address: 127.0.0.1@${port}
  zonesdir: "${folder}"
  pidfile: ""
  username: ""
  chroot: ""
  zonelistfile: "${join(folder, 'zones.list')}"
  xfrdfile: ""
  server-count: 1
  minimal-responses: yes
  ipv4-edns-size: 4096
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
`
  const config = join(folder, 'nsd.conf')
  await writeFile(config, server)
  await appendFile(config, zones.join(''))
  const output = join(folder, 'nsd.out')
  const running = start(['nsd', '-d', '-c', config], { core: LOAD_CORE, folder, output })
  for (let i = 0; i < 500 && running.alive(); i++) {
    if ((await ask(port, allowedName(0), { timeout: 100 })) !== undefined) return running
    await sleep(20)
  }
  await running.stop()
  throw new Error(`NSD does not answer: ${running.tail()}`)
}

async function tool(folder: string, command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, { folder, limit: 300_000 })
  if (code !== 0) throw new Error(`${command[0]} failed: ${stderr}`)
  return stdout.trim()
}
