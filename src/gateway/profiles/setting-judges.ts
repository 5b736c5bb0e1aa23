import { isVerified, showServer, type UpstreamServer } from '../../wire/sockets/upstream-server.js'
import type { Config } from '../config/config.js'
import { judgement, judgeShare, type Judge } from './judgement.js'

const isLoopback = ({ address }: { address: string }): boolean =>
  address === '::1' || address.startsWith('127.')

const allServers = ({ upstreams }: Config): readonly UpstreamServer[] => [
  ...upstreams.servers,
  ...upstreams.forward.flatMap(({ servers }) => servers)
]

/** Whether what is sent to it is encrypted and authenticated, or stays on this machine. */
const isProtected = (server: UpstreamServer): boolean =>
  isLoopback(server) ||
  (server.tls !== undefined && (isVerified(server.tls) || server.tls.pins.length > 0))

/** Queries go to the name servers of the machine, which settings do not name. */
const usesResolvConf = ({ upstreams: { servers, useResolvConf } }: Config): boolean =>
  servers.length === 0 && useResolvConf

export const SETTING_JUDGES = {
  'encrypted-listeners': ({ config: { listen } }) => {
    const encrypted = listen.filter(({ certificates }) => certificates !== undefined).length
    const what = 'listeners are encrypted'
    return judgeShare(encrypted, listen.length, what, 'listen (protocol: dot or doh)')
  },
  'encrypted-upstreams': ({ config }) => {
    const change = 'upstreams.servers and upstreams.forward (tls:// or https://)'
    if (usesResolvConf(config)) {
      return judgement(
        'not met',
        'the name servers of /etc/resolv.conf are queried in clear text',
        change
      )
    }
    const servers = allServers(config)
    const kept = servers.filter(isProtected).length
    return judgeShare(
      kept,
      servers.length,
      'upstreams are encrypted and verified, or local',
      change
    )
  },
  'fixed-upstreams': ({ config }) =>
    usesResolvConf(config)
      ? judgement('not met', 'upstreams are those of /etc/resolv.conf', 'upstreams.servers')
      : judgement(
          'met',
          `upstreams: ${allServers(config).map(showServer).join(', ')}; no root hints`
        ),
  'upstream-service': ({ config }) =>
    judgement(
      'not known',
      usesResolvConf(config)
        ? 'upstreams are those of /etc/resolv.conf'
        : `compare the upstreams: ${allServers(config).map(showServer).join(', ')}`,
      'upstreams.servers'
    ),
  'upstream-redundancy': ({ config }) => {
    if (usesResolvConf(config)) {
      return judgement('not known', 'upstreams are those of /etc/resolv.conf', 'upstreams.servers')
    }
    const { length } = config.upstreams.servers
    const found = `${length} default ${length === 1 ? 'upstream' : 'upstreams'}; a second gateway is not in these settings`
    return judgement(length > 1 ? 'met' : 'not met', found, 'upstreams.servers')
  },
  'rate-limits': ({ config: { limits } }) => {
    const set = [limits.queriesPerSecond, limits.responsesPerSecond].filter(limit => limit > 0)
    const change = 'limits.queries-per-second, limits.responses-per-second'
    return judgeShare(set.length, 2, 'rate limits are set', change)
  },
  spoofing: ({ config: { upstreams } }) => {
    const set = [upstreams.caseRandomization, upstreams.cookies].filter(Boolean)
    const change = 'upstreams.case-randomization, upstreams.cookies'
    return judgeShare(
      set.length,
      2,
      'of random case and cookies are on; ports and IDs are random',
      change
    )
  },
  'identity-hidden': ({ config: { identity } }) =>
    identity.version === ''
      ? judgement('met', 'the version is not revealed')
      : judgement(
          'not met',
          `clients can read the version ${identity.version}`,
          'identity.version'
        ),
  discovery: ({ config: { discovery } }) =>
    discovery === undefined
      ? judgement('not met', 'encrypted listeners are not announced', 'discovery.name')
      : judgement('met', `announced as ${discovery.name}`)
} satisfies Readonly<Record<string, Judge>>
