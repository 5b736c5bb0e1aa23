import { systemClock } from '../../base/time/clock.js'
import type { Config } from '../config/config.js'
import { chooseTransport } from '../../wire/sockets/transport.js'
import type { Forwarder } from '../../resolver/upstream/forwarder.js'
import { forwarderSettings, openForwarder } from './open-forwarder.js'
import { configuredUpstreams } from './configured-upstreams.js'

/** A forwarder to the upstreams of the settings outside a worker, for one query. It logs nothing. */
export function openOwnForwarder(config: Config): Forwarder {
  const { transport } = chooseTransport('portable')
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const { upstreams } = configuredUpstreams(config)
  return openForwarder(forwarderSettings(config, upstreams), transport, systemClock, silent)
}
