import t from 'tap'
import { isSelf, ownAddresses, readEndpoint } from '../../src/wire/sockets/endpoint.js'

const OWN = ['192.0.2.1', '2001:db8::1']

const cases = [
  { listen: '192.0.2.1:53', server: '192.0.2.1:53', self: true },
  { listen: '192.0.2.1:53', server: '192.0.2.1:5353', self: false },
  { listen: '0.0.0.0:53', server: '192.0.2.1:53', self: true },
  { listen: '0.0.0.0:53', server: '127.0.0.9:53', self: true },
  { listen: '0.0.0.0:53', server: '192.0.2.2:53', self: false },
  { listen: '0.0.0.0:53', server: '[2001:db8::1]:53', self: false },
  { listen: '[::]:53', server: '[2001:db8::1]:53', self: true },
  { listen: '[::]:53', server: '192.0.2.1:53', self: false },
  { listen: '127.0.0.1:53', server: '192.0.2.1:53', self: false }
]

for (const { listen, server, self } of cases) {
  t.test(`${server} ${self ? 'is' : 'is not'} this gateway listening at ${listen}`, async t => {
    t.equal(isSelf(readEndpoint(listen)!, readEndpoint(server)!, OWN), self)
  })
}

t.test('addresses of this machine are in the form that settings use', async t => {
  for (const address of ownAddresses())
    t.ok(readEndpoint(`${address.includes(':') ? `[${address}]` : address}:53`))
})
