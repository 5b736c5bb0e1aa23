/**
 * The labels of the Traffic Light Protocol, the strictest first: how far an indicator may be passed on. FIRST, TLP 2.0.
 */
export const TLP = ['red', 'amber+strict', 'amber', 'green', 'clear'] as const

export type Tlp = (typeof TLP)[number]

/** Reads a label such as `TLP:AMBER`, or `white` as `clear` was called in TLP 1.0; undefined: it is not one. */
export function readTlp(text: string): Tlp | undefined {
  const label = text.toLowerCase().replace(/^tlp:/, '')
  if (label === 'white') return 'clear'
  return TLP.find(one => one === label)
}

/** The stricter of two labels. */
export function stricterTlp(one: Tlp | undefined, other: Tlp | undefined): Tlp | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return TLP.indexOf(one) < TLP.indexOf(other) ? one : other
}
