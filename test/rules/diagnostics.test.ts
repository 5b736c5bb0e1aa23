/** Messages for common mistakes in rule files: each names its cause and what to write instead. */
import t from 'tap'
import { app, load, type Files } from './folder.js'

const networks = (...lines: string[]): Files => ({
  ...app('wechat'),
  'networks.yaml': ['networks:', '  n:', '    prefixes: [10.0.0.0/8]', ...lines, ''].join('\n')
})
const banning = (what: string): Files =>
  networks(`    bans: [{ authority: a, reference: b, ${what} }]`)

const BLANK =
  'blank or null; write null-address for 0.0.0.0 and ::, another action, or omit the key'

const mistakes: readonly { it: string; files: Files; errors: readonly string[] }[] = [
  {
    it: 'a blank action',
    files: banning('apps: [wechat], action:'),
    errors: [`DOCUMENT_INVALID 4:66: networks.n.bans[0].action: ${BLANK}`]
  },
  {
    it: 'the action null',
    files: { ...app('wechat'), 'networks.yaml': 'defaults:\n  action: null\nnetworks: {}\n' },
    errors: [`DOCUMENT_INVALID 2:11: defaults.action: ${BLANK}`]
  }
]

for (const { it, files, errors } of mistakes) {
  t.test(`reports ${it}`, async t => {
    const result = await load(t, files)
    const shown = (result.ok ? [] : result.errors).map(
      ({ code, message }) => `${code} ${message.replace(/^.*?\.yaml:/, '')}`
    )
    t.strictSame(shown, errors)
  })
}
