import type { SerializedError } from '../../daemon/threads/serialized-error.js'
import { escapeControls } from '../../querylog/record/terminal-line.js'
import { count } from './show.js'

/** A bundle that may be gone back to; its JSON form is public. Instants are RFC 3339. */
export interface ListedBundle {
  readonly serial: number
  readonly sha256: string
  readonly created: string
  readonly expires: string
  /** When it was accepted. */
  readonly accepted: string
  readonly inForce: boolean
  /** Why it cannot be gone back to; null: it can. */
  readonly trouble: SerializedError | null
}

export function toJson(bundles: readonly ListedBundle[]): string {
  return `${JSON.stringify({ bundles }, undefined, 2)}\n`
}

export function toText(bundles: readonly ListedBundle[]): string {
  const width = Math.max(...bundles.map(({ serial }) => String(serial).length))
  const lines = bundles.map(bundle => {
    const { serial, sha256, created, expires, accepted, inForce, trouble } = bundle
    const mark = inForce ? '*' : ' '
    const dates = `made ${created}, expires ${expires}, accepted ${accepted}`
    const wrong = trouble === null ? '' : `; ${escapeControls(trouble.message)} (${trouble.code})`
    return `${mark} ${String(serial).padStart(width)} ${sha256.slice(0, 12)} ${dates}${wrong}`
  })
  return `${[...lines, `${count(bundles.length, 'bundle')}; * is in force`].join('\n')}\n`
}
