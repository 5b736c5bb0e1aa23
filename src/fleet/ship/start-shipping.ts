import type { NatsConnection } from '@nats-io/transport-node'
import type { FleetConfig } from '../../gateway/config/fleet-config.js'
import { LogLayout } from '../../lookups/files/log-layout.js'
import { LiveLookups } from './live-lookups.js'
import { LogSender, type LogSenderTools } from './log-sender.js'

/** Sends what `fleet.logs` asks for, until the thread ends. @param path of the query log */
export function startShipping(
  fleet: FleetConfig,
  path: string,
  tools: LogSenderTools & { readonly connection: () => NatsConnection | undefined }
): void {
  const { logs } = fleet
  if (logs?.live === true) new LiveLookups({ path, ...tools })
  if (logs !== undefined) void new LogSender(fleet, logs, new LogLayout(path), tools).run()
}
