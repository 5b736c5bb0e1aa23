import type { NatsConnection } from '@nats-io/transport-node'
import t from 'tap'
import { storedMessage } from '../../src/fleet/channel/stored-message.js'

/** A connection whose server sends one reply to each request. */
function connection(code: number, requests: string[] = []): NatsConnection {
  const headers = { code, description: 'Bad Request', get: () => '7' }
  return {
    request: (subject: string, payload: string) => {
      requests.push(`${subject} ${payload}`)
      return Promise.resolve({ headers, data: Buffer.from('x') })
    }
  } as unknown as NatsConnection
}

t.test('a stored message by subject, and the next one of a subject', async t => {
  const requests: string[] = []
  const server = connection(0, requests)
  t.match(await storedMessage(server, 'KV_a', '$KV.a.b'), { seq: 7, data: Buffer.from('x') })
  await storedMessage(server, 'OBJ_a', { seq: 3, next_by_subj: '$O.a.C.x' })
  t.strictSame(requests, [
    '$JS.API.DIRECT.GET.KV_a.$KV.a.b ',
    '$JS.API.DIRECT.GET.OBJ_a {"seq":3,"next_by_subj":"$O.a.C.x"}'
  ])
})

t.test('none, and a request that the server refuses', async t => {
  t.equal(await storedMessage(connection(404), 'KV_a', 'x'), undefined)
  await t.rejects(storedMessage(connection(408), 'KV_a', 'x'), { message: '408 Bad Request' })
})
