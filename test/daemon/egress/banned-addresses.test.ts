import t from 'tap'
import { BannedAddresses } from '../../../src/gateway/egress/banned-addresses.js'
import { compile } from '../../../src/policy/compile/compile.js'
import { loadGood } from '../../rules/folder.js'

const NETWORKS = `networks:
  school:
    prefixes: [10.20.0.0/16]
    egress: observe
    bans:
      - { id: video, apps: [video], authority: City, reference: Decision 1, from: 2026-11-01 }
    exceptions:
      - id: press
        apps: [video]
        prefixes: [10.20.9.0/24]
        purpose: press
        approved-by: head
        from: 2026-11-01
        until: 2026-12-31
  office: { prefixes: [10.30.0.0/16] }
`
const VIDEO = 'app: video\ntitle: Video\nnames: [video.example]\naddresses: [203.0.113.0/24]\n'
const at = (day: string): number => Date.parse(`${day}T12:00:00Z`) / 1000

t.test('finds addresses that a ban has in force for the client', async t => {
  const files = { 'networks.yaml': NETWORKS, 'apps/video.yaml': VIDEO }
  const rules = await loadGood(t, files)
  const banned = new BannedAddresses(compile(rules, { generation: 1, random: () => 1 }))
  const find = (client: string, address = '203.0.113.9', day = '2026-11-12') =>
    banned.find(client, address, at(day))?.apps
  t.same(find('10.20.3.4'), ['video'])
  t.equal(find('10.20.3.4', '198.51.100.9'), undefined, 'another address')
  t.equal(find('10.20.9.4'), undefined, 'excepted')
  t.same(find('10.20.9.4', '203.0.113.9', '2027-01-05'), ['video'], 'no longer excepted')
  t.equal(find('10.30.3.4'), undefined, 'another network')
  t.equal(find('192.0.2.1'), undefined, 'no network')
  t.equal(find('10.20.3.4', '203.0.113.9', '2026-10-12'), undefined, 'before it began')
})
