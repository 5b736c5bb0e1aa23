export { install } from '../../tools/package/install.js'

/** Programs that the interoperability tests need, and the Debian packages that have them. */
export const PROGRAMS = {
  dig: 'bind9-dnsutils',
  delv: 'bind9-dnsutils',
  drill: 'ldnsutils',
  kdig: 'knot-dnsutils',
  nsd: 'nsd',
  dnsperf: 'dnsperf',
  'ldns-signzone': 'ldnsutils',
  unbound: 'unbound',
  named: 'bind9',
  knotd: 'knot'
} as const
