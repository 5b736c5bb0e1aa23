import type { KeyView, RootView } from '../../../fleet/hub/roots/root-view.js'
import { columns, type Row } from '../../output/columns.js'
import { formatNumber } from '../../output/format.js'

/** What to do with a key. */
const STATES: Readonly<Record<KeyView['state'], string>> = {
  ready: 'all gateways trust it: it may sign alone',
  spreading: 'not all gateways trust it yet: sign with an earlier key as well',
  revoking: 'revoked, but gateways still trust it: keep it secret',
  dropped: 'no gateway trusts it: destroy its private key'
}

/** The root of trust of a fleet, and what to do with each key for bundles. */
export function rootText(root: RootView, width: number): string {
  const rows = root.keys.map(({ key, trustedBy, state }): Row => {
    const shown = state === 'ready' || state === 'dropped' ? state : (['yellow', state] as const)
    const count = `${formatNumber(trustedBy)} of ${formatNumber(root.gateways)}`
    return { cells: [[key], [shown], [count], [root.version === null ? '' : STATES[state]]] }
  })
  const head = ['key for bundles', 'state', 'trusted by', 'what to do']
  const table = rows.length === 0 ? [] : columns(head, rows, width)
  return [headline(root), ...table].join('\n')
}

function headline(root: RootView): string {
  const { version, expires, gateways, current, newer, waiting } = root
  if (version === null && newer === 0)
    return 'root of trust: none; the settings of gateways have the keys'
  const missing = gateways - current - newer
  const names = missing > waiting.length ? `${waiting.join(', ')}, ...` : waiting.join(', ')
  const behind = missing === 0 ? '' : `; without it: ${names}`
  const ahead = newer === 0 ? '' : `; ${formatNumber(newer)} have a newer one: publish it here, too`
  const which =
    version === null ? 'root of trust: none here' : `root of trust ${version}, expires ${expires}`
  return `${which}: ${formatNumber(current)} of ${formatNumber(gateways)} gateways have it${behind}${ahead}`
}
