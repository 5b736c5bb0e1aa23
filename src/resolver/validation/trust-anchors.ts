import { isAtOrBelow, isSame } from '../../wire/dnssec/canonical-name.js'
import { readTrustAnchor, type TrustAnchor } from '../../wire/dnssec/trust-anchor.js'

/**
 * The root's key-signing keys of 2017 and 2024, which IANA publishes with their validity at
 * https://data.iana.org/root-anchors/root-anchors.xml.
 */
export const ROOT_ANCHORS = [
  '. DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D',
  '. DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16'
] as const

/**
 * Trust anchors of an operator beside those of the root. For each zone, those of the rules count, else those of the settings, else
 * the built-in ones: a signed bundle replaces keys on all gateways, whatever they were installed with.
 *
 * @throws InterdictError TRUST_ANCHOR_INVALID
 */
export function trustAnchorsWith(
  settings: readonly string[],
  rules: readonly string[] = []
): TrustAnchors {
  const all: string[] = []
  const zones = new Set<string>()
  for (const layer of [rules, settings, ROOT_ANCHORS]) {
    const own = layer.map(text => ({ text, zone: zoneOf(text) }))
    all.push(...own.filter(({ zone }) => !zones.has(zone)).map(({ text }) => text))
    for (const { zone } of own) zones.add(zone)
  }
  return new TrustAnchors(all)
}

const zoneOf = (text: string): string => readTrustAnchor(text).zone.toString()

/** Trust anchors by zone: own ones beside the root's. */
export class TrustAnchors {
  private readonly anchors: TrustAnchor[] = []

  /** @throws InterdictError TRUST_ANCHOR_INVALID */
  constructor(texts: readonly string[] = ROOT_ANCHORS) {
    for (const text of texts) {
      const { zone, ds } = readTrustAnchor(text)
      const at = this.anchors.findIndex(anchor => isSame(anchor.zone, zone))
      if (at === -1) this.anchors.push({ zone, ds })
      else this.anchors[at] = { zone, ds: [...this.anchors[at]!.ds, ...ds] }
    }
    this.anchors.sort((a, b) => b.zone.length - a.zone.length)
  }

  /** The anchor nearest to a name. Undefined: none is above it. */
  find(name: Uint8Array): TrustAnchor | undefined {
    return this.anchors.find(({ zone }) => isAtOrBelow(name, zone))
  }
}
