import t from 'tap'
import { app, brief, load, loadGood, type Files } from './folder.js'

const APPROVED = 'purpose: press, approved-by: b, from: 2023-01-01, until: 2023-07-01'

/** Networks that extend one with the exception in its line 6, column 9. */
const rulesWith = (exception: string, ...more: string[]): Files => ({
  ...app('x'),
  ...app('one', 'names: [=only.example]'),
  'networks.yaml': [
    'networks:',
    '  base:',
    '    bans:',
    '      - { apps: [x, one], authority: a, reference: b }',
    '    exceptions:',
    `      - { ${exception} }`,
    '  n: { extends: base, prefixes: [10.0.0.0/8, 2001:db8::/32] }',
    '  inner: { prefixes: [10.128.0.0/9] }',
    ...more
  ].join('\n')
})

/** Prefixes that cover 10.0.0.0/9 but its last address. */
function allButOne(length: number): string {
  const lengths = Array.from({ length: 32 - length }, (_, i) => length + 1 + i)
  let start = 10 * 2 ** 24
  const found = lengths.map(bits => {
    const octets = [24, 16, 8, 0].map(shift => Math.floor(start / 2 ** shift) % 256)
    start += 2 ** (32 - bits)
    return `${octets.join('.')}/${bits}`
  })
  return found.join(', ')
}

const blanket = [
  { it: 'an app for a whole network', exception: `apps: [x], ${APPROVED}`, at: '6:9' },
  { it: 'a subtree for a whole network', exception: `names: [x.example], ${APPROVED}`, at: '6:9' },
  {
    it: 'all below a name for a whole network',
    exception: `names: ["*.x.example"], ${APPROVED}`,
    at: '6:9'
  },
  {
    it: 'addresses for a whole network',
    exception: `addresses: [192.0.2.0/24], ${APPROVED}`,
    at: '6:9'
  },
  {
    it: 'an app for prefixes that together cover a network',
    exception: `apps: [x], prefixes: [10.0.0.0/9, 10.128.0.0/9, 2001:db8::/32], ${APPROVED}`,
    at: '6:32'
  },
  {
    it: 'an app for all of a network that is not in another',
    exception: `apps: [x], prefixes: [10.0.0.0/9, 2001:db8:1::/48], ${APPROVED}`,
    at: '6:32'
  },
  {
    it: 'an app for all IPv6 addresses of a network',
    exception: `apps: [x], prefixes: [2001:db8::/33, "2001:db8:8000::/33"], ${APPROVED}`,
    at: '6:32'
  },
  {
    it: 'an app for all of a network but one address',
    exception: `apps: [x], prefixes: [${allButOne(9)}], ${APPROVED}`,
    at: '6:32'
  },
  {
    it: 'the only name of an app for all of a network but one address',
    exception: `names: [=only.example], prefixes: [${allButOne(9)}], ${APPROVED}`,
    at: '6:18'
  },
  {
    it: 'a single name for a network, and an app with it',
    exception: `apps: [x], names: [=cdn.example], ${APPROVED}`,
    at: '6:9'
  },
  {
    it: 'the only name of an app for a whole network',
    exception: `names: [=only.example], ${APPROVED}`,
    at: '6:18'
  },
  {
    it: 'all addresses',
    exception: `addresses: [0.0.0.0/0], prefixes: [10.0.0.0/28], ${APPROVED}`,
    at: '6:23'
  },
  {
    it: 'half of all IPv6 addresses',
    exception: `addresses: ["8000::/1"], prefixes: [10.0.0.0/28], ${APPROVED}`,
    at: '6:23'
  }
] as const

for (const { it, exception, at } of blanket) {
  t.test(`rejects an exception for ${it}`, async t => {
    const result = await load(t, rulesWith(exception))
    const errors = result.ok ? [] : brief(result.errors)
    t.strictSame(errors, [`RULES_BLANKET networks.yaml:${at}`])
  })
}

const fine = [
  { it: 'an app for a part of a network', exception: `apps: [x], prefixes: [10.0.0.0/10]` },
  {
    it: 'an app for half of each kind of addresses',
    exception: 'apps: [x], prefixes: [10.0.0.0/10, 2001:db8::/33]'
  },
  { it: 'single names for a whole network', exception: 'names: [=x.example, =cdn.example]' },
  {
    it: 'single names for prefixes that cover a network',
    exception: 'names: [=x.example], prefixes: [10.0.0.0/8]'
  },
  {
    it: 'the only name of an app for a part of a network',
    exception: 'names: [=only.example], prefixes: [10.0.0.0/28]'
  },
  {
    it: 'some addresses for a part of a network',
    exception: 'addresses: [198.0.0.0/8, 2001::/16], prefixes: [10.0.0.0/28]'
  }
] as const

for (const { it, exception } of fine) {
  t.test(`accepts an exception for ${it}`, async t => {
    await t.resolves(loadGood(t, rulesWith(`${exception}, ${APPROVED}`)))
  })
}

/** Two exceptions of one network, which by their prefixes cover it. */
const pairs = [
  { it: 'for the same app', one: 'apps: [x]', two: 'apps: [x, one]', fails: true },
  { it: 'for the same name', one: 'names: [x.example]', two: 'names: [x.example]', fails: true },
  { it: 'for different names', one: 'names: [x.example]', two: 'names: [only.example]' },
  { it: 'for single names', one: 'names: [=x.example]', two: 'names: [=x.example]' },
  { it: 'one after the other', one: 'apps: [x]', two: 'apps: [x]', from: '2023-07-01' }
]
for (const { it, one, two, fails = false, from = '2023-02-01' } of pairs) {
  t.test(`${fails ? 'rejects' : 'accepts'} two exceptions that cover a network, ${it}`, async t => {
    const first = `${one}, prefixes: [10.0.0.0/10], ${APPROVED}`
    const second = `${two}, prefixes: [10.64.0.0/10], purpose: press, approved-by: b, from: ${from}, until: 2023-08-01`
    const result = await load(t, rulesWith(`${first} }\n      - { ${second}`))
    const errors = result.ok ? [] : brief(result.errors)
    t.strictSame(errors, fails ? [`RULES_BLANKET networks.yaml:7:${two.length + 23}`] : [])
  })
}

const shares = [
  { it: 'a quarter', prefixes: '10.0.0.0/11', warns: [] },
  {
    it: 'half of a network',
    prefixes: '10.0.0.0/10',
    warns: [/covers 50% of the IPv4 addresses of n: more than 25% \(exceptions.max-share\)/]
  },
  {
    it: 'half of its IPv6 addresses',
    prefixes: '2001:db8::/33',
    warns: [/covers 50% of the IPv6 addresses of n: more than 25%/]
  },
  { it: 'half, if the file allows 50%', prefixes: '10.0.0.0/10', most: 50, warns: [] },
  {
    it: 'more than the file allows',
    prefixes: '10.0.0.0/12',
    most: 12,
    warns: [/covers 12.5% .*: more than 12% \(exceptions.max-share\)/]
  },
  {
    it: 'two exceptions together',
    prefixes: '10.0.0.0/11',
    second: '10.32.0.0/12',
    warns: [
      /exceptions\[1\].prefixes: .*covers 37.5% of .* of n, together with base\/exception\/x: /
    ]
  },
  {
    it: 'two exceptions for different apps',
    prefixes: '10.0.0.0/11',
    second: '10.32.0.0/12',
    what: 'names: [only.example]',
    warns: []
  },
  { it: 'single names', prefixes: '10.0.0.0/9', first: 'names: [=x.example]', warns: [] }
] as const

for (const { it, prefixes, warns, ...more } of shares) {
  t.test(`share of a network: ${it}`, async t => {
    const {
      first = 'apps: [x]',
      what = 'apps: [x]',
      second,
      most
    } = {
      ...({} as { first?: string; what?: string; second?: string; most?: number }),
      ...more
    }
    const one = `${first}, prefixes: [${prefixes}], ${APPROVED}`
    const two =
      second === undefined ? '' : ` }\n      - { ${what}, prefixes: [${second}], ${APPROVED}`
    const limit = most === undefined ? [] : [`exceptions: { max-share: ${most} }`]
    const result = await load(t, rulesWith(`${one}${two}`, ...limit), Date.UTC(2023, 1, 1))
    const all = result.ok ? result.warnings : result.errors
    const found = all.filter(({ code }) => code !== 'RULES_BAN_NOT_INHERITED')
    t.match(
      found.map(({ message }) => message),
      warns
    )
    t.equal(found.length, warns.length)
  })
}

t.test('an exception that has ended has no share', async t => {
  const exception = `apps: [x], prefixes: [10.0.0.0/10], ${APPROVED}`
  const result = await load(t, rulesWith(exception), Date.UTC(2023, 6, 2))
  const found = brief(result.ok ? result.warnings : [])
  t.match(found, ['RULES_EXCEPTION_ENDED networks.yaml:6:9', /^RULES_BAN_NOT_INHERITED/])
  t.equal(found.length, 2)
})

const part = 'apps: [x], prefixes: [10.0.0.0/28], approved-by: b'

const limits = [
  {
    it: 'for more than a year, if no limit is given',
    exception: `${part}, purpose: press, from: 2023-01-01, until: 2024-01-03`,
    setting: '',
    errors: ['RULES_EXCEPTION_LONG networks.yaml:6:104']
  },
  {
    it: 'for longer than the limit',
    exception: `${part}, purpose: press, from: 2023-01-01T08:00, until: 2023-01-31T09:01`,
    setting: 'exceptions: { max-days: 30 }',
    errors: ['RULES_EXCEPTION_LONG networks.yaml:6:110']
  },
  {
    it: 'for a purpose that is not allowed',
    exception: `${part}, purpose: pres, from: 2023-01-01, until: 2023-01-31`,
    setting: 'exceptions: { purposes: [press, investigation] }',
    errors: ['RULES_PURPOSE networks.yaml:6:72']
  },
  {
    it: 'with an invalid date, reported once',
    exception: `${part}, purpose: press, from: 2023-02-29, until: 2024-01-31`,
    setting: '',
    errors: ['RULES_DATE networks.yaml:6:85']
  }
] as const

for (const { it, exception, setting, errors } of limits) {
  t.test(`rejects an exception ${it}`, async t => {
    const result = await load(t, rulesWith(exception, setting))
    t.strictSame(result.ok ? [] : brief(result.errors), errors)
  })
}

t.test('accepts a year, and exactly the limit', async t => {
  const zone = 'defaults: { time-zone: Europe/Brussels }'
  const year = `${part}, purpose: press, from: 2023-12-01, until: 2024-12-01`
  await t.resolves(loadGood(t, rulesWith(year, zone)))
  // The night on which clocks are set back is in it.
  const month = `${part}, purpose: press, from: 2023-10-01, until: 2023-10-31`
  await t.resolves(loadGood(t, rulesWith(month, 'exceptions: { max-days: 30 }', zone)))
})

t.test('an exception has a reference to its approval', async t => {
  const reference = 'reference: { title: Form 7, url: "https://forms.example/7" }'
  const { networks } = await loadGood(t, rulesWith(`${part}, purpose: any, ${reference}, ${DATES}`))
  t.match(
    networks[0]?.rules.find(({ kind }) => kind === 'exception'),
    { reference: 'Form 7', referenceUrl: 'https://forms.example/7' }
  )
})

const DATES = 'from: 2023-01-01, until: 2023-01-31'

const urls = ['ftp://forms.example', 'https://', 'forms.example', 'https://a b', 'https://a\\e[0m']

for (const url of urls) {
  t.test(`rejects the URL ${url}`, async t => {
    const reference = `reference: { title: Form 7, url: "${url}" }`
    const result = await load(t, rulesWith(`${part}, purpose: any, ${DATES}, ${reference}`))
    t.match(result.ok ? [] : brief(result.errors), [/^DOCUMENT_INVALID networks.yaml:6:\d+$/])
  })
}

t.test('compares each exception only with the networks that have it', async t => {
  const COUNT = 300
  const { includes } = Array.prototype
  let calls = 0
  t.teardown(() => (Array.prototype.includes = includes))
  Array.prototype.includes = function (this: unknown[], ...of) {
    calls++
    return includes.apply(this, of)
  }
  const networks = Array.from({ length: COUNT }, (_, i) => {
    const client = `10.1.${i >> 7}.${(2 * i) & 255}`
    const exception = `{ ${APPROVED}, names: [a.example], prefixes: [${client}/32] }`
    return `  n${i}: { prefixes: [${client}/31], exceptions: [${exception}] }\n`
  })
  await loadGood(t, { 'networks.yaml': `networks:\n${networks.join('')}` })
  t.ok(calls < 30 * COUNT, `${calls} calls`)
})

const RULE = 'prefixes: [10.0.0.0/28], purpose: press, approved-by: b, from: 2023-01-01'

const ends = [
  { it: 'last-day', exception: `apps: [x], ${RULE}, last-day: 2023-06-30`, until: '2023-07-01' },
  { it: 'until', exception: `apps: [x], ${RULE}, until: 2023-06-30`, until: '2023-06-30' },
  {
    it: 'the first day',
    exception: `apps: [x], ${RULE}, last-day: 2023-01-01`,
    until: '2023-01-02'
  }
]

for (const { it, exception, until } of ends) {
  t.test(`an exception ends with ${it}`, async t => {
    const { networks } = await loadGood(t, rulesWith(exception))
    const rule = networks.flatMap(({ rules }) => rules).find(({ kind }) => kind === 'exception')
    t.equal(rule?.until, Date.parse(until) / 1000)
  })
}

const wrongEnds = [
  { it: 'both ends', exception: `apps: [x], ${RULE}, until: 2023-06-30, last-day: 2023-06-30` },
  { it: 'no end', exception: `apps: [x], ${RULE}` },
  { it: 'a time for the last day', exception: `apps: [x], ${RULE}, last-day: 2023-06-30T08:00` },
  { it: 'a day that does not exist', exception: `apps: [x], ${RULE}, last-day: 2023-06-31` },
  { it: 'a last day before the first', exception: `apps: [x], ${RULE}, last-day: 2022-12-31` },
  { it: 'a last day that is too late', exception: `apps: [x], ${RULE}, last-day: 2024-01-10` }
]
const CODES = [
  ...['DOCUMENT_INVALID networks.yaml:6:9', 'DOCUMENT_INVALID networks.yaml:6:9'],
  ...['RULES_DATE', 'RULES_DATE', 'RULES_DATE_ORDER', 'RULES_EXCEPTION_LONG']
]

for (const [i, { it, exception }] of wrongEnds.entries()) {
  t.test(`rejects ${it} of an exception`, async t => {
    const result = await load(t, rulesWith(exception))
    const [first, ...more] = result.ok ? [] : brief(result.errors)
    t.ok(first?.startsWith(CODES[i]!), `${first}`)
    t.strictSame(more, [])
  })
}

t.test('a ban that ends is reported by its last day', async t => {
  const files = {
    'networks.yaml': `defaults: { time-zone: Europe/Brussels }
networks:
  n:
    prefixes: [10.0.0.0/8]
    bans:
      - { names: [a.example], authority: a, reference: b, last-day: 2023-05-08 }
      - { names: [b.example], authority: a, reference: b, until: 2023-05-09 }
      - { names: [c.example], authority: a, reference: b, until: 2023-04-30T12:00 }
`
  }
  const result = await load(t, files)
  t.match(result.ok ? result.warnings.map(({ message }) => message) : [], [
    /bans\[0\]: ban ends soon: last day 2023-05-08$/,
    /bans\[1\]: ban ends soon: last day 2023-05-08$/,
    /bans\[2\]: ban has ended: until 2023-04-30T12:00:00\+02:00$/
  ])
})
