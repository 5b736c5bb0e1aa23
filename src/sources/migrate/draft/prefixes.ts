/** This machine. */
export const LOCAL_PREFIXES: readonly string[] = ['127.0.0.0/8', '::1/128']

/** Private addresses, loopback and link-local: RFC 1918, 4193, 3927, 4291. */
export const PRIVATE_PREFIXES: readonly string[] = [
  ...['127.0.0.0/8', '::1/128', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  ...['fc00::/7', '169.254.0.0/16', 'fe80::/10']
]
