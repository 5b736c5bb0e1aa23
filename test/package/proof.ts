/** What holds of the packages. Started by `packages.ts`. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import t from 'tap'
import { attempt, run } from '../container/command.js'
import { eventually } from '../interop/processes.js'
import { errorsAreInJournal } from './journal.js'
import { answersAreLogged } from './lifecycle.js'
import { Machine } from './machine.js'
import { upgradesUnattended } from './unattended.js'

const [, , folder = ''] = process.argv
const PACKAGES = join(folder, 'packages')
const MAKE = ['dist/tools/package/run.js', '--fast', '--arch', 'x64', '--out']
const CHECK = 'interdict check -c /etc/interdict/interdict.yaml'
/** Exposure times ten: at most 1.5. dnsdist has 1.7. */
const MAX_EXPOSURE = '15'

/** Appends what is posted to it to a file. */
const HOOK = `
const { appendFileSync } = require('node:fs')
require('node:http')
  .createServer((request, response) => {
    request.on('data', data => appendFileSync('/root/alerts', data))
    request.on('end', () => response.end())
  })
  .listen(9999, '127.0.0.1')
`

/** Queries received over UDP, as its metrics say. */
const asked = (machine: Machine): Promise<string> =>
  machine.run(
    `curl -sf 127.0.0.1:8053/metrics | awk '/^interdict_dns_requests_total.*udp/ { n += $2 } END { print n + 0 }'`
  )

t.setTimeout(1_200_000)
const epoch = (await run('git', ['log', '-1', '--format=%ct'])).trim()
const version = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version
const file = (name: string): string => join(PACKAGES, name)
const gateway = `interdict_${version}-1_amd64.deb`
const rpm = `interdict-${version}-1.x86_64.rpm`
const analysis = `interdict-analysis_${version}-1_amd64.deb`

t.test('two builds in different folders are the same, and signed', async t => {
  const key = join(folder, 'key')
  await run('minisign', ['-G', '-W', '-p', `${key}.pub`, '-s', key])
  const env = { ...process.env, SOURCE_DATE_EPOCH: epoch, MINISIGN_KEY: key }
  const told = await run(process.execPath, [...MAKE, PACKAGES], { env, seconds: 300 })
  t.match(told, `signed: ${file('SHA256SUMS')}.minisig`)
  await run('minisign', ['-V', '-p', `${key}.pub`, '-m', file('SHA256SUMS')])

  const other = join(folder, 'other', 'place')
  mkdirSync(other, { recursive: true })
  const files = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard'])
  for (const path of files.trimEnd().split('\n').filter(existsSync)) cpSync(path, join(other, path))
  // As links where both are on one file system.
  const copied = [resolve('node_modules'), join(other, 'node_modules')]
  const { code } = await attempt('cp', ['-al', ...copied], { seconds: 120 })
  if (code !== 0) await run('cp', ['-a', '--no-target-directory', ...copied], { seconds: 120 })
  mkdirSync(join(other, 'dist/package'), { recursive: true })
  cpSync('dist/package/cache', join(other, 'dist/package/cache'), { recursive: true })
  await run(process.execPath, ['tools/build.js'], { cwd: other, seconds: 300 })
  const unsigned = { ...env, MINISIGN_KEY: undefined }
  const second = join(folder, 'second')
  const plain = await run(process.execPath, [...MAKE, second], {
    ...{ cwd: other, env: unsigned, seconds: 300 }
  })
  t.match(plain, 'not signed: MINISIGN_KEY names no key file')
  t.equal(
    readFileSync(join(second, 'SHA256SUMS'), 'utf8'),
    readFileSync(file('SHA256SUMS'), 'utf8')
  )
  rmSync(other, { recursive: true })
})

t.test('lintian finds no error', async t => {
  const { code, text } = await attempt(
    'lintian',
    ['--fail-on', 'error', file(gateway), file(analysis)],
    {
      seconds: 300
    }
  )
  t.equal(code, 0, text)
})

t.test('the service is exposed to little', async t => {
  for (const unit of ['interdict', 'interdict-certificate']) {
    const file = `contrib/systemd/${unit}.service`
    const words = ['security', '--offline=true', `--threshold=${MAX_EXPOSURE}`, file]
    const { code, text } = await attempt('systemd-analyze', words)
    t.equal(code, 0, text)
  }
})

t.test('the RPM packages install what the Debian packages do', async t => {
  for (const name of ['interdict', 'interdict-analysis']) {
    const rpm = file(`${name}-${version}-1.x86_64.rpm`)
    const root = join(folder, name)
    await run('rpm', ['--root', root, '-i', '--nodeps', '--noscripts', rpm], { seconds: 120 })
    const deb = await run('dpkg-deb', ['--contents', file(`${name}_${version}-1_amd64.deb`)])
    const own = /vendor-completions|lintian|changelog.Debian|analysis ->|\/$/
    const paths = deb
      .trimEnd()
      .split('\n')
      .filter(line => !own.test(line))
    t.ok(paths.length > 10)
    t.strictSame(
      paths.map(line => line.replace(/^.* \.\//, '')).filter(path => !existsSync(join(root, path))),
      [],
      name
    )
  }
})

t.test('the npm package serves', async t => {
  const prefix = join(folder, 'npm')
  const words = [
    'install',
    '--global',
    '--no-audit',
    '--no-fund',
    '--omit=optional',
    '--prefix',
    prefix
  ]
  await run('npm', [...words, file(`interdict-${version}.tgz`)], { seconds: 180 })
  const interdict = join(prefix, 'bin/interdict')
  t.equal(await run(interdict, ['--version']), `${version}\n`)
  await run(interdict, ['init', join(folder, 'site'), '--yes'])
  t.match(await run(interdict, ['check', '-c', join(folder, 'site/interdict.yaml')]), 'no errors')
  t.ok(existsSync(join(prefix, 'share/man/man1/interdict.1')))
})

t.test('under systemd', async t => {
  const machine = await Machine.boot(t, folder, PACKAGES)
  const dig = (name: string): Promise<string> =>
    machine.run(`dig +tries=1 +time=5 @127.0.0.1 ${name}`)
  const active = (): Promise<string> => machine.property('ActiveState')
  const status = (): Promise<string> => machine.property('StatusText')

  t.test('a first installation serves loopback', async t => {
    await machine.run(`dpkg --install /packages/${gateway}`)
    t.equal(await active(), 'active', 'it is ready when dpkg ends')
    // Nothing here is connected to a network.
    t.match(await status(), /^not ready: no upstream /)
    t.match(await machine.run('dig +tries=1 +time=5 @127.0.0.1 -p 5300 localhost'), 'NOERROR')
    await machine.run(
      'systemd-analyze verify --man=no interdict.service interdict-certificate.timer'
    )
    t.match(await machine.run('man -w interdict || ls /usr/share/man/man1'), 'interdict.1')
  })

  t.test('it serves port 53 and HTTP on all addresses with one right', async t => {
    const init = ['--network local --prefix 127.0.0.0/8 --upstream 192.0.2.1 --ban tiktok']
    await machine.run('rm -r /etc/interdict')
    await machine.run(`interdict init /etc/interdict ${init.join(' ')} --listen 0.0.0.0:53 --yes`)
    await machine.run(
      `printf 'admin: { http: "0.0.0.0:8053" }\\n' >> /etc/interdict/interdict.yaml`
    )
    await machine.run(`sed -i '/^admin:$/,/^  socket/d' /etc/interdict/interdict.yaml`)
    await machine.run(`${CHECK} && systemctl restart interdict`)
    t.match(await dig('www.tiktok.com'), /EDE: 1\d \((Blocked|Censored|Prohibited)\)/)
    const proc = await machine.run(`cat /proc/${await machine.property('MainPID')}/status`)
    t.match(proc, /^CapEff:\s+0000000000000400$/m)
    t.match(proc, /^CapBnd:\s+0000000000000400$/m)
    t.match(proc, /^NoNewPrivs:\s+1$/m)
    t.match(proc, /^Seccomp:\s+2$/m)
    t.notMatch(proc, /^Uid:\s+0/m)
    const names = await machine.run(`cat /proc/${await machine.property('MainPID')}/task/*/comm`)
    t.match(proc, /^Name:\s+interdict$/m, 'as ps and systemd show it')
    for (const name of ['worker-0', 'recorder', 'http'])
      t.match(names, new RegExp(`^${name}$`, 'm'))
    t.match(await machine.run('journalctl -u interdict'), '"transport":"batch"')
  })

  t.test('a reload tells whether the rules were rejected', async t => {
    const networks = '/etc/interdict/rules/networks.yaml'
    await machine.run(`cp ${networks} /root/good; echo wrong: 1 >> ${networks}`)
    await machine.run('systemctl reload interdict')
    await eventually('rejected', 120, async () =>
      (await status()).startsWith('not ready: rules rejected')
    )
    t.match(await status(), /networks\.yaml:\d+:\d+: /)
    t.match(await dig('www.tiktok.com'), 'NXDOMAIN', 'the previous rules are in force')

    const pid = await machine.property('MainPID')
    const said = await machine.run(`dpkg --install /packages/${gateway} 2>&1`)
    t.match(said, 'with the rules that were in force')
    t.not(await machine.property('MainPID'), pid, 'the new program runs')
    t.equal(await active(), 'active')
    t.match(await dig('www.tiktok.com'), 'NXDOMAIN', 'by the rules in force')
    await eventually('still rejected', 20, async () =>
      (await status()).startsWith('not ready: rules rejected')
    )

    await machine.run(`cp /root/good ${networks}; systemctl reload interdict`)
    await eventually('accepted', 120, async () =>
      (await status()).startsWith('not ready: no upstream')
    )
    await eventually('active', 20, async () => (await active()) === 'active')
  })

  t.test('errors are in the journal, with fields', t => errorsAreInJournal(t, machine))

  t.test('it reports that another version is installed than runs', async t => {
    const manifest = '/usr/lib/interdict/package.json'
    const metrics = (): Promise<string> => machine.run('curl -sf 127.0.0.1:8053/metrics')
    const running = `interdict_build_info{program="running",version="${version}"} 1`
    t.match(await metrics(), running)
    await machine.run(`sed -i 's/"${version}"/"99.0.0"/' ${manifest}`)
    const installed = 'interdict_build_info{program="installed",version="99.0.0"} 1'
    await eventually('its version', 20, async () => (await metrics()).includes(installed))
    const health = 'interdict status --health -c /etc/interdict/interdict.yaml'
    t.match((await machine.attempt(health)).text, 'PROGRAM_OUTDATED')
    await machine.run(`sed -i 's/"99.0.0"/"${version}"/' ${manifest}`)
    t.notMatch((await machine.attempt(health)).text, 'PROGRAM_OUTDATED')
  })

  t.test('Prometheus scrapes it, and a webhook gets its alerts', async t => {
    writeFileSync(
      file('prometheus.yaml'),
      `scrape_configs:
  - { job_name: interdict, scrape_interval: 1s, static_configs: [{ targets: ['127.0.0.1:8053'] }] }
`
    )
    await machine.background('scraper', [
      '/usr/bin/prometheus --config.file=/packages/prometheus.yaml --storage.tsdb.path=/root/tsdb',
      '--web.listen-address=127.0.0.1:9090'
    ])
    const query = 'http://127.0.0.1:9090/api/v1/query?query=interdict_rules'
    await eventually('a scrape', 60, async () =>
      (await machine.attempt(`curl -sf '${query}'`)).text.includes('"kind":"ban"')
    )

    writeFileSync(file('hook.js'), HOOK)
    await machine.background('hook', ['/usr/lib/interdict/bin/node /packages/hook.js'])
    const listens = async (): Promise<boolean> =>
      (await machine.attempt('curl -s 127.0.0.1:9999')).code === 0
    await eventually('the webhook listens', 60, listens)
    await machine.run(
      `printf 'alerts: [{ url: "http://127.0.0.1:9999" }]\\n' >> /etc/interdict/interdict.yaml`
    )
    await machine.run('interdict alerts test -c /etc/interdict/interdict.yaml')
    const alerts = (): Promise<string> => machine.run('cat /root/alerts')
    t.match(await alerts(), '"event":"test"')
    const networks = '/etc/interdict/rules/networks.yaml'
    await machine.run(`echo wrong: 1 >> ${networks}`)
    await eventually('an alert', 30, async () => (await alerts()).includes('"rules-refused"'))
    await machine.run(`cp /root/good ${networks}`)
    await eventually('resolved', 60, async () => (await alerts()).includes('"resolved"'))
  })

  t.test('an upgrade loses no query, and keeps the settings', async t => {
    const settings = await machine.run('cat /etc/interdict/interdict.yaml')
    const pid = await machine.property('MainPID')
    await machine.run("yes 'www.tiktok.com A' | head -n 1000 > /root/queries")
    const load = machine.run('dnsperf -s 127.0.0.1 -d /root/queries -l 20 -Q 2000')
    await eventually('it is asked', 20, async () => Number(await asked(machine)) > 2000)
    await machine.run(`dpkg --install /packages/${gateway}`)
    t.not(await machine.property('MainPID'), pid)
    t.equal(await active(), 'active')
    const said = await load
    t.match(said, /Queries lost:\s+0 /)
    t.match(said, /NXDOMAIN \d+ \(100.00%\)/)
    t.equal(await machine.run('cat /etc/interdict/interdict.yaml'), settings)
  })

  t.test('a changed unit takes effect with an upgrade', async t => {
    const unit = await machine.property('FragmentPath')
    await machine.run(`sed -i 's/^UMask=/Environment=BEFORE=1\\n&/' ${unit}`)
    await machine.run('systemctl daemon-reload && systemctl restart interdict')
    const environment = async (): Promise<string> =>
      machine.run(`tr '\\0' '\\n' < /proc/${await machine.property('MainPID')}/environ`)
    t.match(await environment(), 'BEFORE=1')
    await machine.run(`dpkg --install /packages/${gateway}`)
    t.equal(await active(), 'active')
    t.notMatch(await environment(), 'BEFORE=1')
  })

  t.test('each answer is logged, however the gateway is stopped or replaced', t =>
    answersAreLogged(t, machine)
  )

  t.test('it upgrades itself as the page on upgrades says', t =>
    upgradesUnattended(t, machine, PACKAGES, file(gateway))
  )

  t.test('reports need the second package, and it is named', async t => {
    const { code, text } = await machine.attempt('interdict report')
    t.equal(code, 1)
    t.match(text, 'install the package interdict-analysis')
    await machine.run(`dpkg --install /packages/${analysis}`)
    t.match(await machine.run('interdict report --format html'), '<svg')
  })

  t.test('a removal keeps the settings, and a purge leaves logs and audit trails', async t => {
    const trail = '/var/lib/interdict/changes.jsonl'
    await machine.run(`echo changed > ${trail}; mkdir -p /var/lib/interdict/keys`)
    await machine.run('dpkg --remove interdict-analysis interdict')
    t.equal(await active(), 'inactive')
    await machine.run('test -e /etc/interdict/rules')
    const said = await machine.run('dpkg --purge interdict interdict-analysis')
    for (const path of ['/var/log/interdict', '/var/lib/interdict'])
      t.match(said, `${path} remains`)
    const left = await machine.run(`find / -xdev -path '*interdict*' -not -path '/packages/*' \\
      -not -path '/tmp/*' -not -path '/var/lib/systemd/*' | grep -v '^${process.cwd()}' | sort`)
    for (const path of [
      ...['/var/log/interdict/queries.jsonl', '/var/lib/interdict/history/000001.jsonl'],
      trail
    ]) {
      t.ok(left.split('\n').includes(path), path)
    }
    for (const path of [
      '/etc/interdict',
      '/var/lib/interdict/keys',
      '/usr/lib/interdict',
      '/usr/bin/interdict'
    ]) {
      t.notOk(left.split('\n').includes(path), basename(path))
    }

    await machine.run(`rpm --install --nodeps /packages/${rpm}`)
    const erased = await machine.run('rpm --erase --nodeps interdict')
    t.match(erased, '/var/lib/interdict and /var/log/interdict remain')
    t.equal(await machine.run(`cat ${trail}`), 'changed\n', 'rpm leaves it, too')
  })
  t.end()
})
