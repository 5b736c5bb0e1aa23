import { escapeControls } from '../../../base/log/terminal-line.js'
import { MS_PER_SECOND, type Milliseconds } from '../../../base/units.js'
import { mandatesSource } from '../../../gateway/compiler/rules-location.js'
import type { Config } from '../../../gateway/config/config.js'
import { mandateOrders, type MandateOrder } from '../../../policy/rules/mandates/mandate-orders.js'
import type { RuleSet } from '../../../policy/rules/model/types.js'
import { readMandates } from '../../../sources/mandates/read-mandates.js'
import { gatewayAt, type HistoryPlace } from '../../args/fleet-history.js'
import type { Io } from '../../io.js'
import { mandatesOf } from './evidence-mandates.js'

/** The orders of the mandates of the settings. What cannot be read is a warning. */
export async function presentOrders(
  rules: RuleSet,
  config: Config,
  io: Io
): Promise<readonly MandateOrder[]> {
  const source = mandatesSource(config)
  if (source === undefined) return []
  const { mandates, problems } = await readMandates(source, Date.now() / MS_PER_SECOND)
  for (const { code, message } of problems)
    io.stderr.write(`warning: ${escapeControls(message)} (${code})\n`)
  return mandateOrders(mandates, rules)
}

/** The orders of the mandates that were in force at a time, at this gateway or one of a fleet. */
export async function pastOrders(
  rules: RuleSet,
  config: Config,
  at: Milliseconds,
  place: HistoryPlace,
  io: Io
): Promise<readonly MandateOrder[]> {
  const [kept] = await mandatesOf(config, place.fleet, [gatewayAt(place)])
  const { mandates, remarks } = kept!
  for (const remark of remarks) io.stderr.write(`warning: ${escapeControls(remark)}\n`)
  const wasInForce = mandates.filter(({ stored: { accepted, replaced } }) => {
    return accepted * MS_PER_SECOND <= at && at < (replaced ?? Infinity) * MS_PER_SECOND
  })
  return mandateOrders(
    wasInForce.map(({ mandate }) => mandate),
    rules
  )
}
