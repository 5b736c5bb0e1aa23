import type { Octets } from './units.js'

/** `sun_path` without its terminating zero: 107 octets on Linux (unix(7)), 103 elsewhere. */
export const MAX_SOCKET_PATH: Octets = process.platform === 'linux' ? 107 : 103
