import { readdirSync } from 'node:fs'
import { descriptorLimit } from '../../gateway/upstreams/upstream-ports.js'
import type { ProcessFigures } from './metrics.js'

const KB = 1024

/** Figures of the whole process, whichever thread asks. */
export function processFigures(): ProcessFigures {
  const { user, system } = process.cpuUsage()
  return {
    residentOctets: process.memoryUsage.rss(),
    peakOctets: process.resourceUsage().maxRSS * KB,
    descriptors: descriptors(),
    cpuSeconds: (user + system) / 1e6
  }
}

function descriptors(): ProcessFigures['descriptors'] {
  try {
    // Without that of the listing itself.
    return { open: readdirSync('/proc/self/fd').length - 1, limit: descriptorLimit() }
  } catch {
    return undefined
  }
}
