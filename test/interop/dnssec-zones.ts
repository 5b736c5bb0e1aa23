import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** How a zone is signed, by BIND's or NLnet Labs' tool. */
export interface Shape {
  readonly name: string
  readonly algorithm?: string
  /** Options of `dnssec-signzone`; undefined: not signed. */
  readonly sign?: readonly string[]
  /** Options of `ldns-signzone` instead. */
  readonly ldns?: readonly string[]
  /** DS in the parent zone: its own, none, or that of another zone's key. */
  readonly ds?: 'none' | 'foreign'
  /** Another verdict than that of the others: SHA-1 is not supported here (RFC 9905). */
  readonly expected?: 'insecure'
  /** Changes the signed zone. */
  readonly change?: (text: string) => string
}

/** As in zones that exist: algorithms, ways of denial, and what goes wrong. */
export const SHAPES: readonly Shape[] = [
  ...['RSASHA256', 'RSASHA512', 'ECDSAP256SHA256', 'ECDSAP384SHA384', 'ED25519', 'ED448'].map(
    (algorithm): Shape => ({ name: algorithm.toLowerCase(), algorithm, sign: [] })
  ),
  { name: 'rsasha1', algorithm: 'RSASHA1', ldns: [], expected: 'insecure' },
  { name: 'nsec3', sign: ['-3', '-'] },
  { name: 'salted', sign: ['-3', 'abcd', '-H', '10'] },
  { name: 'optout', sign: ['-3', '-', '-A'] },
  { name: 'many', ldns: ['-n', '-t', '151', '-s', 'abcd'] },
  { name: 'unsigned' },
  { name: 'island', sign: [], ds: 'none' },
  { name: 'expired', sign: ['-s', 'now-864000', '-e', 'now-86400'] },
  { name: 'future', sign: ['-s', 'now+86400', '-e', 'now+864000'] },
  { name: 'wrongkey', sign: [], ds: 'foreign' },
  { name: 'altered', sign: [], change: text => text.replaceAll('192.0.2.20', '192.0.2.66') },
  {
    name: 'altered3',
    sign: ['-3', '-'],
    change: text => text.replaceAll('192.0.2.20', '192.0.2.66')
  },
  { name: 'nokey', sign: [], change: withoutRecords('DNSKEY') },
  { name: 'nosigs', sign: [], change: withoutRecords('RRSIG') },
  { name: 'nonsec', sign: [], change: withoutRecords('NSEC') }
]

/** Names in each zone, relative to it, and types. */
export const QUESTIONS = [
  ...['www A', 'www AAAA', 'none A', 'a.none A', 'ent A', 'a.ent A', 'x.wild A', 'x.y.wild A'],
  ...['x.wild TXT', 'b.wild A', 'alias A', 'far A', 'gone A', 'www.moved A', 'none.moved A'],
  ...['www.plain A', 'none.plain A', 'plain DS', 'none DS', '@ SOA', '@ DS', '@ DNSKEY', 'mx MX']
] as const

/** A top-level domain that Unbound does not answer by itself, as it does `test`. */
export const PARENT = 'zones'

const recordsOf = (zone: string): string => `
www IN A 192.0.2.20
a.ent IN A 192.0.2.21
*.wild IN A 192.0.2.22
b.wild IN TXT "below the wildcard"
alias IN CNAME www
far IN CNAME www.ecdsap256sha256.${PARENT}.
gone IN CNAME none.nsec3.${PARENT}.
moved IN DNAME ecdsap256sha256.${PARENT}.
mx IN MX 10 Mail.${zone}.
plain IN NS ns.${PARENT}.
`

const head = (zone: string): string => `$ORIGIN ${zone === '' ? '.' : `${zone}.`}
$TTL 300
@ IN SOA ns.${PARENT}. hostmaster.${PARENT}. 1 3600 600 86400 60
@ IN NS ns.${PARENT}.
`

/** Removes all records of a type from the output of a signer, which may take several lines. */
function withoutRecords(type: string) {
  return (text: string): string =>
    text
      .replace(/\([^)]*\)/g, group => group.replace(/;.*$/gm, '').replace(/\s+/g, ' '))
      .split('\n')
      .filter(line => !new RegExp(`^\\S*\\s+(\\d+\\s+)?(IN\\s+)?${type}\\s`).test(line))
      .join('\n')
}

export interface SignedZones {
  /** File of each zone, by name; the root is ''. */
  readonly files: Readonly<Record<string, string>>
  /** The root's key, as DNSKEY record. */
  readonly anchor: string
}

/**
 * Makes and signs all zones in a folder.
 *
 * @param records of a zone, in zone file format
 */
export function makeZones(folder: string, shapes = SHAPES, records = recordsOf): SignedZones {
  const maker = new ZoneMaker(folder, records)
  for (const shape of shapes) maker.make(shape)
  return maker.finish()
}

class ZoneMaker {
  private readonly files: Record<string, string> = {}
  private readonly delegations: string[] = []

  constructor(
    private readonly folder: string,
    private readonly records: (zone: string) => string
  ) {}

  make(shape: Shape): void {
    const zone = `${shape.name}.${PARENT}`
    writeFileSync(join(this.folder, zone), head(zone) + this.records(zone))
    const plain = `plain.${zone}`
    writeFileSync(join(this.folder, plain), `${head(plain)}www IN A 192.0.2.30\n`)
    this.files[plain] = plain
    this.delegations.push(`${zone}. IN NS ns.${PARENT}.`)
    this.files[zone] = this.sign(zone, shape)
    this.changeFile(this.files[zone], shape.change)
    if (shape.ds !== 'none') this.delegate(zone, shape)
  }

  finish(): SignedZones {
    const parent = `${head(PARENT)}ns IN A 127.0.0.1\n${this.delegations.join('\n')}\n`
    writeFileSync(join(this.folder, PARENT), parent)
    this.files[PARENT] = this.sign(PARENT, { name: PARENT, sign: [] })
    const ds = readFileSync(join(this.folder, `dsset-${PARENT}.`), 'utf8')
    writeFileSync(join(this.folder, 'root'), `${head('')}${PARENT}. IN NS ns.${PARENT}.\n${ds}`)
    const key = this.keygen('.', 'ECDSAP256SHA256', true)
    this.keygen('.', 'ECDSAP256SHA256', false)
    this.run('dnssec-signzone', '-S', '-o', '.', '-f', 'root.signed', 'root')
    this.files[''] = 'root.signed'
    return { files: this.files, anchor: dnskeyOf(join(this.folder, `${key}.key`)) }
  }

  private delegate(zone: string, { ds, sign, ldns }: Shape): void {
    if (sign === undefined && ldns === undefined) return
    if (ds === 'foreign') {
      const other = this.keygen(zone, 'ECDSAP256SHA256', true)
      this.delegations.push(this.run('dnssec-dsfromkey', '-2', `${other}.key`))
      return
    }
    this.delegations.push(readFileSync(join(this.folder, `dsset-${zone}.`), 'utf8'))
  }

  /** Returns the name of the file to serve. */
  private sign(zone: string, { algorithm = 'ECDSAP256SHA256', sign, ldns }: Shape): string {
    if (ldns !== undefined) return this.signWithLdns(zone, algorithm, ldns)
    if (sign === undefined) return zone
    this.keygen(zone, algorithm, true)
    this.keygen(zone, algorithm, false)
    this.run('dnssec-signzone', '-S', '-P', ...sign, '-o', zone, '-f', `${zone}.signed`, zone)
    return `${zone}.signed`
  }

  private signWithLdns(zone: string, algorithm: string, options: readonly string[]): string {
    const key = this.run('ldns-keygen', '-a', algorithm, '-b', '2048', '-k', zone)
    this.run('ldns-signzone', ...options, '-o', zone, '-f', `${zone}.signed`, zone, key)
    appendFileSync(
      join(this.folder, `dsset-${zone}.`),
      this.run('ldns-key2ds', '-n', '-2', `${key}.key`)
    )
    return `${zone}.signed`
  }

  private keygen(zone: string, algorithm: string, isKsk: boolean): string {
    const size = algorithm.startsWith('RSA') ? ['-b', '2048'] : []
    return this.run(
      'dnssec-keygen',
      '-q',
      '-a',
      algorithm,
      ...size,
      ...(isKsk ? ['-f', 'KSK'] : []),
      zone
    )
  }

  private changeFile(file: string, change: Shape['change']): void {
    const path = join(this.folder, file)
    if (change !== undefined && existsSync(path))
      writeFileSync(path, change(readFileSync(path, 'utf8')))
  }

  private run(program: string, ...args: string[]): string {
    return execFileSync(program, args, {
      cwd: this.folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe']
    }).trim()
  }
}

function dnskeyOf(file: string): string {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find(it => /\sDNSKEY\s/.test(it))!
  return line.split(';')[0]!.trim().replaceAll(/\s+/g, ' ')
}
