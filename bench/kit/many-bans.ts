/** Networks in YAML, each with bans of its own that have an end, for below `networks:`. */
export function manyBans(networks: number, bans: number): string {
  const ban = (network: number, i: number): string =>
    `      - { names: [ban-${i}.network-${network}.example], authority: A, reference: R, until: 2099-01-01 }\n`
  const each = Array.from({ length: networks }, (_, network) => {
    const listed = Array.from({ length: bans }, (_, i) => ban(network, i))
    const prefix = `10.${network >> 8}.${network & 255}.0/24`
    return `  network-${network}:\n    prefixes: [${prefix}]\n    bans:\n${listed.join('')}`
  })
  return each.join('')
}
