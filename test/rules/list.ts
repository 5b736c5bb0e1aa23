import { showPrefix } from '../../src/base/values/address.js'
import { showRrtype } from '../../src/wire/dns/registry/rrtype.js'
import {
  readList,
  type ListOptions,
  type ListResult
} from '../../src/policy/rules/lists/read-list.js'
import type { LocalData, NameSource } from '../../src/policy/rules/model/types.js'
import { brief, poured } from './folder.js'

/** Reads one file as the list `m`. */
export function readOne(text: string | Uint8Array, options: Partial<ListOptions> = {}): ListResult {
  return readAll([text], options)
}

/** Reads files as the list `m`: `lists/m.txt`, `lists/m2.txt` and so on. */
export function readAll(
  texts: readonly (string | Uint8Array)[],
  options: Partial<ListOptions> = {}
): ListResult {
  const files = texts.map((text, i) => {
    const file = `lists/m${i === 0 ? '' : i + 1}.txt`
    return { octets: Buffer.from(text as string), file, displayName: file }
  })
  return readList({ id: 'm', ...options }, files)
}

/**
 * What a list says, a line each: what its names are said to be, where that is not that they are
 * blocked, then the name; then what cannot mean anything here, and what is wrong.
 */
export function saidBy(result: ListResult): readonly string[] {
  if ('errors' in result) return brief(result.errors)
  const parts = result.parts.flatMap(part =>
    poured(part).map(line => `${headOf(part)}${line}${recordsAt(part, line)}`)
  )
  const kinds = result.reports.flatMap(({ unsupported: inapplicable }) =>
    [...inapplicable].map(([kind, count]) => `${count} ${kind}`)
  )
  return [...parts, ...kinds, ...brief(result.warnings)]
}

function headOf({ part }: NameSource): string {
  const { effect: says, qtypes, prefixes } = part!
  const what = typeof says === 'object' ? says.action : says === 'rule' ? '' : says
  const types = qtypes && `${qtypes.except ? '~' : ''}${qtypes.types.map(showRrtype).join('|')}`
  const clients = prefixes?.map(showPrefix).join('|')
  return [what, types, clients].map(word => (word ? `${word} ` : '')).join('')
}

/** The records of a poured line: `A 192.0.2.1` as ` 1:c0000201`. */
function recordsAt({ part }: NameSource, poured: string): string {
  if (typeof part?.effect !== 'object' || part.effect.data === undefined) return ''
  const { lines, starts, octets } = viewsOf(part.effect.data)
  const at = lines.indexOf(Number(poured.split(' ').at(-1)))
  let text = ''
  for (let pos = starts[at]!; pos < starts[at + 1]!;) {
    const end = pos + 4 + octets.readUInt16BE(pos + 2)
    text += ` ${showRrtype(octets.readUInt16BE(pos))}:${octets.toString('hex', pos + 4, end)}`
    pos = end
  }
  return text
}

function viewsOf({ lines, starts, octets }: LocalData) {
  return {
    lines: new Int32Array(lines),
    starts: new Int32Array(starts),
    octets: Buffer.from(octets)
  }
}
