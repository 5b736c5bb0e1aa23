import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { CLIP, onTerminal, writeSite } from './run.js'

const SHARE = 'app: share\ntitle: Share\nnames: [share.example]\n'

function networks(...bans: string[]): string {
  return `defaults: { time-zone: Europe/Brussels }
networks:
  phones:
    prefixes: [10.20.0.0/16, 10.20.7.0/28]
    bans: [${bans.join(', ')}]
`
}

/** A ban, with optional further keys. */
function ban(id: string, app: string, more = ''): string {
  return `{ id: ${id}, apps: [${app}], authority: Office, reference: decision${more} }`
}

const AT = ['--at', '2023-03-01'] as const

/** Compares two rules folders that differ in `networks.yaml` only. */
async function diff(t: Test, before: string, after: string, ...words: string[]) {
  const folder = dirname(
    writeSite(t, {
      'old/networks.yaml': before,
      'old/apps/clip.yaml': CLIP,
      'old/apps/share.yaml': SHARE,
      'new/networks.yaml': after,
      'new/apps/clip.yaml': CLIP,
      'new/apps/share.yaml': SHARE
    })
  )
  const ran = await onTerminal(80, 'diff', join(folder, 'old'), join(folder, 'new'), ...words)
  return { ...ran, out: ran.out.replaceAll(`${folder}/`, '') }
}

t.test('ignores changes of ids, order and comments', async t => {
  const before = networks(ban('one', 'clip'), ban('two', 'share'))
  const after = `# other words\n${networks(ban('zwei', 'share'), ban('eins', 'clip'))}`
  const { code, out } = await diff(t, before, after, ...AT)
  t.equal(out, 'From old to new, from 2023-03-01T00:00:00+01:00 on\n\nNothing changes.\n')
  t.equal(code, 0)
})

t.test('shows what changes, for which clients and when, within 80 columns', async t => {
  const before = networks(ban('one', 'clip'))
  const after = networks(
    ban('one', 'clip', ', action: refused, owner: a head of security whose name is a long one'),
    ban('two', 'share', ', from: 2023-03-10')
  )
    .replace(', 10.20.7.0/28]', ']')
    .replace(
      '    bans',
      '    exceptions: [{ id: press, apps: [clip], purpose: research, approved-by: head, prefixes: [10.20.7.0/28], from: 2023-03-01, until: 2023-06-30 }]\n    bans'
    )
  const { code, out } = await diff(t, before, after, ...AT)
  t.equal(
    out,
    `From old to new, from 2023-03-01T00:00:00+01:00 on

change   source             names
blocked  app share (Share)      1
  clients  phones
  was      forwarded
  is       nxdomain by ban two, EDE blocked
  when     from 2023-03-10T00:00:00+01:00
  names    share.example
lifted   app clip (Clip)        1
  clients  phones (10.20.7.0/28)
  was      nxdomain by ban one, EDE blocked
  is       allowed by exception press, purpose research, approved by head
  when     until 2023-06-30T00:00:00+02:00
  names    clip.example
answer   app clip (Clip)        1
  clients  phones (10.20.0.0/16 except 10.20.7.0/28)
  was      nxdomain by ban one, EDE blocked
  is       refused by ban one, EDE blocked, owner a head of security whose name
           is a long one
  names    clip.example
answer   app clip (Clip)        1
  clients  phones (10.20.7.0/28)
  was      nxdomain by ban one, EDE blocked
  is       refused by ban one, EDE blocked, owner a head of security whose name
           is a long one
  when     from 2023-06-30T00:00:00+02:00
  names    clip.example

4 changes.
`
  )
  t.equal(code, 1)
})

t.test('shows local records as text', async t => {
  const records = `${networks()}    records: [{ name: nas.example, a: 10.20.1.2, mx: 10 mx.example }]\n`
  const { out } = await diff(t, networks(), records, ...AT, '--json')
  t.match(out, /"records": \[\s*"A 10\.20\.1\.2",\s*"MX 10 mx\.example/)
  t.match(await diff(t, networks(), records, ...AT), { code: 1, out: /record phones/ })
})

t.test('--only accepts changes of that app', async t => {
  const before = networks(ban('one', 'clip'))
  const after = networks(ban('one', 'clip', ', action: refused'))
  const fine = await diff(t, before, after, ...AT, '--only', 'clip')
  t.equal(fine.code, 0)
  t.match(fine.out, /\n1 change, none outside clip\.\n$/)

  const more = networks(ban('one', 'clip', ', action: refused'), ban('two', 'share'))
  const both = await diff(t, before, more, ...AT, '--only', 'clip')
  t.equal(both.code, 1)
  t.match(both.out, /blocked {2}app share \(Share\) {6}1\n {2}outside {2}clip\n/)
  t.match(both.out, /\n2 changes, 1 outside clip\.\n$/)
  t.equal((await diff(t, before, more, ...AT, '--only', 'clip, share')).code, 0)

  const moved = await diff(
    t,
    before,
    before.replace('10.20.0.0/16', '10.21.0.0/16'),
    '--only',
    'clip'
  )
  t.equal(moved.code, 1)
  t.match(
    moved.out,
    /moved {3}phones -> no network\n {2}clients {2}10\.20\.0\.0\/16 except 10\.20\.7\.0\/28\n/
  )
  t.match(moved.out, /moved {3}no network -> phones\n {2}clients {2}10\.21\.0\.0\/16\n/)
})

t.test('a change of ech is a change', async t => {
  const before = networks(ban('one', 'clip'))
  const after = before.replace('    prefixes:', '    ech: strip\n    prefixes:')
  const { code, out } = await diff(t, before, after, ...AT, '--only', 'clip')
  t.equal(code, 1)
  t.match(out, /\nNetwork phones: ech pass -> strip\.\n\n1 change, 1 outside clip\.\n$/)
  const json = await diff(t, before, after, ...AT, '--json')
  t.match(JSON.parse(json.out), { ech: [{ network: 'phones', old: 'pass', new: 'strip' }] })
})

t.test('a change of dnssec is a change, and one of its exceptions', async t => {
  const before = networks(ban('one', 'clip'))
  const exception = '{ name: broken.example, purpose: P, approved-by: A'
  const after = `dnssec:
  exceptions:
    - ${exception}, from: 2023-03-01, last-day: 2023-03-20 }
${before.replace('    prefixes:', '    dnssec: enforce\n    prefixes:')}`
  const { code, out } = await diff(t, before, after, ...AT)
  t.equal(code, 1)
  t.match(
    out,
    /\nNetwork phones: dnssec off -> enforce\.\nDNSSEC exceptions added: broken\.example\.\n\n2 changes\.\n$/
  )
  const json = await diff(t, before, after, ...AT, '--json')
  t.match(JSON.parse(json.out), {
    dnssec: [{ network: 'phones', old: 'off', new: 'enforce' }],
    dnssecExceptions: [{ change: 'added', name: 'broken.example' }]
  })
})

t.test('a change of DNSSEC trust anchors is a change', async t => {
  const anchor = (tag: number) => `corp.example DS ${tag} 13 2 ${'0F'.repeat(32)}`
  const rules = (...tags: number[]) => `dnssec:
  trust-anchors: [${tags.map(tag => `'${anchor(tag)}'`).join(', ')}]
${networks(ban('one', 'clip'))}`
  const { code, out } = await diff(t, rules(1, 2), rules(2, 3), ...AT)
  t.equal(code, 1)
  const lines = `DNSSEC trust anchor added: ${anchor(3)}.\nDNSSEC trust anchor removed: ${anchor(1)}.\n`
  t.ok(out.endsWith(`${lines}\n2 changes.\n`), out)
  const json = await diff(t, rules(1, 2), rules(2, 3), ...AT, '--json')
  t.match(JSON.parse(json.out), {
    trustAnchors: [
      { change: 'added', anchor: anchor(3) },
      { change: 'removed', anchor: anchor(1) }
    ]
  })
})

t.test('a change of forwarders, DNS64 or egress is a change', async t => {
  const before = networks(ban('one', 'clip'))
  const keys =
    '    forward: { corp.example: [10.0.0.53], .: [192.0.2.1] }\n    dns64: 64:ff9b::/96\n    egress: deny\n'
  const after = before.replace('    prefixes:', `${keys}    prefixes:`)
  const { code, out } = await diff(t, before, after, ...AT)
  t.equal(code, 1)
  t.match(out, '\nNetwork phones: forward none -> corp.example to 10.0.0.53; 192.0.2.1.\n')
  t.match(
    out,
    /\nNetwork phones: dns64 none -> 64:ff9b::\/96\.\nNetwork phones: egress off -> deny\.\n\n3 changes\.\n$/
  )
  const json = await diff(t, after, before, ...AT, '--json')
  t.match(JSON.parse(json.out), {
    resolution: [
      { network: 'phones', key: 'forward', old: /^corp\.example/, new: 'none' },
      { network: 'phones', key: 'dns64', old: '64:ff9b::/96', new: 'none' },
      { network: 'phones', key: 'egress', old: 'deny', new: 'off' }
    ]
  })
  const excluding = after.replace(
    'dns64: 64:ff9b::/96',
    'dns64: { prefix: 64:ff9b::/96, exclude-a: [] }'
  )
  t.match(
    (await diff(t, after, excluding, ...AT)).out,
    /dns64 64:ff9b::\/96 without .*10\.0\.0\.0\/8.* -> 64:ff9b::\/96 without /
  )
})

t.test('prints JSON', async t => {
  const after = networks(ban('one', 'clip', ', until: 2023-04-01'))
  const { code, out } = await diff(t, networks(), after, ...AT, '--json', '--only', 'clip')
  t.equal(code, 0)
  t.match(JSON.parse(out), {
    at: '2023-02-28T23:00:00Z',
    old: { folder: 'old', sha256: /^[0-9a-f]{64}$/ },
    new: { folder: 'new' },
    only: ['clip'],
    moves: [],
    renamed: [],
    changes: [
      {
        change: 'blocked',
        outside: false,
        names: 1,
        examples: ['clip.example'],
        clients: [{ old: 'phones', new: 'phones', prefixes: null }],
        from: null,
        until: '2023-03-31T22:00:00Z',
        old: { verdict: 'forwarded' },
        new: {
          verdict: 'blocked',
          action: 'nxdomain',
          ttl: 60,
          ede: 'blocked',
          text: 'Clip: decision',
          kind: 'ban',
          rule: 'one',
          app: 'clip',
          facts: { authority: 'Office', reference: 'decision' }
        }
      }
    ]
  })
})

t.test('reports invalid rules of both folders', async t => {
  const { code, out, err } = await diff(
    t,
    networks(ban('one', 'klip')),
    networks(ban('two', 'clap'))
  )
  t.strictSame([code, out], [1, ''])
  t.match(err, /old\/networks\.yaml:.*klip.*\n.*new\/networks\.yaml:.*clap.*\n2 errors\n/)
})

const wrong = [
  { it: 'an unknown app', words: ['--only', 'klip'] },
  { it: 'an invalid time', words: ['--at', 'noon'] },
  { it: 'an invalid number', words: ['--examples', 'all'] }
]
for (const { it, words } of wrong) {
  t.test(`ends with 2 after ${it}`, async t => {
    const { code, out, err } = await diff(t, networks(), networks(), ...words)
    t.strictSame([code, out], [2, ''])
    t.match(err, words[0])
  })
}

t.test('clients that are recognized', async t => {
  const rules = (...clients: string[]): string =>
    `networks: { phones: { prefixes: [10.0.0.0/8] }, press: {} }\nclients: { ${clients.join(', ')} }\n`
  const before = rules('one: { network: phones, sni: a }', 'two: { network: phones, sni: b }')
  const after = rules('two: { network: press, sni: c }', 'new: { network: press, sni: d }')
  const { code, out } = await diff(t, before, after)
  t.equal(code, 1)
  t.match(out, /^Clients removed in phones: one\.$/m)
  t.match(out, /^Clients changed in phones, now in press \(network, sni\): two\.$/m)
  t.match(out, /^Clients added in press: new\.$/m)
  const { clients } = JSON.parse((await diff(t, before, after, '--json')).out) as {
    clients: object[]
  }
  t.match(clients, [{ id: 'one', kind: 'removed' }, { id: 'two' }, { network: { new: 'press' } }])
})
