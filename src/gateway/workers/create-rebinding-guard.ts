import type { Config } from '../config/config.js'
import { RebindingGuard } from '../../resolver/stages/rebinding-guard.js'

/** Undefined: disabled in the settings. Domains with upstreams of their own are exempt. */
export function createRebindingGuard({
  rebindingGuard: settings,
  upstreams
}: Config): RebindingGuard | undefined {
  if (!settings.enabled) return undefined
  const forwarded = upstreams.forward.map(({ name }) => name).filter(({ length }) => length > 1)
  return new RebindingGuard(settings.addresses, [...settings.allow, ...forwarded])
}
