import t from 'tap'
import { makeCertificate, makeCrl } from '../tls/certificates.js'
import { app, brief, load, loadGood, type Files } from './folder.js'

const NOW = Date.now()
const DAY = 86_400_000
const root = makeCertificate({ subject: 'root', names: [] })
const middle = makeCertificate({ subject: 'middle', names: [], issuer: root })
const leaf = makeCertificate({ subject: 'leaf', names: [], issuer: middle, isAuthority: false })
const old = makeCertificate({ subject: 'old', notAfter: new Date(NOW - DAY) })
const HASH = `sha256:${'ab'.repeat(32)}`
const WHY = 'authority: a, reference: b'

/** Clients from line 5 on, if there are no other networks. */
const rules = (clients: readonly string[], authority = ''): Files => ({
  ...app('clip'),
  ...app('shop'),
  'mdm.pem': root.certificate + middle.certificate,
  'mdm.crl': makeCrl(middle, [leaf]),
  'old.pem': old.certificate,
  'old.crl': makeCrl(root, [], { nextUpdate: new Date(NOW - DAY) }),
  'leaf.pem': leaf.certificate,
  'networks.yaml': [
    'client-authorities:',
    `  mdm: { certificate: mdm.pem${authority} }`,
    `networks: { lan: { prefixes: [10.0.0.0/8] }, phones: {} }`,
    'clients:',
    ...clients.map(client => `  ${client}`)
  ].join('\n')
})

t.test('clients and their authorities', async t => {
  const { clients, networks } = await loadGood(
    t,
    rules(
      [
        "a: { network: phones, certificate: [{ authority: mdm, uri: 'urn:*' }, { authority: mdm, dns: A.Example }] }",
        "b: { network: phones, certificate: { authority: mdm, subject: 'O=Agency, CN=b' } }",
        `c: { network: lan, sni: [Kiosk-3, kiosk-4], token: ${HASH}, revoked: true }`
      ],
      ', crl: [mdm.crl, old.crl], networks: [phones]'
    ),
    NOW
  )
  t.strictSame(
    networks.map(({ id }) => id),
    ['lan', 'phones'],
    'phones has clients, and no prefix'
  )
  t.match(clients!.clients, [
    {
      certificates: [
        { authority: 'mdm', field: 'uri', value: 'urn:*' },
        { field: 'dns', value: 'a.example' }
      ]
    },
    { certificates: [{ field: 'subject', value: 'O=Agency,CN=b' }], isRevoked: false },
    { labels: ['kiosk-3', 'kiosk-4'], tokens: [HASH.slice(7)], isRevoked: true }
  ])
  const [authority] = clients!.authorities
  t.equal(authority!.certificates.length, 2)
  t.match(authority!.revoked, /^1:[0-9A-F]+$/)
  t.ok(authority!.crlUntil < NOW)
})

t.test('clients by the device behind their address', async t => {
  const { clients } = await loadGood(
    t,
    rules([
      "a: { network: phones, mac: '02-00-5E-10-00-07', user: [Anna, CORP\\bob] }",
      'b: { network: lan, group: Staff, host: TV.Example., unknown-in: [lan, phones] }'
    ]),
    NOW
  )
  const fact = (fact: string, value: string) => ({ fact, value })
  t.strictSame(
    clients!.clients.map(({ devices }) => devices),
    [
      [fact('mac', '02:00:5e:10:00:07'), fact('user', 'anna'), fact('user', 'corp\\bob')],
      [fact('group', 'staff'), fact('host', 'tv.example')]
    ]
  )
  t.strictSame(clients!.clients[1]!.unknownIn, ['lan', 'phones'])
})

t.test('an authority revoked by another one no longer signs', async t => {
  const files = { ...rules([], ', crl: mdm.crl'), 'mdm.crl': makeCrl(root, [middle]) }
  const { clients } = await loadGood(t, files, NOW)
  t.strictSame(
    clients!.authorities[0]!.fingerprints.map(it => it === ''),
    [false, true]
  )
})

t.test('without clients there are none', async t => {
  const files = { 'networks.yaml': 'networks: { lan: { prefixes: [10.0.0.0/8] } }\n' }
  t.equal((await loadGood(t, files)).clients, undefined)
})

const NO_FILE = `client-authorities: { m: { certificate: no.pem } }
networks: { lan: { prefixes: [10.0.0.0/8] } }
`
const CERTIFICATE = 'certificate: { authority: mdm, uri: x }'
const refused: readonly (readonly [it: string, Files, ...errors: string[]])[] = [
  [
    'an unknown network',
    rules([`a: { network: phonse, ${CERTIFICATE} }`]),
    'RULES_UNKNOWN_NETWORK networks.yaml:5:17'
  ],
  [
    'an unknown network with more bans',
    rules([`a: { network: lan, ${CERTIFICATE}, fewer-bans-than: [x] }`]),
    'RULES_UNKNOWN_NETWORK networks.yaml:5:81'
  ],
  [
    'an unknown authority',
    rules(['a: { network: lan, certificate: { authority: x, uri: x } }']),
    'RULES_UNKNOWN_AUTHORITY networks.yaml:5:35'
  ],
  [
    'an authority of another network',
    rules([`a: { network: lan, ${CERTIFICATE} }`], ', networks: [phones]'),
    'RULES_AUTHORITY_NETWORK networks.yaml:5:35'
  ],
  [
    'an authority of an unknown network',
    rules([], ', networks: [x]'),
    'RULES_UNKNOWN_NETWORK networks.yaml:2:43'
  ],
  [
    'two with one certificate',
    rules([`a: { network: lan, ${CERTIFICATE} }`, `b: { network: lan, ${CERTIFICATE} }`]),
    'RULES_CLIENT_TWICE networks.yaml:6:35'
  ],
  [
    'two with one label',
    rules(['a: { network: lan, sni: x }', 'b: { network: lan, sni: [y, X] }']),
    'RULES_CLIENT_TWICE networks.yaml:6:31'
  ],
  [
    'two with one token',
    rules([`a: { network: lan, token: ${HASH} }`, `b: { network: lan, token: [${HASH}] }`]),
    'RULES_CLIENT_TWICE networks.yaml:6:29'
  ],
  [
    'two with one MAC address',
    rules([
      "a: { network: lan, mac: '02:00:5e:10:00:07' }",
      "b: { network: lan, mac: ['02005E100007'] }"
    ]),
    'RULES_CLIENT_TWICE networks.yaml:6:27'
  ],
  [
    'what is not a MAC address',
    rules(["a: { network: lan, mac: '02:00:5e' }"]),
    'DOCUMENT_INVALID networks.yaml:5:27'
  ],
  [
    'unknown devices in an unknown network',
    rules(['a: { network: lan, unknown-in: [x] }']),
    'RULES_UNKNOWN_NETWORK networks.yaml:5:35'
  ],
  [
    'unknown devices that are two clients',
    rules(['a: { network: lan, unknown-in: [lan] }', 'b: { network: phones, unknown-in: [lan] }']),
    'RULES_CLIENT_TWICE networks.yaml:6:38'
  ],
  ['one that nothing tells', rules(['a: { network: lan }']), 'DOCUMENT_INVALID networks.yaml:5:6'],
  [
    'a certificate with two names',
    rules(['a: { network: lan, certificate: { authority: mdm, uri: x, dns: y } }']),
    'DOCUMENT_INVALID networks.yaml:5:35'
  ],
  [
    'two stars',
    rules(["a: { network: lan, certificate: { authority: mdm, uri: '*x*' } }"]),
    'DOCUMENT_INVALID networks.yaml:5:58'
  ],
  [
    'a name of several labels',
    rules(['a: { network: lan, sni: a.b }']),
    'DOCUMENT_INVALID networks.yaml:5:27'
  ],
  [
    'a token in clear',
    rules(['a: { network: lan, token: secret }']),
    'DOCUMENT_INVALID networks.yaml:5:29'
  ],
  [
    'no file of the authority',
    { ...rules([]), 'networks.yaml': NO_FILE },
    'RULES_AUTHORITY networks.yaml:1:41'
  ],
  [
    'a file without certificates',
    { ...rules([]), 'mdm.pem': 'text' },
    'RULES_AUTHORITY networks.yaml:2:23'
  ],
  [
    'a damaged certificate',
    { ...rules([]), 'mdm.pem': root.certificate.replace(/\n.{20}/, '\n') },
    'RULES_AUTHORITY networks.yaml:2:23'
  ],
  [
    'a certificate of nobody’s authority',
    { ...rules([]), 'mdm.pem': leaf.certificate },
    'RULES_AUTHORITY networks.yaml:2:23'
  ],
  ['no revocation list', rules([], ', crl: no.crl'), 'RULES_CRL networks.yaml:2:37'],
  [
    'a damaged revocation list',
    rules([], ', crl: [mdm.crl, mdm.pem]'),
    'RULES_CRL networks.yaml:2:47'
  ],
  [
    'the revocation list of another one',
    { ...rules([], ', crl: mdm.crl'), 'mdm.crl': makeCrl(old, []) },
    'RULES_CRL networks.yaml:2:37'
  ]
]
for (const [it, files, ...errors] of refused)
  t.test(`refuses ${it}`, async t => {
    const loaded = await load(t, files, NOW)
    t.strictSame(loaded.ok ? ['none'] : brief(loaded.errors), errors)
  })

const needed: readonly (readonly [it: string, lan: string, phones: string, expected: RegExp])[] = [
  ['without bans', '', '', /delete this entry, 'phones' has the same bans/],
  [
    'an app, a list and names',
    `bans: [{ apps: [clip], lists: [bad], names: [a.example], ${WHY} }]`,
    '',
    /exceptions in 'lan', .* for apps: \[clip\], lists: \[bad\], the names at networks\.yaml:2$/
  ],
  [
    'an app that is banned in both',
    `bans: [{ apps: [clip, shop], ${WHY} }]`,
    `bans: [{ apps: [clip], ${WHY} }]`,
    /for apps: \[shop\]$/
  ],
  [
    'an app that its own network monitors only',
    `bans: [{ apps: [clip], ${WHY} }]`,
    `bans: [{ apps: [clip], mode: monitor, ${WHY} }]`,
    /for apps: \[clip\]$/
  ]
]
for (const [it, lan, phones, expected] of needed)
  t.test(`names the exceptions to write in place of fewer-bans-than: ${it}`, async t => {
    const files = {
      ...app('clip'),
      ...app('shop'),
      'bad.txt': 'bad.example\n',
      'networks.yaml': `networks:
  lan: { prefixes: [10.0.0.0/8], ${lan} }
  phones: { ${phones} }
lists: { bad: { file: bad.txt } }
clients:
  b: { network: phones, sni: b, fewer-bans-than: [lan] }
`
    }
    const loaded = await load(t, files, NOW)
    const errors = loaded.ok ? [] : loaded.errors
    t.strictSame(brief(errors), ['RULES_CLIENT_FEWER_BANS networks.yaml:6:51'])
    t.match(errors[0]?.message, expected)
  })
