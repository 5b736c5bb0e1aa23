import { CHANGE_KINDS, type ChangeKind } from '../../../analysis/replay/comparison.js'
import type { Seconds } from '../../../base/units.js'
import { showInstant } from '../../../base/time/instant.js'
import { paint } from '../../io.js'
import { errorLine, jsonOf as checkJson, testsLine, type CheckResult } from './check-text.js'
import { jsonOf as diffJson } from './diff-json.js'
import { toText as diffText, type Compared } from './diff-text.js'
import { formatCount } from '../format.js'

/** What `interdict plan` has found. */
export interface PlanResult extends PlannedRules {
  readonly inForce: {
    readonly version: string
    readonly sha256: string
    readonly generation: number
  }
}

/** What rules would change. */
export interface PlannedRules {
  /** Path of the rules. */
  readonly rules: string
  /** SHA-256 of their files, without copies of downloaded lists; undefined: they are invalid. */
  readonly planned?: string
  readonly check: CheckResult
  readonly compared?: Compared
  readonly forecast?: Forecast | NoForecast
}

/** What rules would have changed for the lookups of the last day. */
export interface Forecast {
  readonly since: Seconds
  readonly lookups: number
  readonly changes: Readonly<Record<ChangeKind, ForecastChange>>
}

export interface ForecastChange {
  readonly lookups: number
  readonly clients: number
  /** The names with most lookups. */
  readonly names: readonly { readonly name: string; readonly lookups: number }[]
}

/** Why there is no forecast. */
export interface NoForecast {
  readonly why: string
}

/** @param width of the terminal, in columns */
export function toText({ inForce, ...result }: PlanResult, width: number): string {
  const { sha256, generation } = inForce
  return `In force: SHA-256 ${sha256}, generation ${generation}\n${plannedText(result, width)}`
}

/** The text without the rules in force. */
export function plannedText(result: PlannedRules, width: number): string {
  const { planned, check, compared, forecast } = result
  const { warnings, errors, tests } = check
  const lines = [
    ...warnings.map(warning => `warning: ${errorLine(warning)}`),
    ...errors.map(errorLine),
    ...(tests === undefined ? [] : [testsLine(tests)]),
    ...(compared === undefined ? [] : ['', diffText(compared, width).trimEnd()]),
    ...(forecast === undefined ? [] : ['', ...forecastLines(forecast)]),
    ...(compared === undefined ? [] : [''])
  ]
  const found = [
    errors.length === 0 ? 'no errors' : formatCount(errors.length, 'error'),
    ...(warnings.length === 0 ? [] : [formatCount(warnings.length, 'warning')])
  ].join(', ')
  const last =
    planned === undefined
      ? paint('red', `Nothing planned: ${found}`)
      : `Planned SHA-256 ${planned}: ${found}`
  return `${[...lines, last].join('\n')}\n`
}

const WORDS: Readonly<Record<ChangeKind, string>> = {
  blocked: 'newly blocked',
  allowed: 'no longer blocked',
  refused: 'newly refused, since the client would be in no network',
  served: 'no longer refused'
}

function forecastLines(forecast: Forecast | NoForecast): string[] {
  if ('why' in forecast) return [`No forecast: ${forecast.why}`]
  const { since, lookups, changes } = forecast
  const head = `Of ${formatCount(lookups, 'lookup')} since ${showInstant(since, 'UTC')}:`
  const shown = CHANGE_KINDS.filter(kind => changes[kind].lookups > 0)
  if (shown.length === 0) return [`${head} all would have the same outcome.`]
  return [head, ...shown.flatMap(kind => changeLines(kind, changes[kind]))]
}

function changeLines(kind: ChangeKind, { lookups, clients, names }: ForecastChange): string[] {
  const of = `${formatCount(lookups, 'lookup')} of ${formatCount(clients, 'client')}`
  const top = names.map(({ name, lookups }) => `${name} (${lookups})`).join(', ')
  return [`  ${of} ${WORDS[kind]}: ${top}`]
}

/** The JSON form, which is public. Times are UTC. */
export function jsonOf({ inForce, ...result }: PlanResult, exitCode: number) {
  return { exitCode, inForce, ...plannedJson(result) }
}

/** The JSON form without the rules in force. */
export function plannedJson({ rules, planned, check, compared, forecast }: PlannedRules) {
  return {
    rules,
    planned: planned ?? null,
    check: checkJson(check),
    diff: compared === undefined ? null : diffJson(compared),
    forecast: forecast === undefined ? null : forecastJson(forecast)
  }
}

function forecastJson(forecast: Forecast | NoForecast): object {
  if ('why' in forecast) return { known: false, why: forecast.why }
  return { known: true, ...forecast, since: showInstant(forecast.since, 'UTC') }
}
