import * as z from 'zod'
import type { Milliseconds } from '../../base/units.js'
import type { Binding } from '../../policy/bindings/binding.js'
import { readDevice } from '../../policy/bindings/read-device.js'
import { addressText, bindingOf, lineError } from './read-bindings.js'

const text = z.string().max(512)
const time = z.iso.datetime({ offset: true }).transform(it => Date.parse(it))

/** A line: see docs/reference/bindings.md. */
const lineSchema = z.strictObject({
  address: text,
  mac: text.optional(),
  host: text.optional(),
  duid: text.optional(),
  user: text.optional(),
  groups: z.array(text).max(64).optional(),
  port: text.optional(),
  from: time.optional(),
  until: time.optional(),
  end: z.literal(true).optional()
})

/** A change that a line makes. */
export type BindingChange =
  | { readonly kind: 'begin'; readonly binding: Binding }
  | { readonly kind: 'end'; readonly address: string; readonly at: Milliseconds }

export interface BindingLines {
  readonly changes: readonly BindingChange[]
  readonly errors: readonly string[]
}

export interface JsonFeed {
  readonly source: string
  /** How long a binding without `until` lasts. */
  readonly lifetime: Milliseconds
}

/** Reads JSON lines, one binding each. A line that is not one is an error, and the others count. */
export function readBindingLines(body: string, feed: JsonFeed, now: Milliseconds): BindingLines {
  const changes: BindingChange[] = []
  const errors: string[] = []
  for (const [i, line] of body.split('\n').entries()) {
    if (line.trim() === '') continue
    const change = changeOf(line, feed, now)
    if (typeof change === 'string') errors.push(lineError(i + 1, change))
    else changes.push(change)
  }
  return { changes, errors }
}

/** @returns what is wrong, if something is */
function changeOf(line: string, feed: JsonFeed, now: Milliseconds): BindingChange | string {
  const parsed = lineSchema.safeParse(parseJson(line))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return issue === undefined ? 'not a binding' : `${issue.path.join('.')} ${issue.message}`.trim()
  }
  const { address: given, from = now, until, end, groups, ...rest } = parsed.data
  const address = addressText(given)
  if (address === undefined) return `${given} is not an IP address`
  if (end === true) return { kind: 'end', address, at: until ?? now }
  const raw = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  const facts = readDevice(groups === undefined ? raw : { ...raw, groups })
  const lasts = until ?? from + feed.lifetime
  const binding = bindingOf(address, { source: feed.source, from, until: lasts, ...facts })
  if (binding === undefined) return 'no mac, duid, user or host that can be read'
  return lasts > from ? { kind: 'begin', binding } : 'until is not after from'
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
