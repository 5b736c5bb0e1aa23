import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { HistorySite } from './history-rig.js'
import { interdict, SETTINGS } from './run.js'

const FROM = ['--from', '10.1.2.3']
const CLIP = 'app: clip\ntitle: Clip\nkind: app\nvendor: Example\nnames: [clip.example]\n'
const BAN = '{ id: clip-ban, apps: [clip], authority: Office, reference: test }'
const network = (rules: string, more = ''): string =>
  `networks:\n  all: { prefixes: [10.0.0.0/8], ${rules} }\n${more}`
const FILES = {
  'interdict.yaml': SETTINGS,
  'rules/networks.yaml': network(`bans: [${BAN}]`),
  'rules/apps/clip.yaml': CLIP
}
const NETWORKS = 'rules/networks.yaml'
const at = (minute: number): string => `2026-01-05T12:${String(minute).padStart(2, '0')}:00Z`

interface Explained {
  readonly verdict: string
  readonly rule: { readonly id: string } | null
  readonly rules: { readonly sha256: string | null }
  readonly past: {
    readonly since: string | null
    readonly until: string | null
    readonly unknown: readonly string[]
    readonly notes: readonly string[]
    readonly log: { readonly lookups: readonly object[]; readonly remarks: readonly string[] }
  }
}

async function explained(
  { settings }: HistorySite,
  when: string,
  name = 'clip.example',
  ...more: string[]
): Promise<Explained & { readonly code: number }> {
  const words = ['explain', name, ...FROM, '-c', settings, '--at', when, '--json', ...more]
  const { code, out, err } = await interdict(...words)
  if (out === '') throw new Error(err)
  return { code, ...(JSON.parse(out) as Explained) }
}

/** The ban is removed at minute 10, and is back at minute 20; the gateway stops at 30. */
async function banOff(t: Test) {
  const site = new HistorySite(t, FILES)
  const banned = await site.record(at(0), { event: 'start', reason: 'startup' })
  site.write(NETWORKS, network(''))
  const open = await site.record(at(10), { by: 'user:mallory' })
  site.write(NETWORKS, FILES[NETWORKS])
  await site.record(at(20), { reason: 'SIGHUP' })
  await site.stop(at(30))
  return { site, banned, open }
}

t.test('explain --at: by what was in force then, whatever the files have now', async t => {
  const { site, banned, open } = await banOff(t)
  t.match(await explained(site, at(5)), {
    ...{ code: 0, verdict: 'blocked', rule: { id: 'clip-ban' }, rules: { sha256: banned } },
    past: { since: '2026-01-05T12:00:00.000Z', until: '2026-01-05T12:10:00.000Z', unknown: [] }
  })
  t.match(await explained(site, at(15)), {
    ...{ code: 0, verdict: 'forwarded', rule: null, rules: { sha256: open } },
    past: { notes: [/The answer of then is not known/] }
  })
  t.match(await explained(site, at(25)), { verdict: 'blocked', rules: { sha256: banned } })
  const stopped = await explained(site, at(35))
  t.match(stopped, { code: 1, verdict: 'unknown', rule: null, past: { unknown: [/was stopped/] } })
  const before = await explained(site, '2026-01-05T11:59:59Z')
  t.match(before, { code: 1, verdict: 'unknown', past: { unknown: [/history begins at/] } })
  site.write(NETWORKS, 'networks: [this is no mapping\n')
  t.match(await explained(site, at(15)), { verdict: 'forwarded' }, 'even if today they are broken')
  const { out } = await interdict(
    'explain',
    'clip.example',
    ...FROM,
    '-c',
    site.settings,
    '--at',
    at(15)
  )
  t.match(out, new RegExp(`Rules SHA-256 ${open}`))
  t.match(out, 'These rules were in force since 2026-01-05T12:10:00Z until 2026-01-05T12:20:00Z')
})

t.test("--files, or without a history: today's files, and it says so", async t => {
  const { site } = await banOff(t)
  const words = ['explain', 'clip.example', ...FROM, '-c', site.settings, '--at', at(15)]
  const files = await interdict(...words, '--files')
  t.match(files, { code: 0, out: /BLOCKED[\s\S]*These are the rules in today's files/ })
  const author = new HistorySite(t, FILES)
  const found = await explained(author, at(15))
  t.match(found, { verdict: 'blocked', past: { notes: [/today's files/] } })
})

t.test('pauses, schedules and settings of then count', async t => {
  const site = new HistorySite(t, {
    ...FILES,
    [NETWORKS]: network('block: [{ id: noise, names: [noise.example] }]')
  })
  await site.record(at(0))
  const until = Date.parse(at(20)) / 1000
  await site.record(at(10), { event: 'pause', pauses: [{ rule: 'noise', until }] })
  site.write('interdict.yaml', `${SETTINGS}special-use: { answer: false }\n`)
  await site.record(at(40), { event: 'settings' })
  const verdicts = []
  for (const minute of [5, 15, 25])
    verdicts.push((await explained(site, at(minute), 'noise.example')).verdict)
  t.strictSame(verdicts, ['blocked', 'forwarded', 'blocked'])
  t.match(await explained(site, at(30), 'x.onion'), { verdict: 'local' })
  t.match(await explained(site, at(50), 'x.onion'), { verdict: 'forwarded' })
})

t.test('a program that decided differently: nothing is claimed', async t => {
  const site = new HistorySite(t, FILES)
  await site.record(at(0), { program: '0.0.9', revision: 0 })
  const found = await explained(site, at(5))
  t.match(found, { code: 1, verdict: 'unknown', past: { unknown: [/0\.0\.9 of the program/] } })
})

t.test('a list that is not stored: nothing is claimed where it might have decided', async t => {
  const rules = network(
    `bans: [${BAN}], block: [{ lists: [bad] }]`,
    'lists: { bad: { file: bad.txt } }\n'
  )
  const site = new HistorySite(
    t,
    { ...FILES, [NETWORKS]: rules, 'rules/bad.txt': 'bad.example\n' },
    0
  )
  await site.record(at(0))
  t.match(await explained(site, at(5), 'bad.example'), { verdict: 'blocked' }, 'it is as it was')
  site.write('rules/bad.txt', 'worse.example\n')
  await site.record(at(10))
  const found = await explained(site, at(5), 'bad.example')
  t.match(found, {
    code: 1,
    verdict: 'unknown',
    past: { unknown: [/list bad of then is not stored/] }
  })
  t.match(await explained(site, at(5)), { code: 0, verdict: 'blocked' }, 'a ban outranks it')
  t.match(await explained(site, at(15), 'worse.example'), { verdict: 'blocked' })
})

t.test('shows what the log has; one that contradicts the history proves it incomplete', async t => {
  const { site, banned, open } = await banOff(t)
  mkdirSync(join(site.folder, 'log'))
  const log = join(site.folder, 'log/queries.jsonl')
  const line = (time: string, sha256: string, verdict: string): string =>
    `${JSON.stringify({
      ...{
        v: 1,
        time,
        generation: 1,
        sha256: sha256.slice(0, 12),
        client: '10.1.2.3',
        network: 'all'
      },
      ...{ protocol: 'udp', qname: 'clip.example', qtype: 'A', rcode: 'NOERROR', verdict, us: 10 }
    })}\n`
  writeFileSync(log, line('2026-01-05T12:15:01.500Z', open, 'forwarded'))
  t.match(await explained(site, at(15)), {
    ...{ code: 0, verdict: 'forwarded' },
    past: {
      log: { lookups: [{ time: '2026-01-05T12:15:01.500Z', type: 'A', verdict: 'forwarded' }] }
    }
  })
  t.match((await explained(site, at(15), 'other.example')).past.log.lookups, [])
  appendFileSync(log, line('2026-01-05T12:15:02.000Z', banned, 'blocked'))
  const found = await explained(site, at(15))
  t.match(found, { code: 1, verdict: 'unknown', past: { unknown: [/not in force then/] } })
})

t.test('bans --at lists the bans that were in force', async t => {
  const { site } = await banOff(t)
  const bans = async (when: string): Promise<number> => {
    const { out } = await interdict('bans', '-c', site.settings, '--at', when, '--json')
    return (JSON.parse(out) as { bans: unknown[] }).bans.length
  }
  t.strictSame([await bans(at(5)), await bans(at(15)), await bans(at(25))], [1, 0, 1])
  const { code, err } = await interdict('bans', '-c', site.settings, '--at', at(35))
  t.match({ code, err }, { code: 1, err: /HISTORY_UNKNOWN/ })
})

t.test('rules history, show and diff', async t => {
  const { site, banned, open } = await banOff(t)
  const rules = (...words: string[]) => interdict('rules', ...words, '-c', site.settings)
  const { out } = await rules('history')
  const lines = out.trim().split('\n')
  t.match(lines[1], /2026-01-05T12:30:00Z +still +stopped/)
  t.match(lines[2], /12:20:00Z +10 min +[0-9a-f]{12} +SIGHUP/)
  t.match(lines[3], new RegExp(`10 min +${open.slice(0, 12)} +networks.yaml by user:mallory`))
  t.match(lines[4], /start/)
  t.match((await rules('history', '--limit', '1')).out, /3 more entries not shown/)
  const { total } = JSON.parse((await rules('history', '--since', at(12), '--json')).out) as {
    total: number
  }
  t.equal(total, 3)
  const shown = await rules('show', banned.slice(0, 8))
  t.match(
    shown.out,
    /since 2026-01-05T12:00:00Z until 2026-01-05T12:10:00Z[\s\S]*since 2026-01-05T12:20:00Z/
  )
  t.equal((await rules('show', open, 'networks.yaml')).out, network(''))
  t.equal((await rules('show', `@${at(15)}`, 'networks.yaml')).out, network(''))
  const folder = join(site.folder, 'copy')
  await rules('show', open, '--into', folder)
  t.equal(readFileSync(join(folder, 'networks.yaml'), 'utf8'), network(''))
  t.match((await rules('diff', banned, open)).out, /clip/)
  t.match(await rules('show', '0000'), { code: 1, err: /HISTORY_NONE/ })
  t.match(await rules('show', `@${at(35)}`), { code: 1, err: /HISTORY_UNKNOWN/ })
})

t.test('diff and replay take versions of the history', async t => {
  const { site, banned, open } = await banOff(t)
  const compared = await interdict('diff', banned.slice(0, 12), `@${at(15)}`, '-c', site.settings)
  t.match(compared, { code: 1, out: /clip/ })
  const same = await interdict('diff', open, `@${at(15)}`, '-c', site.settings)
  t.match(same, { code: 0, out: /Nothing changes/ })
})

t.test('restore writes a version back, and saves what no version has', async t => {
  const { site, open } = await banOff(t)
  const restore = (...words: string[]) =>
    interdict('rules', 'restore', open.slice(0, 10), '-c', site.settings, ...words)
  site.write('rules/apps/draft.yaml', 'app: draft\n')
  const dry = await restore('--dry-run')
  t.match(dry.out, /would change 2 files:\n {2}write +networks.yaml\n {2}remove +apps\/draft.yaml/)
  t.equal(readFileSync(join(site.rules, 'networks.yaml'), 'utf8'), FILES[NETWORKS], 'not yet')
  const { code, out } = await restore('--json', '--user', 'alice')
  const { saved } = JSON.parse(out) as { saved: string }
  t.equal(code, 0)
  t.equal(readFileSync(join(site.rules, 'networks.yaml'), 'utf8'), network(''))
  t.notOk(existsSync(join(site.rules, 'apps/draft.yaml')))
  t.strictSame(readdirSync(join(saved, 'apps')), ['draft.yaml'], 'the edit is not lost')
  t.notOk(existsSync(join(saved, 'networks.yaml')), 'that one is in the history')
  t.match((await restore()).out, /has version [0-9a-f]+ already/)
  const now = new Date().toISOString()
  t.equal(await site.record(now), open)
  const { entries } = JSON.parse(
    (await interdict('rules', 'history', '--json', '-c', site.settings)).out
  ) as { entries: { by: string | null }[] }
  t.equal(entries[0]!.by, 'alice', 'the history says who it was')
})

t.test('restore refuses what it cannot do', async t => {
  const { site } = await banOff(t)
  t.match(await interdict('rules', 'restore', 'ffff0000', '-c', site.settings), {
    code: 1,
    err: /HISTORY_NONE/
  })
  site.write('interdict.yaml', 'rules: { bundle: rules.bundle, keys: [] }\n')
  const words = ['rules', 'restore', `@${at(15)}`, '-c', site.settings]
  site.write('interdict.yaml', 'rules: { bundle: x.bundle, keys: [k.pub] }\n')
  t.match(await interdict(...words), { code: 1, err: /RESTORE_BUNDLE/ })
})
