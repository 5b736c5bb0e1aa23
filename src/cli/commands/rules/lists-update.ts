import type { Milliseconds, Octets } from '../../../base/units.js'
import type { Config } from '../../../gateway/config/config.js'
import {
  bootstrapServers,
  configuredUpstreams
} from '../../../gateway/upstreams/configured-upstreams.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import type { RulesResult } from '../../../policy/rules/load.js'
import { BootstrapResolver } from '../../../sources/http/bootstrap-resolver.js'
import { updateList, type ListUpdate } from '../../../sources/http/update-list.js'
import type { ParsedRequest, ResultOf } from '../../../gateway/processes/requests.js'
import { lockListCopies, listCopies } from '../../args/configured-copies.js'
import { loadConfiguredRules } from '../../args/configured-rules.js'
import { loadSettings } from '../../args/settings.js'
import { EXIT, rejectInput, usageError } from '../../exit.js'
import { print, printJson, type Io, type OutputStream } from '../../io.js'
import { formatCount, formatSize } from '../../output/format.js'
import { transferZones, type UpdatedList } from './lists-transfer.js'
import type { ListsOptions } from './lists.js'

/** How often the progress line is redrawn. */
const INTERVAL: Milliseconds = 100

type Loaded = Extract<RulesResult, { readonly ok: true }>

/**
 * `interdict lists update`: downloads lists and transfers zones now. It works before the first start,
 * and beside a running gateway, which notices new copies.
 */
export async function updateLists(
  ids: readonly string[],
  options: ListsOptions,
  io: Io
): Promise<number> {
  const updated = await performUpdate({ ids: [...ids] }, options, io)
  if (options.json === true) printJson(io, updated)
  return updated.lists.every(({ result }) => result !== 'failed') ? EXIT.success : EXIT.failure
}

/**
 * Prints each result as it comes, unless `json` is set; errors in any case.
 *
 * @throws InterdictError REMOTE_BUSY
 */
export async function performUpdate(
  { ids }: ParsedRequest<'lists update'>,
  options: ListsOptions,
  io: Io
): Promise<ResultOf<'lists update'>> {
  const config = await loadSettings(options)
  const { loaded } = await loadConfiguredRules(config, io)
  if (!loaded.ok) rejectInput(loaded.errors)
  const all = [...loaded.remotes, ...loaded.transfers].map(({ id }) => id)
  for (const id of ids) {
    if (!all.includes(id)) usageError(`the rules have no list ${id} with a url or a zone`)
  }
  const lock = await lockListCopies(config, io)
  try {
    return { lists: await updateAll(config, loaded, ids, options.json === true, io) }
  } finally {
    lock.release()
  }
}

async function updateAll(
  config: Config,
  { remotes, transfers, rules }: Loaded,
  ids: readonly string[],
  isJson: boolean,
  io: Io
): Promise<UpdatedList[]> {
  const bootstrap = BootstrapResolver.open(
    bootstrapServers(config, configuredUpstreams(config).upstreams)
  )
  const { lookup } = bootstrap
  const { caFile, proxy, headerFiles, timeout } = config.remoteLists
  const clients = new Map(rules.networks.map(({ id, prefixes }) => [id, prefixes]))
  const context = {
    copies: listCopies(config),
    lookup,
    caFile,
    proxy,
    headerFiles,
    timeout,
    clients,
    now: Date.now
  }
  const updated: UpdatedList[] = []
  try {
    for (const list of selected(ids, remotes)) {
      const line = new ProgressLine(list.id, io.stderr)
      const result = await updateList(list, { ...context, progress: line.show })
      line.clear()
      updated.push(report(result, isJson, io))
    }
  } finally {
    bootstrap.close()
  }
  const zones = selected(ids, transfers)
  return [...updated, ...(await transferZones(config, zones, isJson, io))]
}

function selected<L extends { readonly id: string }>(
  ids: readonly string[],
  lists: readonly L[]
): readonly L[] {
  return ids.length === 0 ? lists : lists.filter(({ id }) => ids.includes(id))
}

function report(update: ListUpdate, isJson: boolean, io: Io): UpdatedList {
  const { id } = update
  if ('trouble' in update) {
    const { code, message } = update.trouble
    io.stderr.write(`${escapeControls(message)} (${code})\n`)
    return { id, result: 'failed', entries: null, serial: null, errors: [{ code, message }] }
  }
  const { entries } = update
  const result = update.kind === 'taken' ? 'updated' : 'unchanged'
  if (!isJson) print(io, `${id}: ${formatCount(entries, 'entry', 'entries')}, ${result}\n`)
  return { id, result, entries, serial: null, errors: [] }
}

/** Progress of a download, in one line that is redrawn; only on a terminal. */
class ProgressLine {
  private last: Milliseconds = -Infinity

  constructor(
    private readonly id: string,
    private readonly stderr: OutputStream
  ) {}

  readonly show = (octets: Octets, total: Octets | undefined): void => {
    const now = performance.now()
    if (this.stderr.isTTY !== true || now - this.last < INTERVAL) return
    this.last = now
    const of = total === undefined ? '' : ` of ${formatSize(total)}, ${percent(octets, total)}`
    this.stderr.write(`\r\x1b[K${this.id}: ${formatSize(octets)}${of}`)
  }

  clear(): void {
    if (this.stderr.isTTY === true) this.stderr.write('\r\x1b[K')
  }
}

const percent = (octets: Octets, total: Octets): string =>
  `${Math.floor((100 * octets) / Math.max(1, total))}%`
