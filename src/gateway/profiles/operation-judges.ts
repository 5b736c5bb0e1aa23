import { judgement, judgeShare, type Judge } from './judgement.js'

const address = ({ address, port }: { address: string; port: number }): string =>
  `${address}:${port}`

/** Judges of logs, alerts, changes and administration. */
export const OPERATION_JUDGES = {
  'query-log': ({ config: { log } }) => {
    const { which } = log.queries
    const found = `log.queries.which is ${which}`
    if (which === 'all') return judgement('met', found)
    return judgement(which === 'none' ? 'not met' : 'partly', found, 'log.queries.which: all')
  },
  'log-retention': ({ config: { log } }) => {
    const change = 'log.queries.keep'
    if (log.queries.which === 'none') return judgement('not applicable', 'no query log', change)
    const days = log.queries.retention?.days ?? 0
    return days > 0
      ? judgement('met', `lookups are kept for ${days} days`)
      : judgement('not met', 'no period is set', change)
  },
  'log-integrity': ({ config: { log } }) => {
    const { which, chain, witness } = log.queries
    if (which === 'none') return judgement('not applicable', 'no query log')
    if (chain === undefined) return judgement('not met', 'no hash chain', 'log.queries.chain')
    return witness === undefined
      ? judgement('partly', 'a hash chain without a witness', 'log.queries.witness')
      : judgement('met', 'a hash chain, confirmed by a witness')
  },
  'log-export': ({ config: { log, fleet } }) => {
    const names = log.outputs.map(({ name }) => name)
    if (fleet?.logs !== undefined) names.push('the fleet')
    return names.length > 0
      ? judgement('met', `sent to ${names.join(', ')}`)
      : judgement('not met', 'lookups stay on this machine', 'log.outputs')
  },
  alerts: ({ config: { alerts } }) =>
    alerts.length > 0
      ? judgement('met', `alerts go to ${alerts.map(({ name }) => name).join(', ')}`)
      : judgement('not met', 'no webhook; metrics may be watched elsewhere', 'alerts'),
  'self-test': ({ config: { probe } }) =>
    probe.enabled
      ? judgement('met', 'the gateway probes its own rules')
      : judgement('not met', 'the gateway does not probe its own rules', 'probe.enabled'),
  'change-control': ({ config: { bundle, activation } }) => {
    const signatures = bundle?.signatures ?? 0
    if (signatures > 1) return judgement('met', `rules need ${signatures} signatures`)
    if (signatures === 1) return judgement('partly', 'rules need 1 signature', 'rules.signatures')
    return activation.activate === 'manual'
      ? judgement('partly', 'saved rules wait until they are applied', 'rules.bundle')
      : judgement('not met', 'saved rules are in force at once', 'rules.bundle, or rules.activate')
  },
  'http-api': ({ config: { admin } }) =>
    admin.http !== undefined && (admin.tokens !== undefined || admin.oidc !== undefined)
      ? judgement('met', `the HTTP API listens on ${address(admin.http)}`)
      : judgement('not met', 'no HTTP API', 'admin.http'),
  dashboard: ({ config: { admin } }) =>
    admin.http !== undefined && admin.dashboard
      ? judgement('met', `the dashboard is at ${address(admin.http)}`)
      : judgement('not met', 'no dashboard', 'admin.http and admin.dashboard'),
  administration: ({ config: { admin } }) => {
    const { http, tls, tokens, oidc } = admin
    if (http === undefined) return judgement('met', 'by the socket of this machine alone')
    const isLocal = http.address === '::1' || http.address.startsWith('127.')
    const guards = [tls !== undefined || isLocal, tokens !== undefined || oidc !== undefined]
    const change = 'admin.tls, and admin.tokens or admin.oidc'
    return judgeShare(guards.filter(Boolean).length, 2, 'of TLS and login guard HTTP', change)
  },
  'multi-factor': ({ config: { admin } }) => {
    if (admin.http === undefined) return judgement('not applicable', 'nobody logs in over HTTP')
    return admin.oidc === undefined
      ? judgement('not met', 'people log in with tokens', 'admin.oidc')
      : judgement('not known', 'the OpenID provider decides on a second factor')
  }
} satisfies Readonly<Record<string, Judge>>

const unknown =
  (found: string): Judge =>
  () =>
    judgement('not known', found)

/** What no setting or rule shows. */
export const UNKNOWN_JUDGES = {
  'threat-feeds': ({ config: { transfers } }) =>
    transfers.primaries.length > 0
      ? judgement('met', 'zones are transferred from primaries')
      : judgement(
          'not known',
          'see interdict lists for the age of lists',
          'lists with url or transfer'
        ),
  'generated-names': unknown('depends on the lists; the gateway recognizes no generated names'),
  heuristics: () => judgement('not met', 'the gateway uses rules and lists alone'),
  clocks: unknown('the clock of the machine is not in the settings'),
  backups: unknown('see interdict backup; the settings do not show whether backups are made')
} satisfies Readonly<Record<string, Judge>>
