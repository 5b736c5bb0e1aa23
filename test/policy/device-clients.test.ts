import t from 'tap'
import { addressWords, readAddress } from '../../src/base/values/address.js'
import {
  allocateDeviceTable,
  clientKey,
  DeviceTableReader,
  DeviceTableWriter
} from '../../src/policy/bindings/device-table.js'
import { DeviceMatcher, deviceText } from '../../src/policy/bindings/match-device.js'
import { compile } from '../../src/policy/compile/compile.js'
import { DeviceIndex } from '../../src/policy/evaluate/device-index.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import type { ClientRule } from '../../src/policy/rules/model/client-types.js'
import { networkOfClass } from '../../src/policy/tables/client-table.js'
import { DeviceRecognizer } from '../../src/resolver/context/device-identity.js'
import { network, ruleSet } from './rule-set.js'

const position = { file: 'networks.yaml', line: 1, column: 1 }

function client(id: string, to: string, more: Partial<ClientRule> = {}): ClientRule {
  const none = { certificates: [], labels: [], tokens: [], devices: [], unknownIn: [] }
  return { id, position, network: to, ...none, isRevoked: false, ...more }
}

const of = (fact: 'mac' | 'user' | 'group' | 'host', value: string) => ({
  devices: [{ fact, value }]
})
const CLIENTS = [
  client('tokens-first', 'tokens', { tokens: ['00'] }),
  client('kiosk', 'kiosks', of('mac', '02:00:5e:10:00:07')),
  client('staff', 'staff', of('group', 'staff')),
  client('lost', 'staff', { ...of('user', 'lost'), isRevoked: true }),
  client('tokens-last', 'tokens', { tokens: ['01'] }),
  client('others', 'strict', { unknownIn: ['lan'] })
]

function opened(clients: readonly ClientRule[] = CLIENTS) {
  const networks = ['lan', 'branch', 'tokens', 'kiosks', 'staff', 'strict']
  const prefixes: Record<string, string[]> = { lan: ['10.0.0.0/16'], branch: ['10.9.0.0/16'] }
  const all = networks.map(id => network(id, prefixes[id] ?? [], []))
  const rules = { ...ruleSet(...all), clients: { authorities: [], clients } }
  const policy = new Policy(compile(rules, { generation: 1, random: () => 0 }))
  const memory = allocateDeviceTable(100)
  const table = new DeviceTableWriter(memory)
  table.trustUntil(1000)
  const index = DeviceIndex.of(policy)
  const words = (address: string): Uint32Array => addressWords(readAddress(address))
  const put = (address: string, id: string | undefined, text = ''): void => {
    const key = id === undefined ? undefined : clientKey(id)
    table.set(words(address), { client: key, text: Buffer.from(text), from: 0, until: 500 })
  }
  const recognizer = index && new DeviceRecognizer(policy, index, new DeviceTableReader(memory))
  /** Networks of a client and of its address, and the name of its device. */
  const who = (address: string, presented?: string, now = 100): string => {
    const identity = presented === undefined ? undefined : presentedBy(policy, presented)
    const found = recognizer!.recognize(words(address), 0, now, identity)
    if (found === undefined) return 'by address'
    const [own, other] = [found.clientClass, found.addressClass].map(
      one => networkOfClass(policy.snapshot.clients, one) ?? '-'
    )
    return `${own} ${other} ${Buffer.from(found.device).toString()}`.trim()
  }
  return { index, put, who }
}

/** The identity of a client with a token. */
function presentedBy(policy: Policy, clientId: string) {
  const { clients } = policy.snapshot
  const clientClass = clients.identities!.classes.get(clients.networks.indexOf('tokens')) as number
  return { clientClass, addressClass: 0, device: Buffer.from(clientId), clientId }
}

t.test('a device is in the network of its client, besides that of its address', t => {
  const { put, who } = opened()
  put('10.0.0.1', 'kiosk')
  put('10.9.0.1', 'staff', 'laptop')
  put('10.0.0.3', undefined)
  t.equal(who('10.0.0.1'), 'kiosks lan kiosk')
  t.equal(who('10.9.0.1'), 'staff branch staff/laptop')
  t.equal(who('10.0.0.3'), 'by address', 'known, and no client')
  t.end()
})

t.test('an unknown device is the client for such devices, where there is one', t => {
  const { put, who } = opened()
  put('10.0.0.1', 'kiosk')
  t.equal(who('10.0.0.2'), 'strict lan others')
  t.equal(who('10.9.0.2'), 'by address')
  t.equal(who('192.0.2.1'), 'by address', 'outside every network')
  t.equal(who('10.0.0.1', undefined, 500), 'strict lan others', 'its lease has expired')
  t.equal(who('10.0.0.1', undefined, 1001), 'strict lan others', 'the table is out of date')
  t.end()
})

t.test('of what is presented and the device, the client that comes first counts', t => {
  const { put, who } = opened()
  put('10.0.0.1', 'kiosk')
  t.equal(who('10.0.0.1', 'tokens-first'), 'tokens - tokens-first')
  t.equal(who('10.0.0.1', 'tokens-last'), 'kiosks lan kiosk')
  t.equal(who('10.0.0.2', 'tokens-last'), 'tokens - tokens-last', 'before that for unknown devices')
  t.end()
})

t.test('a revoked client, and one that the rules no longer have, is a client by its address', t => {
  const { put, who } = opened()
  put('10.9.0.1', 'lost')
  put('10.9.0.2', 'deleted')
  t.equal(who('10.9.0.1'), 'by address')
  t.equal(who('10.9.0.2'), 'by address')
  t.end()
})

t.test('rules without such clients need no lookups', t => {
  t.equal(opened([client('token', 'tokens', { tokens: ['00'] })]).index, undefined)
  t.end()
})

t.test('a device is the first client that has one of its facts', t => {
  const matcher = new DeviceMatcher(CLIENTS)
  const id = (facts: object): string | undefined => matcher.find(facts)?.id
  t.equal(id({ mac: '02:00:5e:10:00:07', groups: ['staff'] }), 'kiosk')
  t.equal(id({ mac: '02:00:5e:10:00:08', user: 'lost', groups: ['x', 'staff'] }), 'staff')
  t.equal(id({ user: 'staff', host: 'staff' }), undefined, 'another kind of fact')
  t.equal(id({}), undefined)
  const [, kiosk, staff] = CLIENTS
  t.equal(deviceText(kiosk!, { mac: '02:00:5e:10:00:07', host: 'a' }), '')
  t.equal(deviceText(staff!, { mac: '02:00:5e:10:00:07', host: 'a' }), 'a')
  t.equal(deviceText(staff!, { user: 'corp\\anna' }), '', 'not printable in a line of the log')
  t.end()
})
