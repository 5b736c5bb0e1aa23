import { systemClock } from '../../base/time/clock.js'
import { chooseTransport } from '../../wire/sockets/transport.js'
import { ROOT_NAME } from '../../wire/dnssec/canonical-name.js'
import { ForwarderChainSource } from '../../resolver/validation/forwarder-chain-source.js'
import type { ForwarderSet } from '../../policy/tables/forwarder-sets.js'
import type { Config } from '../config/config.js'
import { configuredUpstreams } from './configured-upstreams.js'
import { forwarderSettings, openForwarder } from './open-forwarder.js'

/** Most UDP sockets to one upstream in each address family. */
const SOCKETS = 4

/**
 * Queries for chains of trust, outside a worker, to the upstreams of the settings. It logs nothing.
 *
 * @param set of the network, if it has forwarders of its own
 */
export function openChainSource(config: Config, set?: ForwarderSet): ForwarderChainSource {
  const { transport } = chooseTransport('portable')
  const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const { upstreams } = configuredUpstreams(config)
  // A domain of the settings may be the root, which then replaces the default upstreams.
  // Of two for one domain, the first is used.
  const common = [...config.upstreams.forward, { name: ROOT_NAME, servers: upstreams }]
  const routes = [...(set?.domains ?? []), ...common]
  return new ForwarderChainSource(routes, server => {
    const settings = {
      ...forwarderSettings(config, [server]),
      domains: [],
      localNames: [],
      // Signed answers cannot be forged; upstreams that garble the case would break the chain.
      caseRandomization: false
    }
    return openForwarder(settings, transport, systemClock, silent, SOCKETS)
  })
}
