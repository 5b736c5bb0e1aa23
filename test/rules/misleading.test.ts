import t from 'tap'
import { app, brief, load, type Files } from './folder.js'

const WHY = 'authority: a, reference: b'

/** Networks from line 2 on. */
const rules = (...networks: readonly string[]): Files => ({
  ...app('clip'),
  ...app('shop', 'names: [shop.example, =shop-cdn.example]', 'vendor: Shop Inc'),
  'l.txt': 'list.example\n',
  'networks.yaml': ['networks:', ...networks].join('\n')
})

interface Case {
  readonly it: string
  readonly networks: readonly string[]
  readonly warns?: readonly string[]
}

const OUTER = `  outer: { prefixes: [10.0.0.0/8, "2001:db8::/32"], bans: [{ apps: [clip], ${WHY} }] }`
const ban = (text: string) => `bans: [{ ${text}, ${WHY} }]`

const carvedOut: readonly Case[] = [
  {
    it: 'a network within a banned one without its ban',
    networks: [OUTER, '  inner: { prefixes: [10.1.0.0/16] }'],
    warns: ['RULES_BAN_NOT_INHERITED networks.yaml:3:23']
  },
  {
    it: 'the same with IPv6, at the prefix that lies within',
    networks: [OUTER, '  inner: { prefixes: [192.0.2.0/24, "2001:db8:1::/48", 10.1.0.0/16] }'],
    warns: ['RULES_BAN_NOT_INHERITED networks.yaml:3:56']
  },
  {
    it: 'a ban of other names',
    networks: [OUTER, `  inner: { prefixes: [10.1.0.0/16], ${ban('names: [=clip.example]')} }`],
    warns: ['RULES_BAN_NOT_INHERITED networks.yaml:3:23']
  },
  {
    it: 'a ban that has ended',
    networks: [
      OUTER,
      `  inner: { prefixes: [10.1.0.0/16], ${ban('apps: [clip], until: 2023-01-01')} }`
    ],
    warns: ['RULES_BAN_NOT_INHERITED networks.yaml:3:23', 'RULES_BAN_ENDED networks.yaml:3:44']
  },
  {
    it: 'a ban two levels above',
    networks: [
      OUTER,
      '  middle: { extends: outer, prefixes: [10.1.0.0/16] }',
      '  inner: { prefixes: [10.1.1.0/24] }'
    ],
    warns: ['RULES_BAN_NOT_INHERITED networks.yaml:4:23']
  },
  {
    it: 'no network that extends the outer one',
    networks: [OUTER, '  inner: { extends: outer, prefixes: [10.1.0.0/16] }']
  },
  {
    it: 'no network that extends it through another',
    networks: [
      OUTER,
      '  base: { extends: outer }',
      '  inner: { extends: base, prefixes: [10.1.0.0/16] }'
    ]
  },
  {
    it: 'no network that extends the same base',
    networks: [
      `  base: { ${ban('apps: [clip]')} }`,
      '  outer: { extends: base, prefixes: [10.0.0.0/8] }',
      '  inner: { extends: base, prefixes: [10.1.0.0/16] }'
    ]
  },
  {
    it: 'no network with a ban of the same app',
    networks: [OUTER, `  inner: { prefixes: [10.1.0.0/16], ${ban('apps: [clip], mode: monitor')} }`]
  },
  {
    it: 'no network with a ban of all names of the app',
    networks: [OUTER, `  inner: { prefixes: [10.1.0.0/16], ${ban('names: [clip.example]')} }`]
  },
  {
    it: 'no network beside the banned one',
    networks: [OUTER, '  other: { prefixes: [11.0.0.0/8, "2001:db9::/32"] }']
  },
  {
    it: 'no network around the banned one',
    networks: [OUTER, '  all: { prefixes: [0.0.0.0/0, "::/0"] }'],
    warns: ['RULES_PREFIX_WIDE networks.yaml:3:21', 'RULES_PREFIX_WIDE networks.yaml:3:32']
  },
  {
    it: 'no IPv4 network within ::/0',
    networks: [
      `  all: { prefixes: ["::/0"], ${ban('apps: [clip]')} }`,
      '  v4: { prefixes: [10.0.0.0/8] }'
    ],
    warns: ['RULES_PREFIX_WIDE networks.yaml:2:21']
  },
  {
    it: 'no network within one whose ban is monitored or has ended',
    networks: [
      `  outer: { prefixes: [10.0.0.0/8], ${ban('apps: [clip], mode: monitor')} }`,
      '  inner: { prefixes: [10.1.0.0/16] }'
    ]
  }
]

/** A network in line 2. */
const one = (...keys: readonly string[]): string[] => [
  '  n:',
  '    prefixes: [10.0.0.0/8]',
  ...keys.map(key => `    ${key}`)
]
const CLIP = `bans: [{ apps: [clip], ${WHY} }]`
const PRESS =
  'prefixes: [10.1.0.0/28], purpose: p, approved-by: b, from: 2023-01-01, until: 2023-10-01'

const others: readonly Case[] = [
  {
    it: 'an allow for a name of a banned app, below it, and of the app',
    networks: one(
      CLIP,
      'allow: [=clip.example, a.clip.example, { apps: [clip], names: [clip.example] }]'
    ),
    warns: [
      'RULES_ALLOW_BANNED networks.yaml:5:13',
      'RULES_ALLOW_BANNED networks.yaml:5:28',
      'RULES_ALLOW_BANNED networks.yaml:5:53',
      'RULES_ALLOW_BANNED networks.yaml:5:68'
    ]
  },
  {
    it: 'an allow for a name that an inherited ban covers',
    networks: [
      `  base: { ${ban('names: ["*.bad.example"]')} }`,
      ...one('extends: base', 'allow: [a.bad.example]')
    ],
    warns: ['RULES_ALLOW_BANNED networks.yaml:6:13']
  },
  {
    it: 'no allow that is wider than the ban or beside it',
    networks: one(CLIP, 'allow: [example, "*.example", other.example, eclip.example]')
  },
  {
    it: 'no allow above an exact name, or beside names below it',
    networks: one(
      `bans: [{ names: [=x.example, "*.y.example"], ${WHY} }]`,
      'allow: [x.example, a.x.example, =y.example]'
    )
  },
  {
    it: 'no allow where the ban is monitored, scheduled or not begun',
    networks: one(
      'bans:',
      `  - { apps: [clip], mode: monitor, ${WHY} }`,
      `  - { apps: [clip], schedule: [{ days: [mon] }], ${WHY} }`,
      `  - { apps: [clip], from: 2024-01-01, ${WHY} }`,
      'allow: [clip.example]'
    )
  },
  {
    it: 'no allow that has ended, or has an effect for the clients of an exception',
    networks: one(
      CLIP,
      `exceptions: [{ apps: [clip], ${PRESS} }]`,
      'allow: [clip.example, { names: [clip.example], until: 2023-01-01 }]'
    )
  },
  {
    it: 'an exception for an app that nobody bans',
    networks: one(CLIP, `exceptions: [{ apps: [clip, shop], ${PRESS} }]`),
    warns: ['RULES_EXCEPTION_IDLE networks.yaml:5:33']
  },
  {
    it: 'an exception for an app that only another network bans',
    networks: [
      ...one(`exceptions: [{ apps: [clip], ${PRESS} }]`),
      `  m: { prefixes: [11.0.0.0/8], ${CLIP} }`
    ],
    warns: ['RULES_EXCEPTION_IDLE networks.yaml:4:27']
  },
  {
    it: 'no exception for an app that an extended or an extending network bans',
    networks: [
      `  base: { ${CLIP}, exceptions: [{ apps: [shop], ${PRESS} }] }`,
      ...one(
        'extends: base',
        `bans: [{ apps: [shop], ${WHY} }]`,
        `exceptions: [{ apps: [clip], ${PRESS} }]`
      )
    ]
  },
  {
    it: 'no exception for an app with one banned name, or below a banned name, or with a list',
    networks: [
      ...one(
        `bans: [{ names: [a.shop.example], ${WHY} }]`,
        `exceptions: [{ apps: [shop], ${PRESS} }]`
      ),
      `  m: { prefixes: [11.0.0.0/8], bans: [{ names: [clip.example], ${WHY} }], exceptions: [{ apps: [clip], ${PRESS.replace('10.', '11.')} }] }`,
      `  o: { prefixes: [12.0.0.0/8], bans: [{ lists: [l], ${WHY} }], exceptions: [{ apps: [clip], ${PRESS.replace('10.', '12.')} }] }`,
      'lists: { l: { file: l.txt } }'
    ]
  },
  {
    it: 'a ban in a network that no client belongs to',
    networks: [...one(CLIP), `  a: { ${CLIP} }`, '  b: { extends: a }'],
    warns: ['RULES_BAN_UNUSED networks.yaml:5:15']
  },
  {
    it: 'no ban in a network that is extended through another',
    networks: [`  a: { ${CLIP} }`, '  b: { extends: a }', ...one('extends: b')]
  },
  {
    it: 'a review after the end',
    networks: one(`bans: [{ apps: [clip], until: 2024-01-01, review: 2024-01-02, ${WHY} }]`),
    warns: ['RULES_REVIEW_LATE networks.yaml:4:55']
  },
  {
    it: 'no review at the end',
    networks: one(`bans: [{ apps: [clip], until: 2024-01-01, review: 2024-01-01, ${WHY} }]`)
  },
  {
    it: 'bans of what earlier bans of the network cover',
    networks: one(
      'bans:',
      `  - { apps: [clip, shop], names: [x.example, =y.example], ${WHY} }`,
      `  - { apps: [clip], mode: monitor, ${WHY} }`,
      `  - { vendors: [Shop Inc], until: 2024-01-01, ${WHY} }`,
      `  - { names: [=y.example, x.example], ${WHY} }`
    ),
    warns: [6, 7, 8].map(line => `RULES_BAN_SHADOWED networks.yaml:${line}:9`)
  },
  {
    it: 'no ban that decides for other names, at other times, or over TCP',
    networks: one(
      'bans:',
      `  - { apps: [clip], until: 2024-01-01, ${WHY} }`,
      `  - { apps: [clip, shop], ${WHY} }`,
      `  - { names: [x.example], mode: monitor, ${WHY} }`,
      `  - { names: [x.example], action: truncate, ${WHY} }`,
      `  - { names: [x.example], schedule: [{ days: [mon] }], ${WHY} }`,
      `  - { names: [=x.example], ${WHY} }`,
      `  - { names: [x.example], ${WHY} }`,
      // An exception for the app does not lift a ban of its names.
      `  - { names: [clip.example], ${WHY} }`
    )
  },
  {
    it: 'no own ban of what an inherited one covers',
    networks: [`  base: { ${CLIP} }`, ...one('extends: base', CLIP)]
  },
  {
    it: 'dates more than 20 years away',
    networks: one(
      `bans: [{ apps: [clip], from: 1999-03-10, until: 2203-03-10, ${WHY} }]`,
      'allow: [{ names: [a.example], from: 2003-04-30 }]'
    ),
    warns: [
      'RULES_DATE_FAR networks.yaml:4:34',
      'RULES_DATE_FAR networks.yaml:4:53',
      'RULES_DATE_FAR networks.yaml:5:41'
    ]
  },
  {
    it: 'no dates up to 20 years away',
    networks: one(`bans: [{ apps: [clip], from: 2003-05-02, until: 2043-04-30, ${WHY} }]`)
  }
]

for (const { it, networks, warns = [] } of [...carvedOut, ...others]) {
  t.test(`warns of ${it}`, async t => {
    const result = await load(t, rules(...networks))
    const found = brief(result.ok ? result.warnings : result.errors)
    // `idle-rules.test.ts` shows these.
    t.strictSame(
      found.filter(it => !it.startsWith('RULES_ALLOW_IDLE')),
      [...warns]
    )
  })
}

t.test('names the bans, the prefix and the network', async t => {
  const result = await load(t, rules(OUTER, '  inner: { prefixes: [10.1.0.0/16] }'))
  t.match(
    result.ok && result.warnings[0]?.message,
    "10.1.0.0/16 lies within network 'outer', but its ban outer/clip does not apply here; add extends: outer or"
  )
})
