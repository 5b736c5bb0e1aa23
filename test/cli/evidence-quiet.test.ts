/** What an evidence pack says of times in which nobody asked, with the history of rules and without. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { generateKeys } from '../../src/base/files/ed25519.js'
import { HistorySite } from './history-rig.js'
import { interdict } from './run.js'

const SETTINGS = `rules: rules
upstreams: { use-resolv-conf: false }
log: { queries: { which: all, file: log/queries.jsonl } }
`
const rules = (bans: string): string => `networks:
  phones: { prefixes: [10.1.0.0/16], bans: [${bans}] }
`
const BANNED = rules('{ id: be-clip, names: [clip.example], authority: Council, reference: R7 }')
const OPEN = rules('')
const NETWORKS = 'rules/networks.yaml'
const at = (time: string): string => `2026-06-01T${time}:00Z`
const PERIOD = ['--since', at('10:00'), '--until', at('16:00'), '--time-zone', 'UTC']

/** A gateway with a log and a history, and packs about its ban. */
class QuietSite extends HistorySite {
  private readonly lines: string[] = []
  private packs = 0
  /** SHA-256 of the rules with the ban and without it, as in the log. */
  versions: Record<'banned' | 'open', string> = { banned: '', open: '' }

  static async create(t: Test): Promise<QuietSite> {
    const site = new QuietSite(t, {
      'interdict.yaml': SETTINGS,
      [NETWORKS]: BANNED,
      'log/queries.jsonl': '',
      'state/banned-names.json': JSON.stringify({ v: 1, since: Date.parse(at('00:00')) / 1000 }),
      'key.pem': generateKeys().privatePem
    })
    // Far before the period, so that both are known.
    const early = { event: 'start' } as const
    const banned = await site.inForce('01:00', 'banned', 1, early)
    site.versions = { banned, open: await site.inForce('01:10', 'open', 2) }
    await site.stop(at('02:00'))
    return site
  }

  /** Records that rules came in force. */
  async inForce(
    time: string,
    which: 'banned' | 'open',
    generation: number,
    more: { readonly event?: 'start' } = {}
  ): Promise<string> {
    this.write(NETWORKS, which === 'banned' ? BANNED : OPEN)
    const sha256 = await this.record(at(time), { generation, ...more })
    return sha256.slice(0, 12)
  }

  lookup(time: string, which: 'banned' | 'open', generation: number, sha256?: string): void {
    const rule = { verdict: 'blocked', match: 'qname', ban: 'be-clip', pattern: 'clip.example' }
    this.lines.push(
      JSON.stringify({
        ...{ v: 1, time: at(time), generation, sha256: sha256 ?? this.versions[which] },
        ...{ client: '10.1.0.7', network: 'phones', protocol: 'udp', qname: 'clip.example' },
        ...{ qtype: 'A', us: 5, ...(which === 'banned' ? rule : { verdict: 'forwarded' }) }
      })
    )
  }

  /** Times in the period in which the ban was not known to be in force, as `FROM-UNTIL STATUS`. */
  async windows(): Promise<readonly string[]> {
    this.write('log/queries.jsonl', this.lines.map(line => `${line}\n`).join(''))
    this.write(NETWORKS, BANNED)
    const folder = join(this.folder, `pack${++this.packs}`)
    const made = await interdict(
      ...['evidence', 'be-clip', '-c', this.settings, '-k', join(this.folder, 'key.pem')],
      ...['-o', folder, ...PERIOD]
    )
    if (made.code !== 0 || made.err !== '') throw new Error(made.err)
    const page = JSON.parse(readFileSync(join(folder, 'evidence.json'), 'utf8')) as Page
    this.page = page
    const verified = JSON.parse(readFileSync(join(folder, 'enforcement.json'), 'utf8')) as object
    this.enforcement = verified
    return page.tables['not-in-force']!.map(
      ({ from, until, status }) => `${from.slice(11, 16)}-${until.slice(11, 16)} ${status}`
    )
  }

  page: Page | undefined
  enforcement: object | undefined

  dropHistory(): void {
    this.write('state/history/000001.jsonl', '')
  }
}

interface Page {
  readonly tables: Record<
    string,
    readonly { readonly from: string; readonly until: string; readonly status: string }[]
  >
  readonly remarks: readonly string[]
}

t.test('quiet first hours with the ban off, and a lookup before the period', async t => {
  const site = await QuietSite.create(t)
  await site.inForce('09:00', 'banned', 1, { event: 'start' })
  site.lookup('09:30', 'banned', 1)
  await site.inForce('09:40', 'open', 2)
  await site.inForce('12:00', 'banned', 3)
  site.lookup('13:00', 'banned', 3)
  site.lookup('15:59', 'banned', 3)
  t.strictSame(await site.windows(), ['10:00-12:00 not in force'])
  t.match(site.page!.tables['not-in-force'], [{ rules: site.versions.open }])
  t.match(site.enforcement, { segments: [{ kind: 'rules', isRecorded: true }] })
  site.dropHistory()
  t.strictSame(await site.windows(), ['10:00-13:00 not known', '15:59-16:00 not known'])
})

t.test('quiet hours before the first lookup of the log and after the last', async t => {
  const site = await QuietSite.create(t)
  await site.inForce('09:00', 'open', 1, { event: 'start' })
  await site.inForce('12:00', 'banned', 2)
  site.lookup('13:00', 'banned', 2)
  site.lookup('14:00', 'banned', 2)
  await site.inForce('15:00', 'open', 3)
  t.strictSame(await site.windows(), ['10:00-12:00 not in force', '15:00-16:00 not in force'])
  t.match(site.page!.remarks.join(), /From 2026-06-01 15:00 nothing was logged/)
  site.dropHistory()
  t.strictSame(await site.windows(), ['10:00-13:00 not known', '14:00-16:00 not known'])
})

t.test('a period without any lookup', async t => {
  const site = await QuietSite.create(t)
  await site.inForce('09:00', 'banned', 1, { event: 'start' })
  await site.inForce('11:00', 'open', 2)
  await site.inForce('11:30', 'banned', 3)
  await site.stop(at('15:00'))
  t.strictSame(await site.windows(), ['11:00-11:30 not in force', '15:00-16:00 restart'])
  site.dropHistory()
  site.lookup('09:30', 'banned', 1)
  t.strictSame(await site.windows(), ['10:00-16:00 not known'])
})

t.test('other rules between two starts with the same rules and generation', async t => {
  const site = await QuietSite.create(t)
  await site.inForce('09:00', 'banned', 1, { event: 'start' })
  site.lookup('10:00', 'banned', 1)
  site.lookup('10:30', 'banned', 1)
  await site.stop(at('11:00'))
  await site.inForce('11:05', 'open', 1, { event: 'start' })
  await site.stop(at('12:00'))
  await site.inForce('12:05', 'banned', 1, { event: 'start' })
  site.lookup('13:00', 'banned', 1)
  site.lookup('15:59', 'banned', 1)
  t.strictSame(await site.windows(), [
    '11:00-11:05 restart',
    '11:05-12:00 not in force',
    '12:00-12:05 restart'
  ])
})

t.test('after a crash it is not known when the gateway ended', async t => {
  const site = await QuietSite.create(t)
  await site.inForce('09:00', 'banned', 1, { event: 'start' })
  site.lookup('10:00', 'banned', 1)
  site.lookup('10:30', 'banned', 1)
  await site.inForce('12:00', 'banned', 1, { event: 'start' })
  site.lookup('13:00', 'banned', 1)
  site.lookup('15:59', 'banned', 1)
  t.strictSame(await site.windows(), ['10:30-12:00 restart'])
})

t.test('a history that contradicts the log is not used', async t => {
  const site = await QuietSite.create(t)
  await site.inForce('09:00', 'banned', 1, { event: 'start' })
  site.lookup('12:00', 'open', 7, 'ffffffffffff')
  site.lookup('15:59', 'open', 7, 'ffffffffffff')
  const windows = await site.windows()
  t.equal(windows[0], '10:00-12:00 not known')
  t.notOk(windows.some(window => window.endsWith('in force') && window.startsWith('10:00')))
})
