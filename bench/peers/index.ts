import { bind } from './bind.js'
import { dnsdist } from './dnsdist.js'
import { dnsmasq } from './dnsmasq.js'
import { floor } from './floor.js'
import { interdict, unlogged } from './interdict.js'
import { kresd } from './kresd.js'
import type { Peer } from './peer.js'
import { recursor } from './recursor.js'
import { unbound } from './unbound.js'

export { VARIANTS } from './variants.js'

/** Everybody who is measured, in the order in which they take turns. */
export const PEERS: readonly Peer[] = [
  interdict,
  floor,
  dnsdist,
  unbound,
  recursor,
  kresd,
  bind,
  dnsmasq
]

export const OURS = interdict.name
/** Not a peer: it runs beside ours in scenarios with a log. */
export const UNLOGGED = unlogged
export const FLOOR = floor.name
