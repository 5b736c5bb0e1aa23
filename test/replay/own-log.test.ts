import { gzipSync } from 'node:zlib'
import t from 'tap'
import { logOf, ownLine, replayed, RULES } from './kit.js'

const BLOCKED = { verdict: 'blocked', match: 'qname', app: 'old', ban: 'phones/old' }
const PRESS = '10.20.7.2'

const CASES = [
  {
    it: 'a name that is banned by now',
    line: ownLine({ qname: 'v.clip.example' }),
    changes: ['blocked 10.20.3.4 v.clip.example A: answered -> nxdomain by ban clip']
  },
  {
    it: 'a lookup before the ban begins',
    line: ownLine({ qname: 'clip.example', time: '2023-03-09T23:59:59.999Z' }),
    changes: []
  },
  {
    it: 'a lookup in the first second of the ban',
    line: ownLine({ qname: 'clip.example', time: '2023-03-10T00:00:00.000Z' }),
    changes: ['blocked 10.20.3.4 clip.example A: answered -> nxdomain by ban clip']
  },
  {
    it: 'a client with an exception',
    line: ownLine({ qname: 'clip.example', client: PRESS }),
    changes: []
  },
  {
    it: 'a network without the ban',
    line: ownLine({ qname: 'clip.example', client: '10.30.0.1', network: 'guests' }),
    changes: []
  },
  {
    it: 'a name that nobody bans any more',
    line: ownLine({ qname: 'old.example', ...BLOCKED }),
    changes: ['allowed 10.20.3.4 old.example A: blocked by ban phones/old -> forwarded']
  },
  {
    it: 'a name that is blocked as before',
    line: ownLine({ qname: 'clip.example', ...BLOCKED }),
    changes: []
  },
  {
    it: 'a client that is in no network any more',
    line: ownLine({ client: '192.0.2.1' }),
    changes: ['refused 192.0.2.1 www.example A: answered -> refused: in no network']
  },
  {
    it: 'a client that was in no network',
    line: ownLine({ network: undefined, verdict: 'refused' }),
    changes: ['served 10.20.3.4 www.example A: refused: in no network -> forwarded']
  },
  {
    it: 'a pseudonym, by the network that the log has',
    line: ownLine({ client: 'p-3f2a', qname: 'clip.example' }),
    changes: ['blocked p-3f2a clip.example A: answered -> nxdomain by ban clip']
  },
  {
    it: 'a name with odd octets, as JSON',
    line: ownLine({ qname: 'a\\.b\\007.clip.example' }),
    changes: ['blocked 10.20.3.4 a\\.b\\007.clip.example A: answered -> nxdomain by ban clip']
  },
  {
    it: 'fields in another order, as JSON',
    line: '{"qtype":"AAAA","qname":"clip.example","client":"10.20.3.4","verdict":"cached","time":"2023-05-01T00:00:00Z","v":1}',
    changes: ['blocked 10.20.3.4 clip.example AAAA: answered -> nxdomain by ban clip']
  },
  {
    it: 'the root, over TCP, without the SHA-256 of the rules',
    line: ownLine({ qname: '.', protocol: 'tcp', sha256: undefined }),
    changes: []
  },
  {
    it: 'a query over TLS',
    line: ownLine({ qname: 'clip.example', protocol: 'dot' }),
    changes: ['blocked 10.20.3.4 clip.example A: answered -> nxdomain by ban clip']
  }
] as const

for (const { it, line, changes } of CASES) {
  t.test(`judges ${it}`, async t => {
    const replay = await replayed(t, logOf(t, line))
    t.strictSame(replay.changes, changes)
    t.match(replay.read, { format: 'interdict', lookups: 1, unreadable: 0 })
  })
}

const withPrivacy = (line: string, mode: string): string =>
  line.replace(/(,"network"|,"protocol")/, `,"privacy":"${mode}"$1`)

const withDevice = (line: string, device: string): string =>
  line.replace(/(?=,"network"|,"protocol")/, `,"device":"${device}"`)

t.test('counts a device as one client, by the network that the log has for it', async t => {
  // Its addresses, of which one is in a network without the ban.
  const lines = ['10.20.3.4', '10.30.0.1', PRESS].map(client =>
    withDevice(ownLine({ client, qname: 'clip.example' }), 'phones/17')
  )
  const unnamed = ownLine({ client: '10.20.3.4', qname: 'clip.example' })
  const { changes, comparison } = await replayed(t, logOf(t, lines.join('') + unnamed))
  t.strictSame(changes, ['blocked phones/17 clip.example A: answered -> nxdomain by ban clip'])
  t.match(comparison.counts, { lookups: 4, changed: 4 })
  t.strictSame(
    comparison.clientsOf('blocked').map(({ what, lookups }) => [what, lookups]),
    [
      ['phones/17', 3],
      ['10.20.3.4', 1]
    ]
  )
})

t.test(
  'judges a device by the bans of its own network and of the network of its address',
  async t => {
    const rules = `${RULES}  tablets:
    bans: [{ id: own, names: [own.example], authority: A, reference: R }]
clients: { tablet: { network: tablets, sni: tablet } }
`
    const inPhones = (line: string): string =>
      line.replace(',"protocol"', ',"addressNetwork":"phones","protocol"')
    const line = (qname: string, client?: string): string =>
      ownLine({ client, network: 'tablets', qname })
    const lines = [
      // By the address, which is in the log: PRESS has an exception, and guests have no bans.
      ...['own.example', 'clip.example'].map(name =>
        inPhones(withDevice(line(name, '10.20.3.4'), 'tablet'))
      ),
      inPhones(withDevice(line('clip.example', PRESS), 'tablet')),
      withDevice(line('clip.example', '10.30.0.1'), 'tablet'),
      // By the networks alone.
      ...['own.example', 'clip.example'].map(name =>
        inPhones(withPrivacy(line(name, 'p-1'), 'pseudonym'))
      ),
      withPrivacy(line('clip.example', 'p-2'), 'pseudonym')
    ]
    const { changes, comparison } = await replayed(t, logOf(t, lines.join('')), { rules })
    t.strictSame(changes, [
      'blocked tablet own.example A: answered -> nxdomain by ban own',
      'blocked tablet clip.example A: answered -> nxdomain by ban clip'
    ])
    t.strictSame(
      comparison
        .clientsOf('blocked')
        .map(({ what, lookups }) => `${what} ${lookups}`)
        .sort(),
      ['p-1 2', 'tablet 2']
    )
    t.match(comparison.counts, { lookups: 7, changed: 4, unplaced: 0 })
    t.match(comparison.networksOf('blocked'), [{ what: 'tablets', lookups: 4 }])
  }
)

t.test('judges a pseudonym that says that it is one', async t => {
  const line = withPrivacy(ownLine({ client: '8f3a6c2e', qname: 'clip.example' }), 'pseudonym')
  t.strictSame((await replayed(t, logOf(t, line))).changes, [
    'blocked 8f3a6c2e clip.example A: answered -> nxdomain by ban clip'
  ])
})

t.test('reads lines of every mode of privacy as octets: none as JSON', async t => {
  const lines = [
    ownLine(),
    ownLine({ protocol: 'dot' }),
    ownLine({ protocol: 'doh' }),
    ownLine({ client: '2001:db8::1', network: undefined, verdict: 'refused' }),
    withPrivacy(ownLine({ client: '8f3a6c2e' }), 'pseudonym'),
    withPrivacy(ownLine({ client: '10.20.3.0/24' }), 'prefix'),
    withPrivacy(ownLine({ client: '10.30.0.0/24', network: undefined }), 'prefix'),
    withPrivacy(ownLine({ client: undefined }), 'none'),
    withDevice(ownLine(), 'phones/17'),
    withDevice(ownLine({ client: undefined }), 'phones/17'),
    ownLine({ ...BLOCKED, qname: 'tiktok.com', rule: 'networks.yaml:5', source: 'apps/a.yaml:1' })
  ]
  const parsed = t.capture(JSON, 'parse', JSON.parse)
  const { comparison } = await replayed(t, logOf(t, lines.join('')))
  t.strictSame(
    parsed().filter(({ args }) => args[0].includes('"qname"')),
    []
  )
  t.match(comparison.counts, { lookups: 11, changed: 0, unplaced: 1 })
})

t.test('judges a client of which nothing is written by the network that the log has', async t => {
  const line = withPrivacy(ownLine({ client: undefined, qname: 'clip.example' }), 'none')
  t.strictSame((await replayed(t, logOf(t, line))).changes, [
    'blocked  clip.example A: answered -> nxdomain by ban clip'
  ])
})

t.test('judges all as of one time, if firstUnreadable to', async t => {
  const file = logOf(t, ownLine({ qname: 'clip.example' }))
  const replay = await replayed(t, file, { at: Date.parse('2023-01-01') / 1000 })
  t.strictSame(replay.changes, [])
})

t.test('compares two sets of rules on the same lookups, whatever was recorded', async t => {
  const file = logOf(
    t,
    ownLine({ qname: 'old.example', ...BLOCKED }) + ownLine({ qname: 'clip.example', ...BLOCKED })
  )
  const against = RULES.replace('[clip.example, tiktok.com]', '[tiktok.com]')
  const replay = await replayed(t, file, { against })
  t.strictSame(replay.changes, [
    'blocked 10.20.3.4 clip.example A: forwarded -> nxdomain by ban clip'
  ])
})

t.test('counts what cannot be compared', async t => {
  const lead = ownLine({ verdict: 'blocked', match: 'cname', list: 'malware' })
  const unplaced = ownLine({ client: 'p-3f2a', network: 'gone' })
  const { comparison } = await replayed(t, logOf(t, lead + unplaced))
  t.match(comparison.counts, { lookups: 2, changed: 0, lead: 1, unplaced: 1 })
})

t.test('counts what a rule in monitor mode would block', async t => {
  const rules = RULES.replace('id: clip', 'id: clip\n        mode: monitor')
  const { comparison } = await replayed(t, logOf(t, ownLine({ qname: 'clip.example' })), { rules })
  t.match(comparison.counts, { changed: 0, monitored: 1 })
})

t.test('takes all clients for those of one network', async t => {
  const file = logOf(t, ownLine({ qname: 'clip.example', client: '192.0.2.1' }))
  const { changes } = await replayed(t, file, { network: 'phones' })
  t.strictSame(changes, ['blocked 192.0.2.1 clip.example A: answered -> nxdomain by ban clip'])
})

t.test('skips lines that it cannot read, with their position, and reads on', async t => {
  const lines = [
    ownLine(),
    'not JSON\n',
    ownLine({ qname: 'a..b' }),
    ownLine({ qname: 'a..b' }),
    '{"v":2,"time":"2023-05-01T00:00:00Z"}\n',
    'null\n',
    '\n',
    ownLine(),
    ownLine().slice(0, 200)
  ]
  const { read } = await replayed(t, logOf(t, lines.join('')))
  t.match(read, { lookups: 2, unreadable: 6 })
  t.strictSame(
    read.firstUnreadable.map(({ line }) => line),
    [2, 3, 4, 5, 6, 9]
  )
})

t.test('tells of twenty such lines and counts the others', async t => {
  const { read } = await replayed(t, logOf(t, ownLine() + 'x\n'.repeat(50)))
  t.match(read, { lookups: 1, unreadable: 50 })
  t.equal(read.firstUnreadable.length, 20)
})

t.test('reads a packed log, and what is left of one that is torn', async t => {
  const text = Array.from({ length: 20_000 }, (_, i) =>
    ownLine({ qname: `n${(i * 7919) % 20_000}.example` })
  ).join('')
  const packed = gzipSync(text)
  const whole = await replayed(t, logOf(t, packed))
  t.match(whole.read, { lookups: 20_000, unreadable: 0 })
  const torn = await replayed(t, logOf(t, packed.subarray(0, packed.length >> 1)))
  t.ok(torn.read.lookups > 0 && torn.read.lookups < 20_000)
  t.ok(torn.read.unreadable >= 1)
})

t.test('a line longer than any is one that cannot be read', async t => {
  const { read } = await replayed(t, logOf(t, `${ownLine()}${'x'.repeat(5_000_000)}\n${ownLine()}`))
  t.match(read, { lookups: 2, unreadable: 1 })
})

t.test('a log that is all foreign is refused, and so is none', async t => {
  t.rejects(replayed(t, logOf(t, 'a\nb\n'), { format: 'interdict' }), { code: 'REPLAY_FOREIGN' })
  t.rejects(replayed(t, logOf(t, 'a\nb\n')), { code: 'REPLAY_UNKNOWN' })
  t.rejects(replayed(t, '/nowhere/a.log'), { code: 'REPLAY_UNREADABLE' })
  t.match((await replayed(t, logOf(t, ''))).read, { lookups: 0, unreadable: 0 })
})
