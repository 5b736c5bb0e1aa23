import { MS_PER_SECOND } from '../../base/units.js'
import type { Indicator } from '../../policy/rules/lists/formats/feed.js'
import { readTlp, stricterTlp, type Tlp } from '../../policy/rules/model/tlp.js'

/** An attribute as `/attributes/restSearch` returns it; schema ExtendedAttribute of the OpenAPI description of MISP 2.4. */
export interface MispAttribute {
  readonly event_id: string
  readonly type: string
  readonly value: string
  readonly to_ids: boolean
  readonly deleted: boolean
  /** Seconds since 1970. */
  readonly timestamp: string
  readonly first_seen?: string | null
  readonly last_seen?: string | null
  /** Its own, and those of its event. */
  readonly Tag?: readonly { readonly name: string }[]
}

/** The types that say something of names or addresses, and what of their values counts. */
const TYPES: Readonly<Record<string, readonly [Indicator['type'], (value: string) => string]>> = {
  domain: ['domain', value => value],
  // The address may be shared.
  'domain|ip': ['domain', beforeBar],
  hostname: ['hostname', value => value],
  'hostname|port': ['hostname', beforeBar],
  'ip-dst': ['address', value => value],
  'ip-dst|port': ['address', beforeBar],
  url: ['url', value => value]
}

export const MISP_TYPES = Object.keys(TYPES)

/** The taxonomies `misp` and `estimative-language`, by what they say in percent. */
const CONFIDENCE: Readonly<Record<string, number>> = {
  'misp:confidence-level="completely-confident"': 100,
  'misp:confidence-level="usually-confident"': 75,
  'misp:confidence-level="fairly-confident"': 50,
  'misp:confidence-level="rarely-confident"': 25,
  'misp:confidence-level="unconfident"': 0,
  'estimative-language:confidence-in-analytic-judgment="high"': 95,
  'estimative-language:confidence-in-analytic-judgment="moderate"': 50,
  'estimative-language:confidence-in-analytic-judgment="low"': 5
}

/** The indicator of an attribute; undefined: it has none that is to be blocked. */
export function indicatorOf(attribute: MispAttribute): Indicator | undefined {
  const { type, value, deleted, Tag: tags = [] } = attribute
  const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined
  if (known === undefined || deleted || !attribute.to_ids) return undefined
  const [kind, valueOf] = known
  const { first_seen, last_seen } = attribute
  const seen = last_seen ?? new Date(Number(attribute.timestamp) * MS_PER_SECOND).toISOString()
  const tlp = tags.reduce<Tlp | undefined>(
    (one, { name }) => stricterTlp(one, tlpOf(name)),
    undefined
  )
  const confidences = tags.flatMap(({ name }) => CONFIDENCE[name] ?? [])
  return {
    value: valueOf(value.trim()),
    ...(kind && { type: kind }),
    ...(first_seen && { first_seen }),
    last_seen: seen,
    ...(confidences.length > 0 && { confidence: Math.min(...confidences) }),
    ...(tlp && { tlp })
  }
}

const tlpOf = (tag: string): Tlp | undefined =>
  tag.toLowerCase().startsWith('tlp:') ? readTlp(tag) : undefined

function beforeBar(value: string): string {
  return value.split('|', 1)[0]!
}
