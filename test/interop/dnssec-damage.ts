/** The share of records that are damaged. */
const SHARE = 0.15

/** What goes wrong with one record: what is to be in its place, if anything. */
type Change = (line: string, random: () => number) => string | undefined

const RRSIG =
  /^(\S+\s+\d+\s+IN\s+RRSIG\s+)(\S+) (\d+) (\d+) (\d+) (\d{14}) (\d{14}) (\d+) (\S+) (.*)$/

/** Changes one of the words after RRSIG. */
const signatureField =
  (nth: number, change: (word: string) => string): Change =>
  line => {
    const [, head, ...words] = RRSIG.exec(line)! as unknown as [string, string, ...string[]]
    return head + words.map((word, i) => (i === nth ? change(word) : word)).join(' ')
  }

const plus =
  (by: number, modulo: number) =>
  (word: string): string =>
    String((Number(word) + by + modulo) % modulo)

/** One base 64 digit in the middle. */
function otherDigit(text: string, random: () => number): string {
  const at = Math.floor(text.length / 4 + (random() * text.length) / 2)
  const digit = text[at] === 'A' ? 'B' : 'A'
  return text[at] === ' '
    ? otherDigit(text, random)
    : text.slice(0, at) + digit + text.slice(at + 1)
}

const SIGNATURE_CHANGES: readonly Change[] = [
  () => undefined,
  (line, random) => signatureField(8, text => otherDigit(text, random))(line, random),
  signatureField(1, algorithm => (algorithm === '8' ? '13' : '8')),
  signatureField(1, () => '200'),
  signatureField(2, labels => String(Math.max(0, Number(labels) - 1))),
  signatureField(2, labels => String(Number(labels) + 1)),
  signatureField(3, plus(60, 0x7fffffff)),
  signatureField(4, () => '20200102000000'),
  signatureField(5, () => '20490102000000'),
  signatureField(6, plus(1, 0x10000)),
  signatureField(7, () => 'zones.'),
  signatureField(7, zone => `other.${zone}`)
]

const RECORD_CHANGES: Readonly<Record<string, readonly Change[]>> = {
  A: [line => line.replace('192.0.2.', '198.51.100.')],
  TXT: [line => line.replace(/"$/, 'x"')],
  CNAME: [line => line.replace(/(\S+)$/, 'not$1')],
  NSEC: [
    line => line.replace(/ RRSIG NSEC$/, ' TYPE999 RRSIG NSEC'),
    line => line.replace(/NSEC\s+(\S+)/, 'NSEC\tzz.$1')
  ]
}

/**
 * Damages some records of a signed zone with one record on each line, never those of its apex: those make the whole zone
 * bogus, which other shapes do.
 */
export function damage(text: string, random: () => number): string {
  const apex = /^(\S+)\s+\d+\s+IN\s+SOA/m.exec(text)![1]!
  const lines = text.split('\n').map(line => {
    const [owner, , , type] = line.split(/\s+/)
    const changes = type === 'RRSIG' ? SIGNATURE_CHANGES : RECORD_CHANGES[type!]
    if (owner === apex || changes === undefined || random() > SHARE) return line
    return changes[Math.floor(random() * changes.length)]!(line, random)
  })
  return lines.filter(line => line !== undefined).join('\n')
}
