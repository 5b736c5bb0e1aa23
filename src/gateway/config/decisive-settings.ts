import type { Config } from './config.js'

/** Marks octets, which JSON does not have. */
const OCTETS = '$octets'

/**
 * The settings that decide how a query is answered, besides rules: special-use names, the rebinding guard, how
 * clients are recognized. As JSON, which stays the same while they do.
 */
export function decisiveSettings(config: Config): string {
  const { specialUse, rebindingGuard, structuredErrors, frontEnds, discovery, listen } = config
  const forward = config.upstreams.forward.map(({ domain, name }) => ({ domain, name }))
  const decisive = { specialUse, rebindingGuard, structuredErrors, frontEnds, discovery, listen }
  return JSON.stringify({ ...decisive, forward }, (key, value: unknown) => {
    // Moving a line changes nothing.
    if (key === 'position') return undefined
    return value instanceof Uint8Array ? { [OCTETS]: Buffer.from(value).toString('base64') } : value
  })
}

/** The settings with those that decided at another time. @param text as of `decisiveSettings` */
export function withDecisiveSettings(config: Config, text: string): Config {
  const { forward, ...others } = JSON.parse(text, (_key, value: unknown) => {
    const octets = (value as Record<string, unknown> | null)?.[OCTETS]
    return typeof octets === 'string' ? new Uint8Array(Buffer.from(octets, 'base64')) : value
  }) as Partial<Config> & { readonly forward: Config['upstreams']['forward'] }
  const named = forward.map(one => ({ ...one, servers: [] }))
  return { ...config, ...others, upstreams: { ...config.upstreams, forward: named } }
}
