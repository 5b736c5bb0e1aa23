import { request } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { HttpServer } from '../../src/admin/server/http-server.js'
import { PageMemory } from '../../src/admin/metrics/page-memory.js'
import type { Probes } from '../../src/admin/metrics/probes.js'
import { createServiceLog } from '../../src/base/log/service-log.js'
import { eventually } from './site.js'

/** More than the buffers of sockets hold, and not the same octets in each part. */
const LARGE = Buffer.alloc(1 << 24, 'a prime number of octets: 37 in whole')
const parts = (text: string): Buffer[] => [
  Buffer.from(text.slice(0, 1)),
  Buffer.from(text.slice(1))
]

t.test('memory of a page is used again, but not while it is needed', async t => {
  const memory = new PageMemory()
  const first = memory.join(parts('first'))
  const second = memory.join(parts('other'))
  t.same([String(first.body), String(second.body)], ['first', 'other'])
  t.not(second.body.buffer, first.body.buffer)
  first.release()
  second.release()
  const third = memory.join(parts('third'))
  t.equal(third.body.buffer, first.body.buffer)
  t.equal(String(third.body), 'third')
  t.equal(String(second.body), 'other')
  third.release()
  const longer = memory.join(parts('x'.repeat(1000)))
  t.equal(String(longer.body), 'x'.repeat(1000))
  longer.release()
  t.equal(memory.join(parts('short')).body.buffer, longer.body.buffer)
})

t.test('a page is needed until the client has it, or has gone', async t => {
  let [pages, released] = [0, 0]
  const page = async (): ReturnType<Probes['page']> => {
    pages++
    return { code: 200, type: 'text/plain', body: LARGE, release: () => released++ }
  }
  const server = new HttpServer({
    probes: { page } as unknown as Probes,
    tls: undefined,
    loadApi: undefined,
    log: createServiceLog({ level: 'silent', destination: 'stderr' })
  })
  t.teardown(() => server.close())
  const { address: host, port } = await server.listen({ address: '127.0.0.1', port: 0 })
  const received = await new Promise<Buffer>(resolve => {
    request({ host, port, path: '/metrics', agent: false }, response => {
      // Nothing of the body has been read yet.
      t.equal(released, 0)
      const read: Buffer[] = []
      response.on('data', (part: Buffer) => read.push(part))
      response.on('end', () => resolve(Buffer.concat(read)))
    }).end()
  })
  t.ok(received.equals(LARGE))
  await eventually('it is released', () => released === 1)

  const socket = connect({ host, port }).pause()
  socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n')
  await eventually('it is asked for', () => pages === 2)
  t.equal(released, 1)
  socket.destroy()
  await eventually('the next is released', () => released === 2)
})
