import t from 'tap'
import { parseConntrackEvent } from '../../../src/sources/egress/conntrack-event.js'

const TCP =
  '[1796145399.717883]\t    [NEW] tcp      6 120 SYN_SENT src=10.20.3.4 dst=203.0.113.9 sport=35520 dport=443 [UNREPLIED] src=203.0.113.9 dst=192.0.2.1 sport=443 dport=35520 id=3120401039'
const END =
  '[1796145401.5]\t[DESTROY] tcp      6 120 CLOSE src=10.20.3.4 dst=203.0.113.9 sport=35520 dport=443 packets=4 bytes=260 src=203.0.113.9 dst=192.0.2.1 sport=443 dport=35520 packets=3 bytes=1040 [ASSURED] id=3120401039'

t.test('reads the beginning and the end of a connection', async t => {
  const connection = {
    ...{ id: 3_120_401_039, protocol: 'tcp', client: '10.20.3.4' },
    ...{ destination: '203.0.113.9', port: 443 }
  }
  t.same(parseConntrackEvent(TCP), {
    ...{ ...connection, kind: 'begin', time: 1_796_145_399_718, octets: undefined }
  })
  t.same(parseConntrackEvent(END), {
    ...{ ...connection, kind: 'end', time: 1_796_145_401_500, octets: 1300 }
  })
})

t.test('writes IPv6 addresses in canonical text', async t => {
  const line =
    '[1796145399.717804]\t    [NEW] udp      17 30 src=fd00:0:0:0:0:0:0:4 dst=2001:db8:0:0:0:0:0:9 sport=41774 dport=853 [UNREPLIED] src=2001:db8:0:0:0:0:0:9 dst=fd00:0:0:0:0:0:0:4 sport=853 dport=41774 id=7'
  t.match(parseConntrackEvent(line), {
    ...{ protocol: 'udp', client: 'fd00::4', destination: '2001:db8::9', port: 853 }
  })
})

t.test('a query that the firewall redirects goes where it is redirected to', async t => {
  const line =
    '[1796145399.717804] [NEW] udp 17 30 src=10.20.3.4 dst=203.0.113.53 sport=41774 dport=53 [UNREPLIED] src=10.20.0.1 dst=10.20.3.4 sport=5300 dport=41774 id=7'
  t.match(parseConntrackEvent(line), { destination: '10.20.0.1', port: 5300 })
})

t.test('without counters there are no octets', async t => {
  t.equal(parseConntrackEvent(END.replaceAll(/ bytes=\d+/g, ''))?.octets, undefined)
})

t.test('returns undefined for other lines', async t => {
  const lines = [
    '',
    'conntrack v1.4.8 (conntrack-tools): 3 flow events have been shown.',
    TCP.replace('[NEW]', '[UPDATE]'),
    TCP.replace('tcp      6', 'icmp     1'),
    TCP.replace('[1796145399.717883]', ''),
    TCP.replaceAll('203.0.113.9', '203.0.113.999'),
    TCP.replaceAll('sport=443', 'sport=65536'),
    TCP.replaceAll('sport=443', 'sport='),
    TCP.replace(' id=3120401039', ''),
    TCP.replace('id=3120401039', 'id=4294967296'),
    TCP.slice(0, TCP.indexOf('[UNREPLIED]')),
    TCP.replaceAll('src=', 'src=='),
    `${'x'.repeat(100_000)} src=1`
  ]
  for (const line of lines) t.equal(parseConntrackEvent(line), undefined, line.slice(0, 60))
})

t.test('never throws for damaged lines', async t => {
  for (const line of [TCP, END])
    for (let at = 0; at < line.length; at++)
      for (const other of ['', '=', ' ', '\0', '9', ':'])
        parseConntrackEvent(line.slice(0, at) + other + line.slice(at + 1))
  t.pass()
})
