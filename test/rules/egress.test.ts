import t from 'tap'
import { compile } from '../../src/policy/compile/compile.js'
import { Policy } from '../../src/policy/evaluate/policy.js'
import { addressWords, readAddress } from '../../src/base/values/address.js'
import { checkEgress } from '../../src/gateway/config/check-networks.js'
import { brief, load, loadGood } from './folder.js'

t.test('egress is inherited, and off by default', async t => {
  const lines = [
    'networks:',
    '  base: { egress: deny }',
    '  phones: { prefixes: [10.1.0.0/16], extends: base }',
    '  lab: { prefixes: [10.2.0.0/16], extends: base, egress: observe }',
    '  office: { prefixes: [10.3.0.0/16] }'
  ]
  const rules = await loadGood(t, { 'networks.yaml': lines.join('\n') })
  t.strictSame(
    rules.networks.map(({ egress }) => egress),
    ['deny', 'observe', undefined]
  )
  const policy = new Policy(compile(rules, { generation: 1, random: () => 1 }))
  const denies = (address: string): boolean =>
    policy.deniesEgress(policy.classOf(addressWords(readAddress(address)), 0))
  t.strictSame(['10.1.0.1', '10.2.0.1', '10.3.0.1', '192.0.2.1'].map(denies), [
    true,
    false,
    false,
    false
  ])
})

t.test('deny without a helper in the settings is a warning', async t => {
  const lines = ['networks:', '  n:', '    prefixes: [10.0.0.0/8]', '    egress: deny']
  const { networks } = await loadGood(t, { 'networks.yaml': lines.join('\n') })
  const warned = (firewall: string | undefined, exportKey?: string): string[] =>
    checkEgress({ connections: undefined, firewall, exportKey, learnFor: 0 }, networks).map(
      one => one.message
    )
  t.strictSame(warned('/run/helper'), [])
  t.strictSame(warned(undefined, '/etc/interdict/export.pem'), [], 'firewalls elsewhere deny')
  t.strictSame(warned(undefined), [
    "network 'n' has egress: deny, which is not in force: the settings have no egress.firewall"
  ])
})

t.test('another value is an error with its position', async t => {
  const lines = ['networks:', '  n:', '    prefixes: [10.0.0.0/8]', '    egress: allow']
  const result = await load(t, { 'networks.yaml': lines.join('\n') })
  t.strictSame(result.ok ? [] : brief(result.errors), ['DOCUMENT_INVALID networks.yaml:4:13'])
})
