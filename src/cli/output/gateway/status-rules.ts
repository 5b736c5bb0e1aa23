import type { ListStatus, Status } from '../../../gateway/status/status.js'
import { formatCount, formatInstant } from '../format.js'
import { errorLines, type StyledText } from '../layout.js'

export function rulesLines({ rules }: Status): StyledText[] {
  const { generation, since, sha256, networks, bans, names, reload, reloadStuckSince } = rules
  const compiling = rules.lists.flatMap(compilingLines)
  const all = formatCount(rules.rules, 'rule')
  const sums = `${formatCount(networks, 'network')}, ${all} (${formatCount(bans, 'ban')})`
  return [
    `generation ${generation}, in force since ${formatInstant(since)}`,
    `${sums}, ${formatCount(names, 'name')}`,
    `SHA-256 ${sha256}`,
    ...bundleLines(rules.bundle),
    ...asnLines(rules.asns),
    ...mandateLines(rules.mandates),
    ...dueLines(rules),
    ...(reload === null ? [] : reloadLines(reload, 'rules')),
    ...compiling,
    ...stuckLines(reloadStuckSince)
  ]
}

function asnLines(asns: Status['rules']['asns']): StyledText[] {
  if (asns === null) return []
  const { built, sha256, systems } = asns
  return [`ASN database of ${built.slice(0, 10)}, SHA-256 ${sha256}: ${systems.length} in use`]
}

export function settingsLines({ settings }: Status): StyledText[] {
  if (settings === null) return []
  const { file, sha256, generation, since, reload, restart } = settings
  return [
    `generation ${generation}, in force since ${formatInstant(since)}`,
    sha256 === null ? `no file at ${file}: defaults` : `${file}, SHA-256 ${sha256}`,
    ...(reload === null ? [] : reloadLines(reload, 'settings')),
    ...restart.map(({ key, running, wanted }): StyledText => {
      return ['yellow', `${key} takes effect after restart: ${running} → ${wanted}`]
    })
  ]
}

function bundleLines(bundle: Status['rules']['bundle']): StyledText[] {
  if (bundle === null) return []
  const { serial, created, expires, state, newest, rollback, root } = bundle
  const ends = { good: 'expires', ending: 'expires soon:', expired: 'expired' }[state]
  const line = `bundle ${serial}, created ${formatInstant(created)}, ${ends} ${formatInstant(expires)}`
  const colour = { good: undefined, ending: 'yellow', expired: 'red' } as const
  const highlight = colour[state]
  const first: StyledText = highlight === undefined ? line : [highlight, line]
  const roots = root === null ? [] : [rootLine(root)]
  if (rollback === null) return [first, ...roots]
  const { by, at } = rollback
  return [
    first,
    ...roots,
    ['yellow', `rolled back from ${rollback.from} by ${by} at ${at}; newest accepted: ${newest}`]
  ]
}

function rootLine({
  version,
  expires,
  state
}: NonNullable<NonNullable<Status['rules']['bundle']>['root']>): StyledText {
  const ends = { good: 'expires', ending: 'expires soon:', expired: 'expired' }[state]
  const line = `root of trust ${version}, ${ends} ${formatInstant(expires)}`
  return state === 'good' ? line : [state === 'ending' ? 'yellow' : 'red', line]
}

function mandateLines({
  mandates,
  shortfalls,
  later,
  problems
}: Status['rules']['mandates']): StyledText[] {
  const unmet = mandates.filter(({ satisfied }) => !satisfied).map(({ id }) => id)
  const all = `${formatCount(mandates.length, 'mandate')} in force`
  const open = `${formatCount(shortfalls, 'shortfall')} of ${unmet.join(', ')}`
  const first: StyledText = shortfalls === 0 ? `${all}, satisfied` : ['red', `${all}: ${open}`]
  return [
    ...(mandates.length === 0 ? [] : [first]),
    ...(later === 0 ? [] : [['yellow', `${formatCount(later, 'shortfall')} to come`] as const]),
    ...(problems.length === 0
      ? []
      : [['red', `${formatCount(problems.length, 'error')} in mandates`] as const])
  ]
}

function dueLines({ ending, reviewsDue }: Status['rules']): StyledText[] {
  const ends = ending === 1 ? 'ends' : 'end'
  const parts = [
    ...(ending === 0
      ? []
      : [
          `${formatCount(ending, 'ban or exception', 'bans and exceptions')} ${ends} within 14 days`
        ]),
    ...(reviewsDue === 0 ? [] : [`${formatCount(reviewsDue, 'review')} due`])
  ]
  return parts.length === 0 ? [] : [['yellow', `${parts.join(', ')}: see interdict bans`]]
}

function compilingLines({ id, compiled, compilingSince }: ListStatus): StyledText[] {
  if (compilingSince === null) return []
  const active = compiled === null ? 'its rules match nothing yet' : 'previous version in force'
  return [['yellow', `list ${id} compiling since ${formatInstant(compilingSince)}; ${active}`]]
}

function stuckLines(since: string | null): StyledText[] {
  if (since === null) return []
  return [['red', `reload stuck since ${formatInstant(since)}; previous rules remain in force`]]
}

function reloadLines(
  reload: NonNullable<Status['rules']['reload']>,
  what: 'rules' | 'settings'
): StyledText[] {
  const { at, reason, outcome, errors } = reload
  const colour = outcome === 'refused' ? 'red' : errors > 0 ? 'yellow' : 'green'
  const found = errors > 0 ? `, ${formatCount(errors, 'error')}` : ''
  const kept = outcome === 'refused' ? `; previous ${what} remain in force` : ''
  return [
    [colour, `reloaded ${formatInstant(at)} (${reason}): ${outcome}${found}${kept}`],
    ...errorLines(reload)
  ]
}

export function zoneLines({ zones }: Status): StyledText[] {
  return zones.map(({ list, zone, state, failures, copy }): StyledText => {
    if (copy === null) return ['red', `${list}: ${zone} never transferred`]
    const { serial, primary, confirmed, expires } = copy
    const line = `${list}: ${zone}, serial ${serial} of ${primary}, confirmed ${formatInstant(confirmed)}`
    const failed = `, ${formatCount(failures, 'failure')} since`
    if (state === 'good') return line
    if (state === 'failing') return ['yellow', `${line}${failed}`]
    return ['red', `${line}${failed}; expired ${formatInstant(expires)}, still in force`]
  })
}
