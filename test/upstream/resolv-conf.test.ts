import t from 'tap'
import type { InterdictError } from '../../src/base/errors/error.js'
import {
  nameservers,
  upstreamEndpoints
} from '../../src/resolver/upstream/selection/resolv-conf.js'

const at = (address: string, port = 53) => ({ address, port })

const files: { it: string; text: string; reads: string[]; warns?: string[] }[] = [
  {
    it: 'addresses of both kinds',
    text: 'nameserver 192.0.2.1\nnameserver 2001:DB8:0::1',
    reads: ['192.0.2.1', '2001:db8::1']
  },
  { it: 'a scoped address', text: 'nameserver fe80::1%eth0.2\n', reads: ['fe80::1%eth0.2'] },
  {
    it: 'tabs, blanks and trailing text',
    text: ' nameserver\t 192.0.2.1 # first\n',
    reads: ['192.0.2.1']
  },
  {
    it: 'lines that end in CR LF',
    text: 'nameserver 192.0.2.1\r\nnameserver 192.0.2.2\r\n',
    reads: ['192.0.2.1', '192.0.2.2']
  },
  { it: 'no comments', text: '#nameserver 192.0.2.1\n;nameserver 192.0.2.2\n', reads: [] },
  {
    it: 'no other keywords',
    text: 'search example.com\noptions nameserver\nnameserver',
    reads: []
  },
  { it: 'nothing', text: '', reads: [] },
  {
    it: 'no names',
    text: '\nnameserver ns.example.com\nnameserver 192.0.2.2',
    reads: ['192.0.2.2'],
    warns: ['2:12']
  },
  { it: 'no shortened addresses', text: 'nameserver 10.1', reads: [], warns: ['1:12'] },
  { it: 'no zone without a name', text: 'nameserver fe80::1%', reads: [], warns: ['1:12'] }
]

for (const { it, text, reads, warns = [] } of files) {
  t.test(`reads ${it}`, async t => {
    const warnings: string[] = []
    const found = nameservers({ file: 'resolv.conf', text }, ({ code, position }) => {
      warnings.push(`${code} ${position?.line}:${position?.column}`)
    })
    t.strictSame(
      found,
      reads.map(address => at(address))
    )
    t.strictSame(
      warnings,
      warns.map(place => `UPSTREAM_NAMESERVER ${place}`)
    )
  })
}

const LOCAL = ['127.0.0.1', '192.0.2.9', '2001:db8::9', 'fe80::9%eth0', '::1']
const EVERYWHERE = [at('0.0.0.0'), at('::')]

const selves: {
  it: string
  listen: { address: string; port: number }[]
  upstream: string
  left: boolean
}[] = [
  {
    it: 'ignores an address that it listens on',
    listen: [at('192.0.2.9')],
    upstream: '192.0.2.9',
    left: false
  },
  {
    it: 'ignores the same address in another form',
    listen: [at('2001:db8:0:0::9')],
    upstream: '2001:db8::9',
    left: false
  },
  {
    it: 'keeps another port of that address',
    listen: [at('192.0.2.9', 5353)],
    upstream: '192.0.2.9',
    left: true
  },
  { it: 'keeps another address', listen: [at('192.0.2.9')], upstream: '192.0.2.10', left: true },
  {
    it: 'ignores an address of this machine if it listens on a wildcard',
    listen: EVERYWHERE,
    upstream: '192.0.2.9',
    left: false
  },
  {
    it: 'ignores an IPv6 address of this machine',
    listen: EVERYWHERE,
    upstream: '2001:db8::9',
    left: false
  },
  { it: 'ignores all of loopback', listen: EVERYWHERE, upstream: '127.0.0.53', left: false },
  { it: 'ignores the wildcard itself', listen: EVERYWHERE, upstream: '0.0.0.0', left: false },
  {
    it: 'keeps an address of another machine if it listens on a wildcard',
    listen: EVERYWHERE,
    upstream: '192.0.2.1',
    left: true
  },
  {
    it: 'keeps IPv4 loopback if it listens on the IPv6 wildcard only',
    listen: [at('::')],
    upstream: '127.0.0.53',
    left: true
  },
  {
    it: 'keeps loopback if it listens elsewhere',
    listen: [at('192.0.2.9')],
    upstream: '127.0.0.53',
    left: true
  },
  {
    it: 'ignores a scoped address of this machine',
    listen: EVERYWHERE,
    upstream: 'fe80::9%eth0',
    left: false
  },
  {
    it: 'keeps the same link-local address on another link',
    listen: EVERYWHERE,
    upstream: 'fe80::9%eth1',
    left: true
  }
]

for (const { it, listen, upstream, left } of selves) {
  for (const source of ['configured', 'resolv.conf']) {
    t.test(`${it}, from ${source}`, async t => {
      const warnings: InterdictError[] = []
      const found = upstreamEndpoints({
        configured: source === 'configured' ? [at(upstream)] : [],
        resolvConf: { file: 'resolv.conf', text: `nameserver ${upstream}\n` },
        listen,
        localAddresses: LOCAL,
        warn: warning => warnings.push(warning)
      })
      t.strictSame(found, left ? [at(upstream)] : [])
      t.strictSame(
        warnings.map(({ code }) => code),
        left ? [] : ['UPSTREAM_SELF', 'UPSTREAM_NONE']
      )
    })
  }
}

t.test('ignores resolv.conf if upstreams are configured', async t => {
  const found = upstreamEndpoints({
    configured: [at('192.0.2.1', 5300)],
    resolvConf: { file: 'resolv.conf', text: 'nameserver 192.0.2.2\nnameserver nonsense' },
    listen: [],
    localAddresses: [],
    warn: ({ code }) => t.fail(code)
  })
  t.strictSame(found, [at('192.0.2.1', 5300)])
})

t.test('warns if there is no upstream at all', async t => {
  const codes: string[] = []
  const sources = { configured: [], resolvConf: undefined, listen: [], localAddresses: [] }
  t.strictSame(upstreamEndpoints({ ...sources, warn: ({ code }) => codes.push(code) }), [])
  t.strictSame(codes, ['UPSTREAM_NONE'])
})
