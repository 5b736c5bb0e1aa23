import t from 'tap'
import { descriptorLimit, upstreamSocketLimit } from '../../src/gateway/upstreams/upstream-ports.js'

t.test('upstream sockets of all workers leave most descriptors to others', async t => {
  for (const [workers, limit, sockets] of [
    [1, Infinity, 1024],
    [8, 524_288, 1024],
    [8, 20_000, 312],
    [2, 4096, 256],
    [2, 1024, 64],
    // At least these.
    [4, 256, 32]
  ] as const) {
    t.equal(
      upstreamSocketLimit(workers, limit),
      sockets,
      `${workers} workers, ${limit} descriptors`
    )
  }
})

t.test('reads the descriptor limit of this process, where there is one', async t => {
  t.ok(descriptorLimit() > 32)
  t.equal(descriptorLimit('/nonexistent'), Infinity)
})
