import { systemClock } from '../../base/time/clock.js'
import type { Config } from '../config/config.js'
import { chooseTransport } from '../../wire/sockets/transport.js'
import type { Snapshot } from '../../policy/tables/snapshot.js'
import type { Forwarder } from '../../resolver/upstream/forwarder.js'
import { forwarderSettings, openForwarder } from './open-forwarder.js'
import { configuredUpstreams } from './configured-upstreams.js'

/** A forwarder to the upstreams of settings and rules outside a worker, for one query. It logs nothing. */
export function openOwnForwarder(config: Config, { forwarders }: Snapshot): Forwarder {
  const { transport } = chooseTransport('portable')
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const { upstreams } = configuredUpstreams(config)
  const settings = forwarderSettings(config, upstreams, undefined, false, forwarders)
  return openForwarder(settings, transport, systemClock, silent)
}
