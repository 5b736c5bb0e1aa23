/**
 * A stand-in for `dig`, so that the guides run on machines without it: only the options that guides use, and the
 * parts of the output that they show. It prints what dig 9.20 prints.
 */
import packet from 'dns-packet'
import { askServer } from './ask-server.js'

/** RFC 8914. */
const OPTION_EDE = 15
/** Columns of TTL, class, type and data, with tab stops every eight characters. */
const COLUMNS = [24, 32, 40, 48]

interface Query {
  readonly server: string
  readonly port: number
  readonly name: string
  readonly type: string
  readonly flags: ReadonlySet<string>
}

function parse(words: readonly string[]): Query {
  const query = { server: '', port: 53, name: '', type: 'A', flags: new Set<string>() }
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (word.startsWith('@')) query.server = word.slice(1)
    else if (word.startsWith('+')) query.flags.add(word.slice(1))
    else if (word === '-p') query.port = Number(words[++i])
    else if (word === '-x') Object.assign(query, { name: reverse(words[++i]!), type: 'PTR' })
    else if (query.name === '') query.name = word
    else query.type = word
  }
  const unknown = [...query.flags].filter(flag => !FLAGS.includes(flag))
  if (query.server === '' || unknown.length > 0) {
    throw new Error(`this dig knows @server and ${FLAGS.join(', ')} only, not ${words.join(' ')}`)
  }
  return query
}

const FLAGS = ['short', 'noall', 'answer', 'authority', 'comments', 'tcp', 'tls']

/** The name of an IPv4 address in `in-addr.arpa`. */
const reverse = (address: string): string =>
  `${address.split('.').reverse().join('.')}.in-addr.arpa`

function lineOf(record: packet.Answer): string {
  const { name, ttl, type } = record as { name: string; ttl: number; type: string }
  const fields = [`${name}.`, String(ttl), 'IN', type]
  let line = ''
  let column = 0
  for (const [i, field] of fields.entries()) {
    line += field
    column += field.length
    const to = COLUMNS[i]!
    if (column >= to) {
      line += ' '
      column++
      continue
    }
    while (column < to) {
      line += '\t'
      column = (Math.floor(column / 8) + 1) * 8
    }
  }
  return line + dataOf(record)
}

function dataOf(record: packet.Answer): string {
  const { type, data } = record as { type: string; data: unknown }
  if (type === 'SOA') {
    const soa = data as packet.SoaData
    return [
      `${soa.mname}.`,
      `${soa.rname}.`,
      soa.serial,
      soa.refresh,
      soa.retry,
      soa.expire,
      soa.minimum
    ].join(' ')
  }
  if (type === 'MX') {
    const { preference, exchange } = data as packet.MxData
    return `${preference} ${exchange}.`
  }
  if (type === 'TXT') return (data as Buffer[]).map(text => `"${text.toString()}"`).join(' ')
  if (Buffer.isBuffer(data)) return `\\# ${data.length} ${data.toString('hex').toUpperCase()}`
  return ['CNAME', 'PTR', 'NS'].includes(type) ? `${String(data)}.` : String(data)
}

function headerOf(reply: packet.DecodedPacket, octets: Buffer): string[] {
  const status = packet.decode(octets) as unknown as { rcode: string }
  const counts = ['QUERY', 'ANSWER', 'AUTHORITY', 'ADDITIONAL'].map(
    (name, i) => `${name}: ${octets.readUInt16BE(4 + 2 * i)}`
  )
  const names = { qr: 'flag_qr', aa: 'flag_aa', rd: 'flag_rd', ra: 'flag_ra' } as const
  const flags = Object.entries(names).filter(([, key]) => reply[key])
  const opt = reply.additionals?.find(record => record.type === 'OPT')
  const options = (opt as { options?: { code: number; data: Buffer }[] } | undefined)?.options ?? []
  const ede = options.filter(({ code }) => code === OPTION_EDE).map(({ data }) => edeOf(data))
  return [
    `;; ->>HEADER<<- opcode: QUERY, status: ${status.rcode}, id: ${reply.id ?? 0}`,
    `;; flags: ${flags.map(([name]) => name).join(' ')}; ${counts.join(', ')}`,
    ...ede
  ]
}

/** Names of RFC 8914 as dig prints them. */
const EDE_NAMES: Readonly<Record<number, string>> = {
  15: 'Blocked',
  16: 'Censored',
  17: 'Filtered',
  18: 'Prohibited'
}

function edeOf(data: Buffer): string {
  const code = data.readUInt16BE(0)
  const text = data.subarray(2).toString()
  return `; EDE: ${code} (${EDE_NAMES[code] ?? ''})${text === '' ? '' : `: (${text})`}`
}

const query = parse(process.argv.slice(2))
const octets = await askServer(query)
const reply = packet.decode(octets)
const has = (flag: string): boolean => query.flags.has(flag)
const all = !has('noall') && !has('short')
const lines: string[] = []
if (has('short')) lines.push(...reply.answers!.map(dataOf))
if (all || has('comments')) lines.push(...headerOf(reply, octets))
if (all || has('answer')) lines.push(...reply.answers!.map(lineOf))
if (all || has('authority')) lines.push(...reply.authorities!.map(lineOf))
process.stdout.write(lines.map(line => `${line}\n`).join(''))
