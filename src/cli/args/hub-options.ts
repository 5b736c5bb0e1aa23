import { resolve } from 'node:path'
import type { Milliseconds } from '../../base/units.js'
import { HubClient } from '../../admin/api/hub-client.js'
import { rejectInput } from '../exit.js'
import type { CommonOptions } from './settings.js'

/** A large bundle on a slow disk, then on three NATS servers. */
const TIMEOUT: Milliseconds = 120_000

/** Options of the commands for a hub. */
export interface HubOptions extends CommonOptions {
  readonly hub?: string
  readonly json?: boolean
}

/** @param options `--hub` is the path of the socket; by default that of `hub.yaml` */
export async function hubClient(options: HubOptions): Promise<HubClient> {
  if (options.hub !== undefined) return new HubClient(resolve(options.hub), TIMEOUT)
  // Settings need a YAML parser and schemas, which take longer to load than the answer of the hub.
  const { DEFAULT_HUB_FILE, loadHubConfig } = await import('../../fleet/hub/hub-config.js')
  const loaded = await loadHubConfig(options.config ?? DEFAULT_HUB_FILE)
  return loaded.ok ? new HubClient(loaded.config.socket, TIMEOUT) : rejectInput(loaded.errors)
}
