import * as z from 'zod'
import { readAddress } from '../../base/values/address.js'
import { readName } from '../../wire/dns/name/name.js'
import { readRrtype } from '../../wire/dns/registry/rrtype.js'
import { readInstant } from '../../base/time/instant.js'

/** Parameters in the query of a URL, which are texts, as schemas. */

const MAX_LIMIT = 1_000
const MAX_OFFSET = 1_000_000

/** Which part of a list to return. */
export const paging = {
  limit: z.coerce
    .number<string>('a whole number')
    .int('a whole number')
    .min(1)
    .max(MAX_LIMIT)
    .default(100)
    .describe('Number of items'),
  offset: z.coerce
    .number<string>('a whole number')
    .int('a whole number')
    .min(0)
    .max(MAX_OFFSET)
    .default(0)
    .describe('Items before the first one')
}

/** The schema of `pageOf`. */
export function pageSchema<S extends z.ZodType>(item: S) {
  return z.object({
    generation: z.int().describe('Generation of the rules; a page of another one may not fit'),
    total: z.int(),
    offset: z.int(),
    items: z.array(item)
  })
}

export function pageOf<T>(
  generation: number,
  all: readonly T[],
  { limit, offset }: { readonly limit: number; readonly offset: number }
) {
  return { generation, total: all.length, offset, items: all.slice(offset, offset + limit) }
}

const id = z.string().min(1).max(253)
export const network = id.describe('Id of a network')
export const app = id.describe('Id of an app')

/** A text that a parser accepts; what it returns is not used. */
export function textOf(
  expected: string,
  read: (text: string) => unknown
): z.ZodType<string, string> {
  const isValid = (value: string): boolean => {
    try {
      return read(value) !== undefined
    } catch {
      return false
    }
  }
  return z.string(expected).refine(isValid, expected)
}

export const address = textOf('an IPv4 or IPv6 address', readAddress)
export const name = textOf('a domain name', readName)
export const rrtype = textOf('a query type such as A or TYPE65280', readRrtype)
export const instant = textOf('a time such as 2026-11-27T10:00:00Z', value =>
  readInstant(value, 'UTC')
)
/** `true` or `false`. */
export const flag = z.enum(['true', 'false']).transform(value => value === 'true')
/** Days ahead. */
export const within = z.coerce
  .number<string>('a whole number')
  .int('a whole number')
  .min(0)
  .max(99_999)
