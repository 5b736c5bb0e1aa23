/** Addresses outside the public Internet. IANA IPv4 and IPv6 Special-Purpose Address Registries. */
export const INTERNAL_ADDRESSES = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::/127',
  '64:ff9b:1::/48',
  'fc00::/7',
  'fe80::/10'
]
