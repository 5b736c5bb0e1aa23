import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createProgram, run } from '../../src/cli/run.js'
import { covers } from '../../src/gateway/discovery/covers.js'
import { makeCertificate } from '../tls/certificates.js'
import { interdict, onTerminal, Output, writeSite, type Ran } from './run.js'

const TEN_DAYS = 864_000_000
const NAMES = ['dns.example', '192.0.2.1']
const { certificate, key } = makeCertificate({ names: NAMES })
const other = makeCertificate({ names: ['other.example'] })
const ending = makeCertificate({ names: NAMES, notAfter: new Date(Date.now() + TEN_DAYS) })
const LISTEN = `listen:
  - { address: '192.0.2.1:853', protocol: dot, certificate: cert.pem, key: key.pem }
  - { address: '192.0.2.1:443', protocol: doh, certificate: cert.pem, key: key.pem }
`
const SETTINGS = `${LISTEN}discovery: { name: dns.example }\n`

function site(t: Test, settings = SETTINGS, files: Readonly<Record<string, string>> = {}) {
  const config = writeSite(t, {
    'interdict.yaml': settings,
    ...{ 'cert.pem': certificate, 'key.pem': key },
    ...files
  })
  return {
    path: (name: string) => join(config, '..', name),
    onboard: (...words: string[]): Promise<Ran> => interdict('onboard', ...words, '-c', config)
  }
}

t.test('lists its targets, those of the completion', async t => {
  const { out, code } = await interdict('onboard')
  t.equal(code, 0)
  t.match(out, /^target +output\nkea +ISC Kea/)
  t.equal((await interdict('onboard', '--list')).out, out)
  const json = JSON.parse((await interdict('onboard', '--list', '--json')).out) as {
    targets: { target: string }[]
  }
  const command = createProgram().commands.find(one => one.name() === 'onboard')!
  t.strictSame(
    json.targets.map(({ target }) => target).sort(),
    [...command.registeredArguments[0]!.argChoices!].sort()
  )
})

t.test('prints configuration, with notes elsewhere; as a file; and as JSON', async t => {
  const { onboard, path } = site(t)
  chmodSync(path('key.pem'), 0o644)
  const { code, out, err } = await onboard('chrome')
  t.equal(code, 0)
  t.match(JSON.parse(out), { DnsOverHttpsTemplates: 'https://dns.example/dns-query{?dns}' })
  t.match(err, /^warning: .*key\.pem is open to every user.*\nnote: on Linux/)
  t.strictSame((await onboard('chrome', '-o', path('policy.json'))).out, '')
  t.equal(readFileSync(path('policy.json'), 'utf8'), out)
  t.match(JSON.parse((await onboard('android', '--json')).out), {
    target: 'android',
    name: 'dns.example',
    services: [
      { protocol: 'dot', port: 853, uri: null, addresses: ['192.0.2.1'] },
      { protocol: 'doh', port: 443, uri: 'https://dns.example/dns-query' }
    ],
    ...{ file: 'private-dns.txt', encoding: 'utf8', content: 'dns.example\n', notes: [/Private/] }
  })
})

t.test('refuses what clients could not verify', async t => {
  const cases = [
    ['listen: [192.0.2.1:53]\ndiscovery: { name: dns.example }\n', 'ONBOARD_NO_LISTENER'],
    [
      SETTINGS.replaceAll('key: key.pem', 'key: key.pem, anonymous-clients: refuse'),
      'ONBOARD_NO_LISTENER'
    ],
    [LISTEN, 'ONBOARD_NO_NAME'],
    [`${LISTEN}discovery: { name: dns.test.example }\n`, 'ONBOARD_NOT_COVERED'],
    [SETTINGS.replace('key: key.pem', 'key: other.pem'), 'CERTIFICATE_KEY'],
    [SETTINGS.replace('certificate: cert.pem', 'certificate: none.pem'), 'CERTIFICATE_UNREADABLE']
  ] as const
  for (const [settings, expected] of cases) {
    const { code, out, err } = await site(t, settings, { 'other.pem': other.key }).onboard('kea')
    t.strictSame([code, out], [1, ''], expected)
    t.match(err, new RegExp(`\\(${expected}\\)\\n$`))
  }
  const { err } = await site(t, `${LISTEN}discovery: { name: dns.test.example }\n`).onboard('kea')
  t.match(err, /interdict\.yaml:4:20: no certificate of 192\.0\.2\.1:853 covers dns\.test\.example/)
})

t.test('warns of what clients will not verify', async t => {
  const settings = `${LISTEN}discovery: { name: dns.example, addresses: [192.0.2.1, 192.0.2.9] }\n`
  const files = { 'cert.pem': ending.certificate, 'key.pem': ending.key }
  const { code, err } = await site(t, settings, files).onboard('zone')
  t.equal(code, 0)
  t.match(err, /expires at .* \(CERTIFICATE_VALIDITY\)/)
  t.match(err, /does not cover 192\.0\.2\.9: .*\(ONBOARD_ADDRESS_NOT_COVERED\)/)
  t.equal(err.match(/CERTIFICATE_VALIDITY/g)?.length, 1, 'once for both listeners')
})

t.test('one of several certificates covers the name, or a wildcard does', async t => {
  const settings = `listen:
  - address: '192.0.2.1:853'
    protocol: dot
    certificates: [{ certificate: other.pem, key: other.key }, { certificate: cert.pem, key: key.pem }]
discovery: { name: dns.example }
`
  const files = { 'other.pem': other.certificate, 'other.key': other.key }
  t.match(await site(t, settings, files).onboard('android'), { code: 0, out: 'dns.example\n' })
  t.ok(covers(['*.example'], 'dns.example'))
  t.notOk(covers(['*.example'], 'a.dns.example'))
})

t.test('Apple profiles: signed or not, for one protocol', async t => {
  const { onboard, path } = site(t)
  t.match((await onboard('apple', '--unsigned')).out, /<string>TLS<\/string>/)
  t.match((await onboard('apple', '--unsigned', '--protocol', 'doh')).out, /<string>HTTPS</)
  const file = path('dns.mobileconfig')
  t.match(await onboard('apple'), { code: 2, err: /use --unsigned/ })
  t.match(await onboard('apple', '-o', file, '--key', 'k'), { code: 2, err: /belong together/ })
  t.match(await onboard('apple', '--protocol', 'doq'), { code: 2, err: /is not one of dot, doh/ })
})

t.test('OpenSSL signs Apple profiles, with the certificate of the listener or another', async t => {
  const script = '#!/bin/sh\nprintf "%s " "$@"; exec cat\n'
  const failing = '#!/bin/sh\nexec >&2; echo "Could not read key"; exit 2\n'
  const { path } = site(t, SETTINGS, { 'bin/openssl': script, 'bad/openssl': failing })
  const sign = async (bin: string, ...words: string[]): Promise<Ran> => {
    const [stdout, stderr] = [new Output(), new Output()]
    const env = { PATH: `${path(bin)}:/usr/bin:/bin` }
    const io = { stdout, stderr, env, onSignal: () => () => undefined, exit: () => undefined }
    const file = path('interdict.yaml')
    const code = await run(['onboard', 'apple', ...words, '-c', file], io)
    return { code, out: stdout.text, err: stderr.text }
  }
  for (const bin of ['bin', 'bad']) chmodSync(path(join(bin, 'openssl')), 0o700)
  const { out } = await sign('bin', '--json')
  const json = JSON.parse(out) as { content: string }
  t.match(json, { encoding: 'base64', file: 'dns.example-dot.mobileconfig' })
  const signed = Buffer.from(json.content, 'base64').toString()
  const files = `-signer ${path('cert.pem')} -inkey ${path('key.pem')} -certfile ${path('cert.pem')}`
  t.match(signed, `cms -sign -binary -nodetach -md sha256 -outform DER ${files} <?xml`)
  const file = path('dns.mobileconfig')
  t.match(await sign('bin', '-o', file, '--certificate', 'c', '-k', 'k'), { code: 0, out: '' })
  t.match(readFileSync(file, 'utf8'), '-signer c -inkey k -certfile c <?xml')
  const bad = await sign('bad', '-o', file)
  t.match(bad, { code: 1, err: /cannot sign.*: Could not read key \(ONBOARD_SIGN\)\n$/ })
})

t.test('Apple devices take DNS over TLS from port 853 only', async t => {
  const at = (port: number, protocol: string): Promise<Ran> => {
    const settings = `listen: [{ address: '192.0.2.1:${port}', protocol: ${protocol}, certificate: cert.pem, key: key.pem }]
discovery: { name: dns.example }
`
    return site(t, settings).onboard(
      'apple',
      '--unsigned',
      ...(port === 853 ? ['--protocol', 'doh'] : [])
    )
  }
  t.match(await at(8853, 'dot'), { code: 1, err: /apple needs DNS over TLS on port 853, or HTTPS/ })
  t.match(await at(853, 'dot'), { code: 1, err: /apple needs a listener with DNS over HTTPS/ })
  const { onboard } = site(t, SETTINGS.replace(':853', ':8853'))
  t.match((await onboard('apple', '--unsigned')).out, 'HTTPS')
  t.match(await onboard('apple', '--unsigned', '--protocol', 'dot'), {
    code: 1,
    err: /port 853 \(/
  })
})

t.test('QR codes: for terminals, pipes and files', async t => {
  const { onboard, path } = site(t)
  t.match((await onboard('qr')).out, /^[ █▀▄\n]+$/)
  t.match((await onboard('qr', '--svg', '--link', 'https://intranet.example/dns')).out, /^<svg/)
  await onboard('qr', '-o', path('code.svg'))
  t.match(readFileSync(path('code.svg'), 'utf8'), /^<svg/)
  t.match((await onTerminal(80, 'onboard', 'qr', '-c', path('interdict.yaml'))).out, '\x1b[')
  t.match(await onboard('banana'), { code: 2, err: /<target>: banana is not one of kea, / })
})
