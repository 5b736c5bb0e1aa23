/*
 * V8 cannot write shared memory into a message for another process. So it is left out of a value, and put back.
 */

/** In place of shared memory, or of a typed array over it. */
interface Absent {
  readonly absent: number
  readonly view?: { readonly type: string; readonly at: number; readonly length: number }
}

const TYPES = { Uint8Array, Int32Array, Uint32Array, Float64Array } as const

/** Replaces shared memory in plain data. @param memory to which it is added */
export function withoutSharedMemory(value: unknown, memory: SharedArrayBuffer[]): unknown {
  const numberOf = (one: SharedArrayBuffer): number => {
    const known = memory.indexOf(one)
    return known === -1 ? memory.push(one) - 1 : known
  }
  return mapPlain(value, one => {
    if (one instanceof SharedArrayBuffer) return { absent: numberOf(one) } satisfies Absent
    if (!ArrayBuffer.isView(one) || !(one.buffer instanceof SharedArrayBuffer)) return undefined
    const { length } = one as Uint8Array
    const view = { type: one.constructor.name, at: one.byteOffset, length }
    return { absent: numberOf(one.buffer), view } satisfies Absent
  })
}

/** Puts back what `withoutSharedMemory` has replaced. */
export function withSharedMemory(value: unknown, memory: readonly SharedArrayBuffer[]): unknown {
  return mapPlain(value, one => {
    if (typeof one !== 'object' || one === null || !('absent' in one)) return undefined
    const { absent, view } = one as Absent
    const shared = memory[absent]!
    if (view === undefined) return shared
    return new TYPES[view.type as keyof typeof TYPES](
      shared as unknown as ArrayBuffer,
      view.at,
      view.length
    )
  })
}

/** A copy with some parts replaced. @param replace undefined: the part stays */
function mapPlain(value: unknown, replace: (part: unknown) => object | undefined): unknown {
  const replacement = replace(value)
  if (replacement !== undefined) return replacement
  const map = (part: unknown): unknown => mapPlain(part, replace)
  if (Array.isArray(value)) return value.map(map)
  if (value instanceof Map) return new Map([...value].map(([key, part]) => [key, map(part)]))
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, map(part)]))
}
