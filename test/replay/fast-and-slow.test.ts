import t, { type Test } from 'tap'
import { QUERY_FIELDS } from '../../src/lookups/event/schema.js'
import { INPUT_BITS, bitOf, REASON_BITS } from '../../src/analysis/replay/formats/field-bits.js'
import { IS_FUZZING } from '../runs.js'
import { logOf, ownLine, replayed, type Replayed } from './kit.js'

/**
 * Our own log is read by two readers, the faster of which leaves to the other what it does not know:
 * they have to say the same of every line. One that begins with a space is the same line as JSON, and
 * is not what our writer writes.
 */
async function differ(t: Test, lines: readonly string[]): Promise<[unknown, unknown]> {
  // Some that are known, so that nothing is refused as a whole.
  const text = [ownLine(), ...lines, ownLine()].join('')
  const fast = await replayed(t, logOf(t, text), { format: 'interdict' })
  const slow = await replayed(t, logOf(t, text.replace(/^(?=[^\r\n])/gm, ' ')), {
    format: 'interdict'
  })
  return [seen(fast), seen(slow)]
}

function seen({ read, comparison, changes }: Replayed): unknown {
  const { lookups, lines, unreadable, firstUnreadable: firstUnreadable } = read
  const kinds = ['blocked', 'allowed', 'refused', 'served'] as const
  const counted = kinds.map(kind => [
    comparison.tallies[kind].names,
    comparison.clientsOf(kind),
    comparison.networksOf(kind)
  ])
  return {
    lookups,
    lines,
    unreadable,
    firstUnreadable,
    counts: comparison.counts,
    changes,
    counted
  }
}

const CLIP = { qname: 'clip.example' }
const BLOCKED = { verdict: 'blocked', match: 'qname', ban: 'phones/old' }
const tail = (text: string): string => ownLine(CLIP).replace('"us":9}', text)

/** Other values of fields by which a lookup is judged. */
const AGAIN: Readonly<Record<string, string | number>> = {
  ...{ v: 2, time: '2023-01-01T00:00:00.000Z', client: '10.20.9.9', network: 'gone' },
  addressNetwork: 'gone',
  ...{ protocol: 'tcp', qname: 'other.example', qtype: 'AAAA', verdict: 'refused' },
  ...{ match: 'cname', app: 'other', list: 'ads', ban: 'phones/new', exception: 'phones/press' },
  ...{ allow: 'phones/allow', block: 'phones/block' }
}

const AWKWARD: readonly (readonly [string, readonly string[]])[] = [
  ['escapes in a name', [ownLine({ qname: 'a\\.b.clip.example' }), ownLine({ qname: 'a\\\\b' })]],
  ['octets as \\DDD', [ownLine({ qname: 'a\\007\\255.clip.example' }), ownLine({ qname: '\\1' })]],
  ['upper case', [ownLine({ qname: 'Clip.EXAMPLE' }), ownLine({ qname: 'CLIP.example' })]],
  ['a final dot, or nothing but one', ['clip.example.', '.', '', '..', 'a..b'].map(nameLine)],
  ['a name in Unicode', ['bücher.clip.example', '\u00fc\u0308.clip.example'].map(nameLine)],
  ['octets that are no UTF-8, and controls', ['\u0000', '\u001b[1m', '\u007f'].map(nameLine)],
  ['a name too long', [nameLine('a'.repeat(64)), nameLine('a.'.repeat(200))]],
  ['fields in another order', [reversed(ownLine(CLIP)), swapped('"qname"', '"qtype"')]],
  ['unknown fields', [tail('"us":9,"new":"x"}'), tail('"us":9,"new":{"verdict":"refused"}}')]],
  [
    'a device, also in another place or of another type',
    [
      ownLine(CLIP).replace(',"network"', ',"device":"phones/17","network"'),
      ownLine(CLIP).replace('"client"', '"device":"phones/17","client"'),
      ownLine(CLIP).replace(',"network"', ',"device":17,"network"'),
      ownLine(CLIP).replace(',"protocol"', ',"addressNetwork":"guests","protocol"'),
      ownLine(CLIP).replace(',"network"', ',"addressNetwork":"guests","network"')
    ]
  ],
  ['unknown fields before', [ownLine(CLIP).replace('"client"', '"new":1,"client"')]],
  [
    'a verdict that nobody knows',
    ['bogus', 'rejected', '', 'blockedx', 'BLOCKED'].map(verdictLine)
  ],
  ['blocked for where it leads', [ownLine({ ...CLIP, ...BLOCKED, match: 'cname' })]],
  ['blocked, and not by what', [ownLine({ ...CLIP, ...BLOCKED, match: undefined })]],
  [
    'blocked, in another order',
    [ownLine({ ...CLIP, verdict: 'blocked', ban: 'phones/old', match: 'qname' })]
  ],
  ['blocked by nobody any more', [ownLine(BLOCKED), ownLine({ ...BLOCKED, ban: 'phones/older' })]],
  ['an older schema', [ownLine({ sha256: undefined }), ownLine(CLIP).replace('"v":1', '"v":0')]],
  [
    'a newer schema',
    [ownLine(CLIP).replace('"v":1', '"v":2'), ownLine().replace('"v":1', '"v":11')]
  ],
  ['rules of a bundle', [withSerial('5'), withSerial('6'), withSerial('05'), withSerial('x')]],
  [
    'times that are none',
    ['2023-13-01T09:26:53.589Z', '2023-05-01T24:00:01.000Z', '2023-05-01T09:26:60.000Z'].map(
      timeLine
    )
  ],
  [
    'times of another form',
    ['2023-05-01 09:26:53.589Z', '2023-05-01T09:26:53Z', '2023-05-01T09:26:5x.589Z'].map(timeLine)
  ],
  ['times before and after a ban begins, by turns', [before(), ownLine(CLIP), before()]],
  ['a client that is none', ['', '10.20.3.4.5', 'p"q', 'none', '::ffff:10.20.3.4'].map(clientLine)],
  [
    'privacy of every mode',
    ['full', 'prefix', 'pseudonym', 'none'].flatMap(mode => [
      withPrivacy('10.20.3.0/24', mode, 'phones'),
      withPrivacy('10.20.3.0/24', mode, undefined)
    ])
  ],
  [
    'no client at all',
    [withPrivacy(undefined, 'none', 'phones'), withPrivacy(undefined, 'none', undefined)]
  ],
  ['a network that is gone', [ownLine({ ...CLIP, client: 'x', network: 'gone' })]],
  ['a refused one with a network', [ownLine({ verdict: 'refused' })]],
  ['a refused one without', [ownLine({ verdict: 'refused', network: undefined })]],
  ['no rcode', [ownLine({ ...CLIP, rcode: undefined })]],
  ['torn lines', torn(ownLine({ ...CLIP, ...BLOCKED }))],
  ['torn lines with another behind', torn(ownLine(CLIP)).map(half => half.trimEnd() + ownLine())],
  [
    'lines of NUL, as a crash leaves them',
    ['\0'.repeat(80) + '\n', holed(60), holed(150), holed(200)]
  ],
  [
    'a line that ends twice',
    [ownLine(CLIP).replace('\n', '}\n'), ownLine(CLIP).replace('\n', '\r\n')]
  ],
  [
    'numbers that are none',
    [tail('"us":09}'), tail('"us":}'), tail('"us":9e1}'), tail('"us":-1}')]
  ],
  ['a field twice', [tail('"us":9,"us":8}')]],
  ['a field twice that decides, near the end', Object.keys(AGAIN).map(name => again(name))],
  [
    'such a one behind the rule',
    [ruledLine(), ...Object.keys(AGAIN).map(name => again(name, ruledLine()))]
  ]
]

function ruledLine(): string {
  return ownLine({ ...CLIP, ...BLOCKED, rule: 'networks.yaml:9', pattern: 'clip.example' })
}
function again(name: string, line = ownLine({ ...CLIP, ...BLOCKED })): string {
  return line.replace('"us":9', `"us":9,"${name}":${JSON.stringify(AGAIN[name])}`)
}
function nameLine(qname: string): string {
  return ownLine({ qname })
}
function verdictLine(verdict: string): string {
  return ownLine({ ...CLIP, verdict })
}
function timeLine(time: string): string {
  return ownLine({ ...CLIP, time })
}
function clientLine(client: string): string {
  return ownLine({ ...CLIP, client })
}
function before(): string {
  return ownLine({ ...CLIP, time: '2023-03-09T23:59:59.999Z' })
}
function withSerial(serial: string): string {
  return ownLine(CLIP).replace(',"client"', `,"serial":${serial},"client"`)
}
function withPrivacy(
  client: string | undefined,
  mode: string,
  network: string | undefined
): string {
  const line = ownLine({ ...CLIP, client, network })
  return line.replace(/(,"network"|,"protocol")/, `,"privacy":"${mode}"$1`)
}
function reversed(line: string): string {
  return `${JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line) as object).reverse()))}\n`
}
function swapped(one: string, other: string): string {
  return ownLine(CLIP).replace(one, '"x"').replace(other, one).replace('"x"', other)
}
function torn(line: string): string[] {
  return Array.from({ length: line.length - 1 }, (_, i) => `${line.slice(0, i)}\n`)
}
function holed(at: number): string {
  const line = ownLine(CLIP)
  return `${line.slice(0, at)}\0\0\0\0${line.slice(at + 4)}`
}

for (const [what, lines] of AWKWARD) {
  t.test(`both readers say the same of ${what}`, async t => {
    const [fast, slow] = await differ(t, lines)
    t.strictSame(fast, slow)
  })
}

/** The same numbers in each run. */
function dice(): (below: number) => number {
  let seed = 1
  return below => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
}

/** Of 200 lines, always the same; more by `npm run fuzz`. */
const ROUNDS = IS_FUZZING ? 200 : 10

t.test('both readers say the same of lines with octets that were changed', async t => {
  const random = dice()
  const words = '"{}:,\\.0aZ\u0001ü'
  for (let round = 0; round < ROUNDS; round++) {
    const lines = Array.from({ length: 200 }, () => {
      const line = random(2) === 0 ? ownLine({ ...CLIP, ...BLOCKED }) : ownLine(CLIP)
      const at = random(line.length - 1)
      const kept = random(3)
      return line.slice(0, at) + words[random(words.length)]! + line.slice(at + kept)
    })
    const [fast, slow] = await differ(t, lines)
    t.strictSame(fast, slow)
  }
})

t.test('both readers say the same of lines with a field more, wherever it is', async t => {
  const random = dice()
  const names = [...Object.keys(QUERY_FIELDS), 'new', '']
  const values = [...Object.values(AGAIN), 'x', 7]
  for (let round = 0; round < ROUNDS; round++) {
    const lines = Array.from({ length: 200 }, () => {
      const line = [ownLine(CLIP), ownLine({ ...CLIP, ...BLOCKED }), ruledLine()][random(3)]!
      const ends = [...line.matchAll(/,(?=")|\}/g)].map(({ index }) => index)
      const at = ends[random(ends.length)]!
      const name = names[random(names.length)]!
      const value = AGAIN[name] ?? values[random(values.length)]!
      return `${line.slice(0, at)},"${name}":${JSON.stringify(value)}${line.slice(at)}`
    })
    const [fast, slow] = await differ(t, lines)
    t.strictSame(fast, slow)
  }
})

/** The last ones, of validation: a line with them is parsed as JSON, or left out. */
const VALIDATION_FIELDS = 5

t.test('no field of a line as our own log has it stands for another', async t => {
  const names = Object.keys(QUERY_FIELDS).slice(0, -VALIDATION_FIELDS)
  const bit = (name: string): number => bitOf(name.charCodeAt(0), name.charCodeAt(name.length - 1))
  let seen = INPUT_BITS
  for (const name of names.slice(names.indexOf('verdict') + 1)) {
    t.equal(seen & bit(name), 0, name)
    seen |= name === 'rule' ? REASON_BITS : bit(name)
  }
})
