/** What holds of the image and of a container made of it. Started by `container.ts`. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { eventually } from '../interop/processes.js'
import { run } from './command.js'
import { buildImages, GATEWAY, IMAGE, makeBase } from './image.js'
import { Podman } from './podman.js'
import { Container } from './running.js'

const MAIN = '/opt/interdict/dist/bundle/bin/interdict.js'
const SETTINGS = '/etc/interdict/interdict.yaml'
/** Docker keeps durations in nanoseconds. */
const SECONDS = 1e9
/** CAP_NET_BIND_SERVICE is number 10 (Linux, capabilities(7)); masks as /proc shows them. */
const BIND = '0000000000000400'
const NONE = '0000000000000000'
/** The gateway image is to be at most 150 MB. */
const MOST_OCTETS = 150e6
/** Longer than the `shutdown.grace` of the settings, as an engine's patience has to be. */
const PATIENCE = 10

t.setTimeout(900_000)
const folder = process.argv[2]!
const podman = new Podman(folder)

t.before(async () => {
  await makeBase(podman, folder)
  await buildImages(podman, folder)
})

t.test('the build sees what it copies, and nothing else of the working folder', async t => {
  const all = join(folder, 'all')
  writeFileSync(all, 'FROM scratch\nCOPY . /\n')
  const id = (await podman.run(['build', '--quiet', '--network=host', '-f', all, '.'])).trim()
  const root = (await podman.run(['image', 'mount', id])).trim()
  t.strictSame(readdirSync(root).sort(), [
    'LICENSE',
    'docs',
    'package-lock.json',
    'package.json',
    'rules',
    'src',
    'tools',
    'tsconfig.json'
  ])
  t.strictSame(readdirSync(join(root, 'docs/operations')), ['container.yaml'])
})

t.test('the image says how it is to be run', async t => {
  const [image] = JSON.parse(await podman.run(['image', 'inspect', IMAGE])) as [ImageFacts]
  const { Config: config, Healthcheck: healthcheck } = image
  t.equal(config.User, '5353:5353', 'not root, by number')
  t.strictSame(config.Entrypoint, ['node', MAIN])
  t.strictSame(config.Cmd, ['serve', '-c', SETTINGS])
  t.equal(config.StopSignal, 'SIGTERM')
  t.strictSame(config.ExposedPorts, { '53/tcp': {}, '53/udp': {} })
  t.strictSame(config.Volumes, { '/var/lib/interdict': {}, '/var/log/interdict': {} })
  t.ok(config.Env.includes('NODE_ENV=production'))
  t.strictSame(healthcheck.Test, ['CMD', 'node', MAIN, 'ping', '-c', SETTINGS])
  t.strictSame(
    [healthcheck.Interval, healthcheck.Timeout, healthcheck.StartPeriod],
    [10 * SECONDS, 5 * SECONDS, 5 * SECONDS]
  )
})

t.test('the image holds the program, its packages and nothing that makes them', async t => {
  const root = (await podman.run(['image', 'mount', IMAGE])).trim()
  const inside = (path: string): string => join(root, path)

  const capable = await run('getcap', ['-r', root])
  t.equal(capable.replaceAll(root, '').trim(), '/usr/local/bin/node cap_net_bind_service=ep')

  t.strictSame(readdirSync(inside('opt/interdict')).sort(), [
    'LICENSE',
    'dist',
    'node_modules',
    'package.json'
  ])
  t.strictSame(readdirSync(inside('opt/interdict/dist')), ['bundle'], 'no tests, no benchmarks')
  t.strictSame(
    readdirSync(inside('etc/interdict/rules'), { recursive: true }).sort(),
    readdirSync('rules', { recursive: true }).sort()
  )

  const { needed, allowed } = lockedPackages()
  const packages = installedPackages(inside('opt/interdict/node_modules'))
  t.strictSame(
    needed.filter(name => !packages.includes(name)),
    [],
    'every package is there'
  )
  t.strictSame(
    packages.filter(name => !allowed.includes(name)),
    [],
    'no package for development'
  )

  for (const tool of ['npm', 'npx', 'corepack', 'yarn', 'tsc', 'git', 'gcc', 'make', 'setcap']) {
    const places = ['usr/local/bin', 'usr/local/sbin', 'usr/bin', 'usr/sbin']
    const found = places.filter(place => existsSync(inside(join(place, tool))))
    t.strictSame(found, [], `no ${tool}`)
  }
  t.notOk(existsSync(inside('usr/local/lib/node_modules')), 'no package manager')
  t.notOk(existsSync(inside('build')), 'nothing of the stage that built')
})

t.test('two builds have the same program', async t => {
  const digests = (root: string): Map<string, string> =>
    new Map(
      readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter(file => statSync(join(root, file)).isFile())
        .sort()
        .map(file => [
          file,
          createHash('sha256')
            .update(readFileSync(join(root, file)))
            .digest('hex')
        ])
    )
  const bundleOf = async (image: string): Promise<Map<string, string>> =>
    digests(join((await podman.run(['image', 'mount', image])).trim(), 'opt/interdict/dist/bundle'))
  // What `npm run build` made outside of a container; the code of V8 is in no image.
  const own = new Map([...digests('dist/bundle')].filter(([file]) => !file.endsWith('.code')))
  t.strictSame(await bundleOf(IMAGE), own)
  const gateway = await bundleOf(GATEWAY)
  t.ok(gateway.size > 10)
  for (const [file, digest] of gateway) t.equal(digest, own.get(file), file)
})

t.test('a container serves on port 53 as a user with one right', async t => {
  const container = await Container.start(t, podman)
  t.match(await container.logs(), /"transport":"batch"/, 'with the fast sockets')
  const unprivileged = '/proc/sys/net/ipv4/ip_unprivileged_port_start'
  t.equal((await container.exec(['cat', unprivileged])).text, '1024\n', 'port 53 needs a right')

  const command = (await container.exec(['cat', '/proc/1/cmdline'])).text
  t.strictSame(command.split('\0').slice(0, -1), ['node', MAIN, 'serve', '-c', SETTINGS])
  const status = (await container.exec(['cat', '/proc/1/status'])).text
  t.match(status, /^Uid:\s+5353\s+5353\s+5353\s+5353$/m)
  t.match(status, /^Gid:\s+5353\s+5353\s+5353\s+5353$/m)
  const rights = [...status.matchAll(/^Cap(\w+):\s+(\w+)$/gm)].map(([, name, mask]) => [name, mask])
  t.strictSame(Object.fromEntries(rights), {
    Inh: NONE,
    Prm: BIND,
    Eff: BIND,
    Bnd: BIND,
    Amb: NONE
  })

  for (const how of [['@127.0.0.1'], ['@127.0.0.1', '+tcp'], ['@::1'], ['@::1', '+tcp']]) {
    const answer = await container.dig(...how, 'www.tiktok.com')
    t.match(answer, /status: NXDOMAIN/, how.join(' '))
    t.match(answer, /EDE: 16 \(Censored\)/, `${how.join(' ')} says why`)
  }
})

t.test('a container writes its log into the volume, and nothing anywhere else', async t => {
  const container = await Container.start(t, podman)
  await container.dig('@127.0.0.1', 'www.tiktok.com')
  const file = '/var/log/interdict/queries.jsonl'
  const log = async (): Promise<string> => (await container.exec(['cat', file])).text
  await eventually('a line in the log', 5, async () => (await log()).endsWith('\n'))
  t.match(JSON.parse(await log()), { qname: 'www.tiktok.com', verdict: 'blocked' })

  const search = '( -path /proc -o -path /dev -o -path /sys ) -prune -o ! -type l -writable -print'
  const { text } = await container.exec(['find', '/', ...search.split(' ')])
  const writable = text.split('\n').filter(line => line.startsWith('/'))
  const volumes = ['/var/lib/interdict', '/var/log/interdict']
  const outside = writable.filter(
    path => !volumes.some(volume => `${path}/`.startsWith(`${volume}/`))
  )
  t.strictSame(outside, [])
  for (const path of [...volumes, file]) t.ok(writable.includes(path), path)

  for (const place of ['/', '/etc/interdict', '/opt/interdict', '/tmp', '/var/tmp', '/run']) {
    const { code, text } = await container.exec(['touch', join(place, 'x')], '0')
    t.equal(code, 1, `not even root writes into ${place}`)
    t.match(text, /Read-only file system/)
  }
})

t.test('the health check tells a server that answers from one that does not', async t => {
  const container = await Container.start(t, podman)
  t.equal((await container.healthcheck()).code, 0)
  await container.signal('SIGSTOP')
  t.equal((await container.healthcheck()).code, 1)
  await container.signal('SIGCONT')
  t.equal((await container.healthcheck()).code, 0)
})

t.test('a container ends by itself when the engine says so', async t => {
  const container = await Container.start(t, podman)
  t.equal(await container.stop(PATIENCE), 0)
  t.match(await container.logs(), /"signal":"SIGTERM".*"msg":"stopped"/s)
})

t.test('a container needs the right to bind, and no IPv6', async t => {
  const container = await Container.start(t, podman, [
    '--cap-drop=ALL',
    '--cap-add=NET_BIND_SERVICE',
    '--sysctl=net.ipv6.conf.all.disable_ipv6=1'
  ])
  t.match(await container.dig('@127.0.0.1', 'www.tiktok.com'), /status: NXDOMAIN/)
  t.equal((await container.healthcheck()).code, 0)
  const without = await podman.attempt(['run', '--rm', '--network=none', '--cap-drop=ALL', IMAGE])
  t.not(without.code, 0)
  t.match(without.text, /node.*: operation not permitted/i, 'the engine cannot even start it')
})

t.test('the gateway image has nothing but Node, its libraries and the program', async t => {
  const [facts] = JSON.parse(await podman.run(['image', 'inspect', GATEWAY])) as [ImageFacts]
  const [full] = JSON.parse(await podman.run(['image', 'inspect', IMAGE])) as [ImageFacts]
  for (const key of [
    'User',
    'Entrypoint',
    'Cmd',
    'StopSignal',
    'ExposedPorts',
    'Volumes'
  ] as const) {
    t.strictSame(facts.Config[key], full.Config[key], key)
  }
  t.strictSame(facts.Healthcheck, full.Healthcheck)
  const root = (await podman.run(['image', 'mount', GATEWAY])).trim()
  const octets = Number((await run('du', ['-sb', root])).split('\t')[0])
  t.ok(octets <= MOST_OCTETS, `${octets} octets unpacked`)
  t.comment(`gateway image: ${octets} octets unpacked`)
  t.strictSame(readdirSync(join(root, 'usr/local/bin')), ['node'])
  t.notOk(existsSync(join(root, 'bin/sh')), 'no shell')
  t.strictSame(installedPackages(join(root, 'opt/interdict/node_modules')).sort(), [
    '@koromix/koffi-linux-' + process.arch,
    'koffi'
  ])
  const capable = await run('getcap', ['-r', root])
  t.equal(capable.replaceAll(root, '').trim(), '/usr/local/bin/node cap_net_bind_service=ep')
})

t.test('a container of the gateway image serves on a read-only root', async t => {
  const container = await Container.start(t, podman, [], GATEWAY)
  t.match(await container.logs(), /"transport":"batch"/, 'with the fast sockets')
  t.match(await container.dig('@127.0.0.1', 'www.tiktok.com'), /EDE: 16 \(Censored\)/)
  t.match(await container.dig('@::1', '+tcp', 'www.tiktok.com'), /status: NXDOMAIN/)
  const read = `process.stdout.write(require('fs').readFileSync('/var/log/interdict/queries.jsonl'))`
  const log = async (): Promise<string> => (await container.exec(['node', '-e', read])).text
  await eventually('a line in the log', 5, async () => (await log()).endsWith('\n'))
  t.equal((await container.healthcheck()).code, 0)
  t.equal(await container.stop(PATIENCE), 0)
})

/** What `podman image inspect` says, as far as we ask. */
interface ImageFacts {
  readonly Config: {
    readonly User: string
    readonly Entrypoint: readonly string[]
    readonly Cmd: readonly string[]
    readonly StopSignal: string
    readonly ExposedPorts: Readonly<Record<string, object>>
    readonly Volumes: Readonly<Record<string, object>>
    readonly Env: readonly string[]
  }
  readonly Healthcheck: {
    readonly Test: readonly string[]
    readonly Interval: number
    readonly Timeout: number
    readonly StartPeriod: number
  }
}

/** Packages that the lock file wants outside development: everywhere, and on some platform. */
function lockedPackages(): { needed: string[]; allowed: string[] } {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>
  }
  // Those within another package's folder are there if it is.
  const ours = Object.entries(lock.packages).filter(
    ([path, { dev }]) => path !== '' && !dev && path.lastIndexOf('node_modules/') === 0
  )
  const names = (entries: typeof ours): string[] =>
    entries.map(([path]) => path.replace('node_modules/', ''))
  return { needed: names(ours.filter(([, { optional }]) => !optional)), allowed: names(ours) }
}

/** Folders of packages, those of a scope as `@scope/name`. */
function installedPackages(folder: string): string[] {
  const names = readdirSync(folder).filter(name => !name.startsWith('.'))
  return names.flatMap(name =>
    name.startsWith('@') ? readdirSync(join(folder, name)).map(part => `${name}/${part}`) : [name]
  )
}
