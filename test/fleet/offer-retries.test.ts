import t from 'tap'
import { OfferRetries } from '../../src/fleet/channel/offer-retries.js'

t.test('a new connection ends the wait after failures to fetch', t => {
  const retries = new OfferRetries()
  t.equal(retries.reconnected(), false, 'nothing has failed')
  t.strictSame(
    Array.from({ length: 8 }, () => retries.failed('FLEET_BUNDLE')),
    [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
  )
  t.equal(retries.isWaiting, true)
  t.equal(retries.reconnected(), true)
  t.equal(retries.isWaiting, false, 'the value of the ring, received again, is offered')
  t.equal(retries.failed('FLEET_BUNDLE'), 1_000, 'from the first delay')
  retries.reset()
  t.equal(retries.isWaiting, false)
  t.end()
})

t.test('a bundle that was refused is not fetched again by each connection', t => {
  const retries = new OfferRetries()
  t.equal(retries.failed('BUNDLE_SIGNATURE'), 600_000)
  t.equal(retries.reconnected(), false)
  t.equal(retries.isWaiting, true)
  t.end()
})
