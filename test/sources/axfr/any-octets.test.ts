import fc from 'fast-check'
import t from 'tap'
import { InterdictError } from '../../../src/base/errors/error.js'
import { ZoneResponse } from '../../../src/wire/dns/message/zone-message.js'
import { readName } from '../../../src/wire/dns/name/name.js'
import { TransferError, TransferReader } from '../../../src/sources/axfr/transfer-reader.js'
import { findTsig } from '../../../src/wire/tsig/tsig-record.js'
import { runs } from '../../runs.js'
import { encode, nxdomain, TestPrimary, ZONE } from './primary.js'

const NAME = readName(ZONE)

/** A value, or an error that is meant: nothing else may come of what others send. */
function isMeant(take: () => unknown): boolean {
  try {
    take()
    return true
  } catch (error) {
    return error instanceof InterdictError || error instanceof TransferError
  }
}

function read(message: Uint8Array, have: number | undefined): void {
  const reader = new TransferReader(NAME, have, 1_000_000)
  const answer = new ZoneResponse(message, NAME, 7, have === undefined ? 252 : 251)
  answer.each(record => reader.add(message, record))
}

t.test('arbitrary octets as a transfer: a zone or an expected error', async t => {
  const primary = await TestPrimary.open(t)
  const whole = primary.whole({ serial: 2, policies: nxdomain('one', 'two', '*.three') })
  const steps = [
    primary.soa(2),
    primary.soa(1),
    ...whole.slice(1, 3),
    ...whole.slice(0, 1),
    ...whole
  ]
  const good = [encode(7, 'AXFR', whole), encode(7, 'IXFR', whole), encode(7, 'IXFR', steps)]
  for (const message of good) t.ok(message.length > 100)
  const message = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...good))
  const change = fc.record({ at: fc.nat({ max: 300 }), octet: fc.nat({ max: 255 }) })
  const have = fc.constantFrom(undefined, 1)
  fc.assert(
    fc.property(message, fc.array(change, { maxLength: 6 }), have, (octets, changes, have) => {
      const changed = Uint8Array.from(octets)
      for (const { at, octet } of changes) if (at < changed.length) changed[at] = octet
      return isMeant(() => read(changed, have)) && isMeant(() => findTsig(changed))
    }),
    runs(5_000)
  )
})
