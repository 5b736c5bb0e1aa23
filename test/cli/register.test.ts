import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { landing } from '../../src/cli/commands/analysis/landing.js'
import type { EndSignal } from '../../src/cli/io.js'
import { eventually } from '../daemon/site.js'
import { NETWORKS } from '../register/rules.js'
import { interdict, Output, SETTINGS, writeSite } from './run.js'

const siteOf = (t: Test, files: Readonly<Record<string, string>>): string =>
  dirname(writeSite(t, files))
const FILES = { 'interdict.yaml': SETTINGS, 'rules/networks.yaml': NETWORKS }

t.test('register writes the site, and keeps what was there', async t => {
  const site = siteOf(t, FILES)
  const words = ['register', '-c', join(site, 'interdict.yaml'), join(site, 'www')]
  const { code, out, err } = await interdict(...words, '--at', '2026-06-01')
  t.strictSame([code, err], [0, ''])
  t.equal(out, `Wrote 3 bans on 21 pages to ${join(site, 'www')}\n`)
  t.match(readFileSync(join(site, 'www/index.html'), 'utf8'), '<html lang="nl">')
  writeFileSync(
    join(site, 'rules/networks.yaml'),
    'networks: { phones: { prefixes: [10.0.0.0/8], bans: [{ id: a, names: [a.example], authority: A, reference: R }] } }'
  )
  const again = await interdict(...words, '--language', 'fr')
  t.match(again.out, 'Wrote 1 ban on 11 pages')
  t.match(again.out, 'Set defaults.register in networks.yaml')
  t.match(readFileSync(join(site, 'www/index.html'), 'utf8'), '<html lang="fr">')
  t.ok(existsSync(join(site, 'www/bans/be-clip/index.html')), 'a URL once given stays')
  const json = await interdict(...words, '--json')
  t.strictSame(JSON.parse(json.out), { output: join(site, 'www'), url: null, bans: 1, pages: 11 })
})

t.test('register rejects what it cannot do', async t => {
  const site = siteOf(t, { ...FILES, file: '' })
  const words = ['register', '-c', join(site, 'interdict.yaml')]
  const language = await interdict(...words, join(site, 'www'), '--language', 'es')
  t.equal(language.code, 2)
  t.match(language.err, /--language: /)
  const folder = await interdict(...words, join(site, 'file'))
  t.equal(folder.code, 1)
  t.match(folder.err, 'CLI_OUTPUT')
  writeFileSync(join(site, 'rules/networks.yaml'), 'networks: {}')
  t.equal((await interdict(...words, join(site, 'www'))).code, 1)
  t.equal(
    (await interdict('landing', '-c', join(site, 'interdict.yaml'), '--listen', '127.0.0.1:0'))
      .code,
    1
  )
})

t.test('landing serves until a signal, and follows the rules', async t => {
  const site = siteOf(t, FILES)
  const config = join(site, 'interdict.yaml')
  const [stdout, stderr] = [new Output(), new Output()]
  let signal: (signal: EndSignal) => void = () => undefined
  const io = {
    ...{ stdout, stderr, env: {}, exit: () => undefined },
    onSignal: (listener: typeof signal) => {
      signal = listener
      return () => undefined
    }
  }
  const running = landing({ config, listen: '127.0.0.1:0' }, io)
  await eventually('it listens', () => stdout.text.includes('\n'))
  const [, url] = /landing page on (http:\S+)\n/.exec(stdout.text)!
  const page = async (): Promise<string> => (await fetch(url!)).text()
  t.match(await page(), 'clip.example')
  const taken = await interdict('landing', '-c', config, '--listen', url!.slice('http://'.length))
  t.match(taken.err, 'SOCKET_BIND')
  writeFileSync(
    join(site, 'rules/networks.yaml'),
    NETWORKS.replaceAll('clip.example', 'new.example')
  )
  let seen = ''
  await eventually('the new page', async () => (seen = await page()).includes('new.example'))
  t.match(seen, 'new.example')
  writeFileSync(join(site, 'rules/networks.yaml'), 'networks: 7')
  signal('SIGHUP')
  await eventually('the error', () => stderr.text.includes('previous rules remain'))
  t.match(await page(), 'new.example')
  signal('SIGTERM')
  t.equal(await running, 0)
})

t.test('landing needs an address and a port', async t => {
  const { code, err } = await interdict('landing', '--listen', '192.0.2.80')
  t.equal(code, 2)
  t.match(err, /--listen/)
})
