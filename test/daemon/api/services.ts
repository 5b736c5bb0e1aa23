import type { StatusReply } from '../../../src/daemon/admin/health.js'
import type { ApiServices } from '../../../src/daemon/admin/http/api/services.js'
import { ZERO_COUNTERS } from '../../../src/daemon/admin/worker-status.js'

const usage = { entries: 0, octets: 0, limitOctets: 1 }
const at = '2026-01-01T00:00:00Z'

export const STATUS: StatusReply = {
  ...ZERO_COUNTERS,
  version: '1.0.0',
  started: at,
  uptimeSeconds: 1,
  stopping: false,
  transport: 'batch',
  listening: [{ address: '127.0.0.1', port: 53 }],
  rules: {
    generation: 1,
    sha256: 'a'.repeat(64),
    since: at,
    bundle: null,
    networks: 1,
    rules: 1,
    bans: 1,
    names: 1,
    ending: 0,
    reviewsDue: 0,
    reload: null,
    lists: [],
    reloadStuckSince: null
  },
  workers: [],
  silent: [],
  cache: { answers: usage, failures: usage },
  upstreams: [],
  zones: [],
  remoteLists: [],
  certificates: [],
  alerts: [],
  recorder: null,
  archive: null,
  health: { ready: true, problems: [] }
}

/** Services with which every route succeeds. */
export const SERVICES: Partial<ApiServices> = {
  status: async () => STATUS
}
