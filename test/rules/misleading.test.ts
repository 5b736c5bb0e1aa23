import t from 'tap'
import { app, brief, load, type Files } from './folder.js'

const WHY = 'authority: a, reference: b'

/** Networks from line 2 on. */
const rules = (...networks: readonly string[]): Files => ({
  ...app('clip'),
  ...app('shop', 'names: [shop.example, =shop-cdn.example]', 'vendor: Shop Inc'),
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
    networks: [OUTER, '  all: { prefixes: [0.0.0.0/0, "::/0"] }']
  },
  {
    it: 'no IPv4 network within ::/0',
    networks: [
      `  all: { prefixes: ["::/0"], ${ban('apps: [clip]')} }`,
      '  v4: { prefixes: [10.0.0.0/8] }'
    ]
  },
  {
    it: 'no network within one whose ban is monitored or has ended',
    networks: [
      `  outer: { prefixes: [10.0.0.0/8], ${ban('apps: [clip], mode: monitor')} }`,
      '  inner: { prefixes: [10.1.0.0/16] }'
    ]
  }
]

for (const { it, networks, warns = [] } of carvedOut) {
  t.test(`warns of ${it}`, async t => {
    const result = await load(t, rules(...networks))
    t.strictSame(brief(result.ok ? result.warnings : result.errors), [...warns])
  })
}

t.test('names the bans, the prefix and the network', async t => {
  const result = await load(t, rules(OUTER, '  inner: { prefixes: [10.1.0.0/16] }'))
  t.match(
    result.ok && result.warnings[0]?.message,
    "10.1.0.0/16 lies within network 'outer', but its ban outer/clip does not apply here; add extends: outer or"
  )
})
