import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadConfig } from '../../src/gateway/config/load-settings.js'
import { decisiveSettings } from '../../src/gateway/config/decisive-settings.js'
import { DECISION_REVISION } from '../../src/policy/evaluate/revision.js'
import { sha256Of } from '../../src/base/bytes/sha256.js'
import { historyFolder } from '../../src/policy/history/history-folder.js'
import {
  HistoryWriter,
  type FileContent,
  type NewEvent
} from '../../src/policy/history/history-writer.js'

const APPS = 20
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const SETTINGS =
  'rules: rules\nupstreams: { use-resolv-conf: false }\nlog: { queries: { which: none } }\n'

/** A ban as the generator means it. */
interface TrueBan {
  readonly app: number
  /** Days since the epoch. */
  readonly from: number
  readonly until: number
  /** Hours of each day, UTC; undefined: always. */
  readonly hours: readonly [number, number] | undefined
}

/** What is in force from a moment on, as the generator means it; undefined: the gateway is stopped. */
interface TrueState {
  readonly at: number
  readonly sha256: string | undefined
  readonly bans: readonly TrueBan[]
  readonly pausedUntil: number
}

export interface Moment {
  readonly at: string
  readonly name: string
  /** `unknown`: the gateway was stopped. */
  readonly verdict: 'blocked' | 'forwarded' | 'unknown'
  readonly sha256: string | null
}

/** Random numbers below 2 ** 32, the same in each run. */
function lehmer(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

/**
 * Generates a year of reloads of a change in one file, with pauses and stops in between, and has them recorded as the
 * gateway does. It keeps its own account of what was in force, which knows nothing of rules or their compiler.
 */
export class GeneratedHistory {
  readonly settings: string
  private readonly states: TrueState[] = []
  private readonly random = lehmer(20_261_130)
  private readonly files: readonly FileContent[]
  private readonly writer: HistoryWriter
  private readonly start = Date.UTC(2025, 0, 6)
  private end = 0

  /** @param list a list that never changes, beside the rules */
  constructor(
    readonly folder: string,
    private readonly list: string | undefined
  ) {
    this.settings = join(folder, 'interdict.yaml')
    this.write('interdict.yaml', SETTINGS)
    this.writer = new HistoryWriter(historyFolder(join(folder, 'state')))
    const apps = Array.from({ length: APPS }, (_, i) => {
      const id = `app${i}`
      const text = `app: ${id}\ntitle: App ${i}\nkind: app\nvendor: Example\nnames: [${id}.example]\n`
      return contentOf(`apps/${id}.yaml`, text)
    })
    this.files = [...apps, ...(list === undefined ? [] : [contentOf('lists/bad.txt', list)])]
  }

  /** Records so many reloads within a year. */
  async record(reloads: number): Promise<void> {
    const config = await loadConfig(this.settings)
    if (!config.ok) throw new Error('invalid settings')
    const settings = decisiveSettings(config.config)
    const step = Math.floor((365 * DAY) / reloads)
    let bans: readonly TrueBan[] = []
    for (let i = 0; i < reloads; i++) {
      const at = this.start + i * step + this.random(Math.max(1, step - 2000))
      bans = this.changed(bans, Math.floor(at / DAY))
      const text = this.networks(bans, i)
      const files = [contentOf('networks.yaml', text), ...this.files]
      const sha256 = digestOf(files)
      const isPaused = this.random(10) === 0
      const until = Math.floor(at / 1000) + 60 * (1 + this.random(600))
      const event: NewEvent = {
        ...{ at: new Date(at).toISOString(), event: i === 0 ? 'start' : 'reload', sha256 },
        ...{ files: sha256, generation: i + 1, zones: [], bundle: null, settings },
        pauses: isPaused ? [{ rule: 'noise', until }] : [],
        ...{ program: '0.1.0', revision: DECISION_REVISION, tz: process.versions.tz ?? '' },
        ...{ reason: 'file changed', by: null, summary: '1 rule changed' }
      }
      const zone = () => Promise.resolve(undefined)
      const { missing } = await this.writer.record(event, { files, zone })
      if (missing.length > 0) throw new Error(`not stored: ${missing.join(', ')}`)
      this.states.push({ at, sha256, bans, pausedUntil: isPaused ? until * 1000 : 0 })
      if (this.random(20) === 0) {
        const stopped = at + 1000 + this.random(500)
        if (stopped < this.start + (i + 1) * step) {
          await this.writer.end({ at: new Date(stopped).toISOString(), event: 'stop' })
          this.states.push({ at: stopped, sha256: undefined, bans: [], pausedUntil: 0 })
        }
      }
      this.end = at
    }
  }

  /** A random moment and name, and what is true of them. */
  moment(): Moment {
    const seconds =
      Math.ceil(this.start / 1000) + this.random(Math.floor((this.end - this.start) / 1000))
    const at = seconds * 1000
    const state = this.states.findLast(one => one.at <= at)
    // Half of them of a ban in the rules, whether it is active or not.
    const banned = this.random(2) === 0 ? state?.bans[this.random(12)]?.app : undefined
    const app = banned ?? this.random(APPS + 1)
    const name = app === APPS ? 'noise.example' : `www.app${app}.example`
    const shown = { at: new Date(at).toISOString().replace('.000Z', 'Z'), name }
    if (state?.sha256 === undefined) return { ...shown, verdict: 'unknown', sha256: null }
    const isBlocked =
      app === APPS
        ? at >= state.pausedUntil
        : state.bans.some(ban => ban.app === app && isActive(ban, at))
    return { ...shown, verdict: isBlocked ? 'blocked' : 'forwarded', sha256: state.sha256 }
  }

  /** The text of a version, as it was written. */
  readonly texts = new Map<string, string>()

  private networks(bans: readonly TrueBan[], i: number): string {
    const lines = bans.map(({ app, from, until, hours }, n) => {
      const schedule = hours && `, schedule: { hours: ${hours.map(clock).join('-')} }`
      return `      - { id: b${n}, apps: [app${app}], authority: Office, reference: test, from: ${day(from)}, until: ${day(until)}${schedule ?? ''} }`
    })
    const list = this.list === undefined ? '' : ', { lists: [bad] }'
    const text = `# Change ${i}
networks:
  all:
    prefixes: [10.0.0.0/8]
    block: [{ id: noise, names: [noise.example] }${list}]
    bans:${lines.length === 0 ? ' []' : `\n${lines.join('\n')}`}
${this.list === undefined ? '' : 'lists: { bad: { file: lists/bad.txt } }\n'}`
    this.texts.set(digestOf([contentOf('networks.yaml', text), ...this.files]), text)
    return text
  }

  /** One ban more, less or other. */
  private changed(bans: readonly TrueBan[], today: number): readonly TrueBan[] {
    const { random } = this
    const how = random(3)
    const at = random(Math.max(1, bans.length))
    if (bans.length > 12 || (how === 0 && bans.length > 0)) return bans.filter((_, i) => i !== at)
    const from = today - random(3)
    const first = random(24)
    const hours = random(3) === 0 ? ([first, (first + 1 + random(22)) % 24] as const) : undefined
    const ban = { app: random(APPS), from, until: today + 1 + random(5), hours }
    return how === 1 && bans.length > 0 ? bans.with(at, ban) : [...bans, ban]
  }

  private write(name: string, text: string): void {
    const path = join(this.folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}

function isActive({ from, until, hours }: TrueBan, at: number): boolean {
  const today = Math.floor(at / DAY)
  if (today < from || today >= until) return false
  if (hours === undefined) return true
  const hour = Math.floor((at % DAY) / (60 * MINUTE))
  const [first, last] = hours
  return first < last ? hour >= first && hour < last : hour >= first || hour < last
}

const clock = (hour: number): string => `${String(hour).padStart(2, '0')}:00`
const day = (days: number): string => new Date(days * DAY).toISOString().slice(0, 10)

function contentOf(name: string, text: string): FileContent {
  const octets = Buffer.from(text)
  return { name, sha256: sha256Of(octets), content: () => Promise.resolve(octets) }
}

/** As a rules folder computes it. */
function digestOf(files: readonly FileContent[]): string {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1))
  return sha256Of(Buffer.from(sorted.map(({ name, sha256 }) => `${name}\0${sha256}\0`).join('')))
}
