import t, { type Test } from 'tap'
import { TODAYS_FILES } from '../../src/cli/args/past.js'
import { app } from '../rules/folder.js'
import { interdict, onTerminal, SETTINGS, writeSite } from './run.js'

const TODAY = `${TODAYS_FILES}\n`

const NETWORKS = `defaults: { time-zone: Europe/Brussels }
networks:
  federal:
    bans:
      - id: federal
        apps: [clip]
        authority: a parliament
        reference: { title: Decision 7, url: 'https://decisions.example/7' }
        legal-basis: law 1
        owner: head of security
        from: 2026-01-01
        review: 2026-06-01
      - { id: trial, apps: [chat], authority: b, reference: c, until: 2026-08-01, mode: monitor }
  phones:
    extends: federal
    prefixes: [10.20.0.0/16]
    exceptions:
      - id: press
        apps: [clip]
        prefixes: [10.20.7.0/28]
        purpose: press monitoring
        approved-by: head of security
        reference: Form 8
        from: 2026-06-01
        until: 2026-07-10T12:00
  guests: { extends: federal, prefixes: [10.30.0.0/16] }
  schools:
    prefixes: [10.40.0.0/16]
    bans:
      - id: recreation
        apps: [chat]
        authority: school board
        reference: "=HYPERLINK(\\"https://evil.example\\", \\"\\u202ered\\")"
        schedule: { days: mon-fri, hours: 08:00-17:00 }
      - { id: coming, names: [coming.example], authority: '@b', reference: c, from: 2026-07-15 }
      - { id: past, names: [past.example], authority: '-b', reference: c, until: 2026-07-01 }
`

const APPS = ['clip', 'chat', 'idle'].flatMap(id => Object.entries(app(id)))

const FILES: Readonly<Record<string, string>> = {
  'interdict.yaml': SETTINGS,
  'rules/networks.yaml': NETWORKS,
  ...Object.fromEntries(APPS.map(([name, text]) => [`rules/${name}`, String(text)]))
}

/** A Wednesday, at noon in Brussels. */
const AT = ['--at', '2026-07-01T12:00']

const bans = (t: Test, ...words: string[]): ReturnType<typeof interdict> =>
  onTerminal(80, 'bans', '-c', writeSite(t, FILES), ...words)

interface Listed {
  readonly id: string
  readonly state: string
  readonly networks: readonly string[]
  readonly lacking?: readonly string[]
}
interface List {
  readonly bans: readonly Listed[]
  readonly exceptions: readonly Listed[]
  readonly notices: readonly { readonly id: string; readonly what: string; readonly at: string }[]
  readonly coverage: readonly Record<string, unknown>[]
}

async function listed(t: Test, ...words: string[]): Promise<List> {
  const { code, out, err } = await bans(t, '--json', ...words)
  t.strictSame([code, err], [0, TODAY])
  return JSON.parse(out) as List
}

const states = ({ bans, exceptions }: List): Record<string, string> =>
  Object.fromEntries([...bans, ...exceptions].map(({ id, state }) => [id, state]))

t.test('shows the state of each ban and exception at a time', async t => {
  t.strictSame(states(await listed(t, ...AT)), {
    federal: 'in force',
    trial: 'in force',
    recreation: 'in force',
    coming: 'to come',
    past: 'ended',
    press: 'in force'
  })
  t.strictSame(states(await listed(t, '--at', '2026-07-15T17:00')), {
    federal: 'in force',
    trial: 'in force',
    recreation: 'outside its hours',
    coming: 'in force',
    past: 'ended',
    press: 'ended'
  })
  t.equal(states(await listed(t, '--at', '2025-12-31T23:59:59')).federal, 'to come')
})

t.test('shows everything that the rules say about them', async t => {
  const list = await listed(t, ...AT)
  t.strictSame(list.bans[0], {
    id: 'federal',
    rule: 'networks.yaml:5',
    state: 'in force',
    networks: ['phones', 'guests'],
    sources: [{ kind: 'app', id: 'clip', title: 'clip' }],
    from: '2025-12-31T23:00:00Z',
    until: null,
    schedule: null,
    reference: 'Decision 7',
    referenceUrl: 'https://decisions.example/7',
    mandates: [],
    mode: 'enforce',
    action: 'nxdomain',
    review: '2026-05-31T22:00:00Z',
    authority: 'a parliament',
    legalBasis: 'law 1',
    owner: 'head of security',
    lacking: ['schools'],
    partly: [],
    scope: null,
    uncovered: []
  })
  t.match(list.exceptions, [
    {
      id: 'press',
      networks: ['phones'],
      prefixes: ['10.20.7.0/28'],
      purpose: 'press monitoring',
      approvedBy: 'head of security',
      reference: 'Form 8',
      until: '2026-07-10T10:00:00Z'
    }
  ])
  t.match(list.bans[2], { schedule: 'mon-fri 08:00-17:00 (Europe/Brussels)' })
})

t.test('lists what starts, ends and is due, by time', async t => {
  const notices = async (...words: string[]): Promise<string[]> => {
    const list = await listed(t, ...words)
    return list.notices.map(({ at, id, what }) => `${at} ${id} ${what}`)
  }
  t.strictSame(await notices(...AT), [
    '2026-05-31T22:00:00Z federal review due',
    '2026-07-10T10:00:00Z press ends',
    '2026-07-14T22:00:00Z coming starts'
  ])
  t.strictSame(await notices(...AT, '--within', '9'), [
    '2026-05-31T22:00:00Z federal review due',
    '2026-07-10T10:00:00Z press ends'
  ])
  const early = ['--at', '2026-05-25', '--within', '80']
  t.strictSame(await notices(...early), [
    '2026-05-31T22:00:00Z federal review',
    '2026-05-31T22:00:00Z press starts',
    '2026-06-30T22:00:00Z past ends',
    '2026-07-10T10:00:00Z press ends',
    '2026-07-14T22:00:00Z coming starts',
    '2026-07-31T22:00:00Z trial ends'
  ])
})

t.test('shows which networks lack a ban that others have', async t => {
  const { coverage } = await listed(t, ...AT)
  t.strictSame(coverage, [
    {
      kind: 'app',
      id: 'clip',
      title: 'clip',
      banned: ['phones', 'guests'],
      monitored: [],
      lacking: ['schools'],
      scope: null,
      uncovered: []
    },
    {
      kind: 'app',
      id: 'chat',
      title: 'chat',
      banned: ['schools'],
      monitored: ['phones', 'guests'],
      lacking: [],
      scope: null,
      uncovered: []
    }
  ])
})

t.test('filters by network and by app', async t => {
  const ids = ({ bans, exceptions }: List): string[] => [...bans, ...exceptions].map(({ id }) => id)
  t.strictSame(ids(await listed(t, ...AT, '--network', 'guests')), ['federal', 'trial'])
  t.strictSame(ids(await listed(t, ...AT, '--app', 'clip')), ['federal', 'press'])
  t.strictSame(ids(await listed(t, ...AT, '--app', 'idle')), [])
})

t.test('--exit-code reports whether anything is due', async t => {
  t.equal((await bans(t, ...AT, '--exit-code')).code, 1)
  t.equal((await bans(t, '--at', '2026-05-01', '--within', '3', '--exit-code')).code, 0)
})

t.test('prints a table that fits a terminal of 80 columns', async t => {
  const { code, out, err } = await bans(t, ...AT)
  t.strictSame([code, err], [0, TODAY])
  t.match(out, /^Bans at 2026-07-01T12:00:00\+02:00 \(Europe\/Brussels\)\n/)
  t.match(out, /5 bans: 3 in force, 1 to come, 1 ended; 1 exception: 1 in force\n/)
  t.match(out, /2026-06-01 +30 days ago +review overdue +ban federal\n/)
  t.match(out, /2026-07-10 12:00 +in 9 days +ends +exception press\n/)
  t.match(out, /federal +clip +phones, guests +in force\n/)
  t.match(out, / a parliament: Decision 7\n +https:\/\/decisions.example\/7\n/)
  t.match(out, /mon-fri 08:00-17:00\n/, 'in the time zone of the rules')
  t.match(out, /clip +phones, guests +schools\n/)
  t.ok(out.split('\n').every(line => line.length <= 80))
  t.notMatch(out, /\u202e/, 'no control characters from the rules')
})

t.test('prints CSV that no spreadsheet takes for a formula', async t => {
  const { code, out, err } = await bans(t, ...AT, '--csv')
  t.strictSame([code, err], [0, TODAY])
  const lines = out.split('\r\n')
  t.equal(lines.length, 1 + 6 + 1)
  t.match(lines[0], /^kind,id,state,what,apps,lists,networks,lacking,prefixes,mode,action,from,/)
  t.match(lines[1], /^ban,federal,in force,clip,clip,,phones; guests,schools,,enforce,nxdomain,/)
  t.match(lines[1], /,2026-01-01T00:00:00\+01:00,,,2026-06-01T00:00:00\+02:00,/)
  t.ok(lines[3]!.includes('"\'=HYPERLINK(""https://evil.example"", ""\\u{202e}red"")"'))
  t.match(lines[4], /,'@b,/)
  t.match(lines[5], /,'-b,/)
  t.notMatch(out, /\u202e/)
})

t.test('invalid rules are reported, and nothing is listed', async t => {
  const wrong = { ...FILES, 'rules/networks.yaml': NETWORKS.replace('[clip]', '[clap]') }
  const { code, out, err } = await interdict('bans', '-c', writeSite(t, wrong))
  t.strictSame([code, out], [1, ''])
  t.match(err, /RULES_UNKNOWN_APP/)
})

const misused = [
  { it: 'an unknown network', words: ['--network', 'phone'], says: /phones, guests, schools/ },
  { it: 'an unknown app', words: ['--app', 'clap'], says: /clip/ },
  { it: 'an invalid time', words: ['--at', 'noon'], says: /--at: noon/ },
  { it: 'an invalid number of days', words: ['--within', 'a week'], says: /--within: a week/ },
  { it: 'two output formats', words: ['--json', '--csv'], says: /--json or --csv/ }
] as const

for (const { it, words, says } of misused) {
  t.test(`ends with 2 after ${it}`, async t => {
    const { code, out, err } = await bans(t, ...words)
    t.strictSame([code, out], [2, ''])
    t.match(err, says)
  })
}
