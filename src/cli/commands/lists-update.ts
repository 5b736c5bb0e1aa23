import type { Milliseconds, Octets } from '../../base/units.js'
import type { Config } from '../../config/config.js'
import { bootstrapServers, configuredUpstreams } from '../../daemon/control/configured-upstreams.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import type { RulesResult } from '../../rules/load.js'
import { Bootstrap } from '../../sources/http/bootstrap.js'
import { update, type Update } from '../../sources/http/update.js'
import { lockLists } from '../args/lock-lists.js'
import { readRules } from '../args/read-rules.js'
import { settings, type CommonOptions } from '../args/settings.js'
import { transferZones } from '../args/transfer-zones.js'
import { EXIT, refuse, usage } from '../exit.js'
import { print, type Io, type OutputStream } from '../io.js'
import { count, size } from '../output/show.js'
import { copiesOf } from './lists.js'

/** How often progress is drawn. */
const PAUSE: Milliseconds = 100

type Loaded = Extract<RulesResult, { readonly ok: true }>

/**
 * `interdict lists update`: looks for newer states of lists now. It works beside a running gateway,
 * which sees that copies change, and before the first start.
 *
 * @throws InterdictError REMOTE_BUSY
 */
export async function updateLists(
  ids: readonly string[],
  options: CommonOptions,
  io: Io
): Promise<number> {
  const config = await settings(options)
  const { loaded } = await readRules(config, io)
  if (!loaded.ok) refuse(loaded.errors)
  const all = [...loaded.remotes, ...loaded.transfers].map(({ id }) => id)
  for (const id of ids) {
    if (!all.includes(id)) usage(`there is no list ${id} with a url or a zone in the rules`)
  }
  const unlock = lockLists(config)
  try {
    const isFine = await updateAll(config, loaded, ids, io)
    return isFine ? EXIT.success : EXIT.failure
  } finally {
    unlock()
  }
}

/** @returns whether all is well */
async function updateAll(
  config: Config,
  { remotes, transfers, rules }: Loaded,
  ids: readonly string[],
  io: Io
): Promise<boolean> {
  const bootstrap = await Bootstrap.open(
    bootstrapServers(config, configuredUpstreams(config).upstreams)
  )
  const { lookup } = bootstrap
  const { caFile, timeout } = config.remoteLists
  const clients = new Map(rules.networks.map(({ id, prefixes }) => [id, prefixes]))
  const parts = { copies: copiesOf(config), lookup, caFile, timeout, clients, now: Date.now }
  let isFine = true
  for (const list of wanted(ids, remotes)) {
    const line = new ProgressLine(list.id, io.stderr)
    const result = await update(list, { ...parts, progress: line.show })
    line.clear()
    isFine = tell(result, io) && isFine
  }
  bootstrap.close()
  const zones = wanted(ids, transfers)
  return (await transferZones(config, zones, io)) && isFine
}

function wanted<L extends { readonly id: string }>(
  ids: readonly string[],
  lists: readonly L[]
): readonly L[] {
  return ids.length === 0 ? lists : lists.filter(({ id }) => ids.includes(id))
}

/** @returns whether all is well */
function tell(result: Update, io: Io): boolean {
  const { id } = result
  if (!('trouble' in result)) {
    const what = result.kind === 'taken' ? 'newer' : 'unchanged'
    print(io, `${id}: ${count(result.entries, 'entry', 'entries')}, ${what}\n`)
    return true
  }
  const { code, message } = result.trouble
  io.stderr.write(`${escapeControls(message)} (${code})\n`)
  return false
}

/** One line of a terminal that says how much is here; nothing where nobody looks. */
class ProgressLine {
  private last: Milliseconds = -Infinity

  constructor(
    private readonly id: string,
    private readonly stderr: OutputStream
  ) {}

  readonly show = (octets: Octets, total: Octets | undefined): void => {
    const now = performance.now()
    if (this.stderr.isTTY !== true || now - this.last < PAUSE) return
    this.last = now
    const of = total === undefined ? '' : ` of ${size(total)}, ${percent(octets, total)}`
    this.stderr.write(`\r\x1b[K${this.id}: ${size(octets)}${of}`)
  }

  clear(): void {
    if (this.stderr.isTTY === true) this.stderr.write('\r\x1b[K')
  }
}

const percent = (octets: Octets, total: Octets): string =>
  `${Math.floor((100 * octets) / Math.max(1, total))}%`
