import t from 'tap'
import { BadUpstream, good } from '../upstream/bad-upstream.js'
import { FILES, interdict, NETWORKS, writeSite } from './run.js'

interface Case {
  readonly it: string
  readonly name: string
  readonly from?: string
  readonly more?: readonly string[]
  readonly verdict: string
  readonly rule: string | null
  /** Each applicable rule, with its outcome. */
  readonly outcomes: Readonly<Record<string, string>>
  readonly reply: RegExp
}

const NOT_ASKED = /not queried/

const cases: Case[] = [
  {
    it: 'a ban',
    name: 'WWW.clip.example',
    verdict: 'blocked',
    rule: 'federal',
    outcomes: { federal: 'decides' },
    reply: /NXDOMAIN[\s\S]*EDE 15/
  },
  {
    it: 'an exception',
    name: 'clip.example',
    from: '10.20.7.3',
    verdict: 'allowed',
    rule: 'press',
    outcomes: { federal: 'lifted', press: 'decides' },
    reply: NOT_ASKED
  },
  {
    it: 'an expired exception',
    name: 'clip.example',
    from: '10.20.7.3',
    more: ['--at', '2099-07-01'],
    verdict: 'blocked',
    rule: 'federal',
    outcomes: { federal: 'decides', press: 'expired' },
    reply: /NXDOMAIN/
  },
  {
    it: 'a ban in monitor mode',
    name: 'trial.example',
    verdict: 'monitored',
    rule: 'trial',
    outcomes: { trial: 'monitors' },
    reply: NOT_ASKED
  },
  {
    it: 'an expired ban',
    name: 'past.example',
    verdict: 'forwarded',
    rule: null,
    outcomes: { past: 'expired' },
    reply: NOT_ASKED
  },
  {
    it: 'the same ban when it was in force',
    name: 'past.example',
    more: ['--at', '2023-06-29T23:59:59Z'],
    verdict: 'blocked',
    rule: 'past',
    outcomes: { past: 'decides' },
    reply: /NXDOMAIN/
  },
  {
    it: 'a future ban',
    name: 'coming.example',
    verdict: 'forwarded',
    rule: null,
    outcomes: { coming: 'not yet in force' },
    reply: NOT_ASKED
  },
  {
    it: 'a name that no rule matches',
    name: 'www.example',
    verdict: 'forwarded',
    rule: null,
    outcomes: {},
    reply: NOT_ASKED
  },
  {
    it: 'a special-use name',
    name: 'printer.local',
    verdict: 'local',
    rule: 'special-use',
    outcomes: { 'special-use': 'decides' },
    reply: /NXDOMAIN[\s\S]*RFC 6762 §22.1/
  },
  {
    it: 'a name below a locally answered one',
    name: 'a.b.localhost',
    verdict: 'local',
    rule: 'special-use',
    outcomes: { 'special-use': 'decides' },
    reply: /A\s+127\.0\.0\.1/
  },
  {
    it: 'a client in no network',
    name: 'clip.example',
    from: '192.0.2.1',
    verdict: 'refused',
    rule: null,
    outcomes: {},
    reply: /REFUSED[\s\S]*EDE 18/
  }
]

interface Shown {
  readonly verdict: string
  readonly rule: { readonly id: string } | null
  readonly steps: readonly {
    readonly rules: readonly { readonly id: string; readonly outcome: string }[]
  }[]
  readonly reply: readonly string[] | null
}

for (const { it, name, from = '10.20.1.1', more = [], verdict, rule, outcomes, reply } of cases) {
  t.test(`explains ${it}`, async t => {
    const words = [
      'explain',
      name,
      '--from',
      from,
      '--no-upstream',
      '-c',
      writeSite(t, FILES),
      ...more
    ]
    const json = await interdict(...words, '--json')
    t.equal(json.code, 0, json.err)
    const shown = JSON.parse(json.out) as Shown
    t.equal(shown.verdict, verdict)
    if (rule !== null) t.equal(shown.rule?.id, rule)
    const found = shown.steps.flatMap(step => step.rules.map(({ id, outcome }) => [id, outcome]))
    t.strictSame(Object.fromEntries(found), outcomes)
    if (reply === NOT_ASKED) t.equal(shown.reply, null)
    else t.match(shown.reply?.join('\n'), reply)

    const { code, out } = await interdict(...words)
    t.equal(code, 0)
    t.match(out, new RegExp(verdict.toUpperCase()))
    t.match(out, reply)
    t.notMatch(out, /\x1b\[/, 'no colours in a pipe')
  })
}

t.test('shows the authority, the reference and the position of the rule', async t => {
  const { out } = await interdict(
    'explain',
    'clip.example',
    '-f',
    '10.20.1.1',
    '-c',
    writeSite(t, FILES)
  )
  t.match(out, /ban\s+federal, .*rules\/networks\.yaml:6\n/)
  t.match(out, /matched by\s+app clip \(Clip\): clip\.example, .*rules\/apps\/clip\.yaml:5\n/)
  t.match(out, /authority\s+Belgian federal government\n/)
  t.match(out, /reference\s+National Security Council\n/)
  t.match(out, /legal basis\s+circular\n/)
  t.match(out, /in force\s+from 2023-03-13T00:00:00Z\n/)
})

t.test('escapes what could control a terminal in texts of rules', async t => {
  const files = {
    ...FILES,
    'rules/networks.yaml': FILES['rules/networks.yaml'].replace(
      'Belgian federal government',
      '"Belgian \\u202efederal\\ngovernment"'
    ),
    'rules/apps/clip.yaml': FILES['rules/apps/clip.yaml'].replace(
      'title: Clip',
      'title: "\\u202eClip"'
    )
  }
  const settings = writeSite(t, files)
  const explained = await interdict('explain', 'clip.example', '-f', '10.20.1.1', '-c', settings)
  t.match(explained.out, /authority\s+Belgian \\u\{202e\}federal government\n/)
  t.match(explained.out, /app clip \(\\u\{202e\}Clip\)/)
  const shown = await interdict('apps', 'clip', '-c', settings)
  t.match(shown.out, /\\u\{202e\}Clip \(clip\)/)
})

t.test('text shows dates in the time zone of the rules, JSON in UTC', async t => {
  const networks = `defaults: { time-zone: Europe/Brussels }
networks:
  phones:
    prefixes: [10.20.0.0/16]
    bans:
      - id: later
        names: [later.example]
        authority: a parliament
        reference: a law
        from: 2024-03-20
        review: 2024-09-20
`
  const place = writeSite(t, { ...FILES, 'rules/networks.yaml': networks })
  const words = ['explain', 'later.example', '-f', '10.20.1.1', '--no-upstream', '-c', place]
  const before = await interdict(...words, '--at', '2024-03-19T23:59:59')
  t.match(before.out, /at 2024-03-19T23:59:59\+01:00 \(Europe\/Brussels\)\n/)
  t.match(before.out, /not yet in force.*from 2024-03-20T00:00:00\+01:00\n/)
  const { out } = await interdict(...words, '--at', '2024-03-20')
  t.match(out, /BLOCKED/)
  t.match(out, /review\s+2024-09-20T00:00:00\+02:00\n/)
  t.match(out, /in force\s+from 2024-03-20T00:00:00\+01:00\n/)
  const json = await interdict(...words, '--at', '2024-03-20', '--json')
  t.match(JSON.parse(json.out), { rule: { from: '2024-03-19T23:00:00Z' } }, 'UTC in JSON')
  t.match(JSON.parse(json.out), { timeZone: 'Europe/Brussels' })

  const tokyo = [...words, '--time-zone', 'Asia/Tokyo', '--at']
  const late = await interdict(...tokyo, '2024-03-20T07:59:59')
  t.match(late.out, /at 2024-03-20T07:59:59\+09:00 \(Asia\/Tokyo\)\n/)
  t.match(late.out, /not yet in force.*from 2024-03-20T08:00:00\+09:00\n/)
  t.match((await interdict(...tokyo, '2024-03-20T08:00')).out, /BLOCKED/)
  const wrong = await interdict(...words, '--time-zone', 'Asia/Tokio')
  const hint = /--time-zone: Asia\/Tokio is not a time zone .*; did you mean 'Asia\/Tokyo'\?/
  t.match(wrong, { code: 2, out: '', err: hint })
})

t.test('shows the same SHA-256 of the rules as check', async t => {
  const file = writeSite(t, FILES)
  const words = ['explain', 'www.example', '-f', '10.20.1.1', '--no-upstream', '-c', file]
  const checked = await interdict('check', '--json', '-c', file)
  const { sha256 } = (JSON.parse(checked.out) as { rules: { sha256: string } }).rules
  const [text, json] = [await interdict(...words), await interdict(...words, '--json')]
  t.match(text.out, new RegExp(`^Rules SHA-256 ${sha256}$`, 'm'))
  t.match(JSON.parse(json.out), { rules: { sha256 } })
})

t.test('an allow rule wins over a block rule', async t => {
  const words = ['explain', 'good.tracker.example', '-f', '10.20.1.1', '--no-upstream', '--json']
  const { out } = await interdict(...words, '-c', writeSite(t, FILES))
  const { steps } = JSON.parse(out) as Shown
  t.strictSame(
    steps[0]?.rules.map(({ outcome }) => outcome),
    ['decides', 'loses to a higher tier']
  )
})

t.test('shows what the network does to HTTPS records', async t => {
  const rules = NETWORKS.replace('prefixes: [10.20', 'ech: hide-https\n    prefixes: [10.20')
  const file = writeSite(t, { ...FILES, 'rules/networks.yaml': rules })
  const ask = ['explain', 'www.example', '--from', '10.20.1.1', '--type', 'HTTPS', '-c', file]
  const { out } = await interdict(...ask)
  t.match(out, /in network phones \(ech: hide-https\), at/)
  t.match(out, /LOCAL by the network's ech\n/)
  t.match(out, /EDE 17.*HTTPS records are hidden in this network/)
  const shown = JSON.parse((await interdict(...ask, '--json')).out) as Shown
  t.match(shown, { ech: 'hide-https', verdict: 'local', match: 'ech', rule: null })
})

t.test('shows which private address made the rebinding guard block an answer', async t => {
  const upstream = await BadUpstream.open(good(9))
  t.teardown(() => upstream.close())
  const servers = `servers: ['127.0.0.1:${upstream.endpoint.port}']`
  const guard =
    'rebinding-guard: { enabled: true, addresses: [192.0.2.0/24], allow: [own.example] }'
  const settings = `rules: rules\nupstreams: { ${servers} }\n${guard}\n`
  const file = writeSite(t, { ...FILES, 'interdict.yaml': settings })
  const ask = (name: string, ...more: string[]): ReturnType<typeof interdict> =>
    interdict('explain', name, '--from', '10.20.1.1', '-c', file, ...more)
  const { out } = await ask('www.example')
  t.match(out, /BLOCKED by the rebinding guard, for a private address in the answer/)
  t.match(out, /192\.0\.2\.9, a private address: none/)
  t.match(out, /EDE 15.*private address/)
  const shown = JSON.parse((await ask('www.example', '--json')).out) as Shown
  t.match(shown, { verdict: 'blocked', match: 'rebinding', rule: null })
  t.match(shown.steps.at(-1), { subject: '192.0.2.9', inside: true })
  const exempt = await ask('www.own.example')
  t.match(exempt.out, /FORWARDED/)
  t.notMatch(exempt.out, /private/)
})

t.test('shows why a shared name was forced', async t => {
  const networks = `networks: { n: { prefixes: [10.0.0.0/8], block: [{ names: [zip], force: so }] } }`
  const settings = writeSite(t, { ...FILES, 'rules/networks.yaml': networks })
  const words = ['-c', settings, 'explain', 'a.zip', '--from', '10.0.0.1', '--no-upstream']
  t.match((await interdict(...words)).out, /\n {2}forced +so\n/)
  t.match(JSON.parse((await interdict(...words, '--json')).out), { rule: { forced: 'so' } })
})

t.test('takes the host name of a URL, host:port or e-mail address', async t => {
  const file = writeSite(t, FILES)
  const ask = (name: string, ...more: string[]): ReturnType<typeof interdict> =>
    interdict('explain', name, '-f', '10.20.1.1', '--no-upstream', '-c', file, ...more)
  for (const text of [
    'https://www.clip.example/foo?a=b#c',
    'HTTP://me:secret@www.clip.example:8080',
    'www.clip.example:443',
    'someone@www.clip.example',
    'mailto:someone@www.clip.example'
  ]) {
    const { code, out, err } = await ask(text, '--json')
    t.match({ code, err }, { code: 0, err: 'using the host name www.clip.example\n' })
    t.match(JSON.parse(out), { name: 'www.clip.example', verdict: 'blocked' }, text)
  }
  t.match(await ask('www.clip.example'), { code: 0, err: '' })
  t.match(await ask('_0\\/25.clip.example'), { code: 0, out: /_0\/25\.clip\.example A/, err: '' })
  for (const text of [
    'www.clip.example/foo',
    'clip example',
    'https://',
    'https://192.0.2.1/',
    'https://[2001:db8::1]:443/',
    'clip.example:http',
    'a@b@clip.example'
  ]) {
    t.match(await ask(text), { code: 2, out: '', err: /^error: <name>: / }, text)
  }
})

t.test('a client of the rules, wherever it is', async t => {
  const rules = `networks:
  lan: { prefixes: [10.0.0.0/8], bans: [{ names: [lan.example], authority: A, reference: R }] }
  phones: { bans: [{ names: [clip.example], authority: A, reference: R }] }
clients: { phone: { network: phones, sni: phone } }
`
  const config = writeSite(t, { ...FILES, 'rules/networks.yaml': rules })
  const explain = (...words: string[]) =>
    interdict('explain', 'clip.example', '--no-upstream', '-c', config, ...words)
  const found = await explain('--client', 'phone')
  t.match(found, { code: 0, out: /from client phone, in network phones[\s\S]*BLOCKED/ })
  const inside = await explain('--client', 'phone', '--from', '10.1.2.3', '--json')
  t.match(JSON.parse(inside.out), {
    ...{ client: '10.1.2.3', network: 'phones', addressNetwork: 'lan', verdict: 'blocked' },
    ...{ device: { name: 'phone', status: 'known', reason: null }, rule: { network: 'phones' } },
    steps: [{ rules: [{ outcome: 'decides', network: 'phones' }] }]
  })
  t.match(
    (await explain('--client', 'phone', '-f', '10.1.2.3')).out,
    /phone at 10\.1\.2\.3, in network phones and under the bans of network lan, /
  )
  const other = await interdict(
    ...['explain', 'lan.example', '--no-upstream', '-c', config, '--client', 'phone'],
    ...['-f', '10.1.2.3']
  )
  t.match(other.out, /BLOCKED by its name\n +ban .*\n +of network +lan\n/)
  t.match(other.out, /decides +ban lan\S* of network lan /)
  t.match(await explain('--client', 'x'), { code: 1, err: /CLIENT_NONE|no client 'x'/ })
  t.match(await explain(), { code: 2, err: /give the address of the client with --from/ })
})
