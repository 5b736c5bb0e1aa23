/** List formats; docs/reference/rules.md describes each. */
export const LIST_FORMATS = [
  ...(['domains', 'hosts', 'adblock', 'dnsmasq', 'unbound'] as const),
  ...(['v2fly', 'addresses', 'feed', 'rpz'] as const)
]

export type ListFormat = (typeof LIST_FORMATS)[number]
/** Line-based formats. */
export type LineFormat = Exclude<ListFormat, 'rpz'>
