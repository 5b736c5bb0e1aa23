import type { SerializedError } from '../../../base/errors/serialized-error.js'
import { escapeControls } from '../../../base/log/terminal-line.js'
import { formatCount } from '../format.js'

/** An accepted bundle; its JSON form is public. Instants are RFC 3339. */
export interface ListedBundle {
  readonly serial: number
  readonly sha256: string
  readonly created: string
  readonly expires: string
  /** When it was accepted. */
  readonly accepted: string
  readonly inForce: boolean
  /** Why it cannot be put in force; null if it can. */
  readonly error: SerializedError | null
}

export function toJson(bundles: readonly ListedBundle[]): string {
  return `${JSON.stringify({ bundles }, undefined, 2)}\n`
}

export function toText(bundles: readonly ListedBundle[]): string {
  const width = Math.max(...bundles.map(({ serial }) => String(serial).length))
  const lines = bundles.map(bundle => {
    const { serial, sha256, created, expires, accepted, inForce, error } = bundle
    const mark = inForce ? '*' : ' '
    const dates = `created ${created}, expires ${expires}, accepted ${accepted}`
    const problem = error === null ? '' : `; ${escapeControls(error.message)} (${error.code})`
    return `${mark} ${String(serial).padStart(width)} ${sha256.slice(0, 12)} ${dates}${problem}`
  })
  return `${[...lines, `${formatCount(bundles.length, 'bundle')}; * marks the one in force`].join('\n')}\n`
}
