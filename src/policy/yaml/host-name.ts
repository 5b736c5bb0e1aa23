import * as z from 'zod'
import { readAddress, showAddress } from '../../base/values/address.js'
import { parsedString } from './parsed-string.js'

/** It is written into the configuration of other programs: only the characters of host names. RFC 1123 §2.1 */
const HOST_NAME =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** A host name with at least two labels, in lower case and without a final dot. */
export const hostName = z
  .string()
  .transform(text => text.toLowerCase().replace(/\.$/, ''))
  .refine(text => HOST_NAME.test(text), 'a host name such as dns.example')

/** An address, in canonical form. */
export const ipAddress = parsedString('an address such as 192.0.2.1', text =>
  showAddress(readAddress(text))
)
