import { connect } from 'node:net'
import t from 'tap'
import type { Endpoint } from '../../src/wire/sockets/datagram.js'
import { makeCertificate } from '../tls/certificates.js'
import { serving, type Setting } from './serve.js'
import { banning } from './site.js'

const certificate = makeCertificate()
const setting: Setting = {
  listen: [
    '127.0.0.1:0',
    '{ address: 127.0.0.1:0, protocol: dot, certificate: cert.pem, key: key.pem }'
  ],
  more: 'limits: { cpu-percent: 1 }',
  workers: 1,
  files: {
    'rules/networks.yaml': banning('banned.example'),
    'cert.pem': certificate.certificate,
    'key.pem': certificate.key
  }
}

async function failHandshake({ address: host, port }: Endpoint): Promise<void> {
  const socket = connect({ host, port, localAddress: '127.0.0.2' })
  socket.on('error', () => undefined)
  socket.end('GET / HTTP/1.0\r\n\r\n').resume()
  await new Promise(resolve => socket.once('close', resolve))
}

for (const privacy of ['full', 'prefix']) {
  t.test(`a client above limits.cpu-percent is logged and counted, privacy ${privacy}`, async t => {
    const queries = `privacy: { default: ${privacy} }`
    const { gateway, log } = await serving(t, { ...setting, queries })
    const [, at] = gateway.endpoints
    // 50 ms: 500 µs each, some of which have decayed when the last ones come.
    for (let i = 0; i < 100 && log.with('handshakes').length === 0; i++)
      await Promise.all(Array.from({ length: 50 }, () => failHandshake(at!)))
    const [line] = log.with('handshakes')
    t.match(line, { level: 'warn', fields: { code: 'CLIENT_CPU' } })
    const shown = privacy === 'full' ? '127.0.0.2' : undefined
    t.equal(line!.fields.address, shown)
    t.match(line!.message, `${shown ?? 'a client'} takes 1.`)
    const { limits } = await gateway.status()
    t.ok(limits.cpu.closed > 0)
  })
}
