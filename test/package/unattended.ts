import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Test } from 'tap'
import { run } from '../container/command.js'
import type { Machine } from './machine.js'

/** The settings that the page recommends. */
function recipe(): string {
  const page = readFileSync('docs/operations/upgrading.md', 'utf8')
  const lines = page.split('\n').filter(line => /^ {4}(APT::|Unattended-Upgrade::)/.test(line))
  return lines.map(line => `${line.trim()}\n`).join('')
}

const sha256 = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex')

/**
 * Makes an apt repository, with origin and suite as `npm run package` makes them, of a newer revision of a package.
 *
 * @returns its version
 */
async function makeRepository(folder: string, deb: string): Promise<string> {
  const tree = join(folder, 'newer')
  await run('dpkg-deb', ['--raw-extract', deb, tree])
  const control = join(tree, 'DEBIAN/control')
  const text = readFileSync(control, 'utf8').replace(/^(Version: .*-)1$/m, '$12')
  writeFileSync(control, text)
  const dist = join(folder, 'dists/stable')
  mkdirSync(join(dist, 'main/binary-amd64'), { recursive: true })
  const newer = join(folder, 'newer.deb')
  const build = ['--root-owner-group', '-Zgzip', '-z1', '--build', tree, newer]
  await run('dpkg-deb', build, { seconds: 120 })
  const fields = await run('dpkg-deb', ['--field', newer])
  const size = readFileSync(newer).length
  const index = `${fields.trim()}\nFilename: newer.deb\nSize: ${size}\nSHA256: ${sha256(newer)}\n`
  const packages = join(dist, 'main/binary-amd64/Packages')
  writeFileSync(packages, index)
  const file = ` ${sha256(packages)} ${index.length} main/binary-amd64/Packages\n`
  const release = ['Origin: Interdict', 'Label: Interdict', 'Suite: stable', 'Codename: stable']
  const more = ['Architectures: amd64', 'Components: main', 'Date: Thu, 01 Jan 2026 00:00:00 UTC']
  writeFileSync(join(dist, 'Release'), `${[...release, ...more].join('\n')}\nSHA256:\n${file}`)
  return /^Version: (.*)$/m.exec(text)![1]!
}

/** unattended-upgrades installs a newer package, and the gateway runs it. */
export async function upgradesUnattended(
  t: Test,
  machine: Machine,
  packages: string,
  deb: string
): Promise<void> {
  const folder = join(packages, 'apt')
  const downloads = join(folder, 'downloads')
  mkdirSync(join(downloads, 'partial'), { recursive: true })
  // Installed in the machine alone: elsewhere it would upgrade what runs the tests.
  const cache = ['-o', `Dir::Cache::archives=${downloads}`]
  const get = ['install', '-qy', '--no-install-recommends', '--download-only', ...cache]
  const download = ['apt-get', ...get, 'unattended-upgrades'].join(' ')
  await run('sh', ['-c', `${download} || { apt-get update -q && ${download}; }`], { seconds: 240 })
  for (const file of readdirSync(downloads).filter(name => name.endsWith('.deb')))
    renameSync(join(downloads, file), join(folder, file))
  const version = await makeRepository(folder, deb)

  const needed = readdirSync(folder).filter(name => /_(all|amd64)\.deb$/.test(name))
  // None, where this machine has it.
  if (needed.length > 0) await machine.run(`cd /packages/apt && dpkg --install ${needed.join(' ')}`)
  await machine.run('rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*')
  const source = 'deb [trusted=yes] file:/packages/apt stable main'
  await machine.run(`echo '${source}' > /etc/apt/sources.list.d/interdict.list; apt-get -q update`)
  writeFileSync(join(packages, '52interdict'), recipe())
  await machine.run('cp /packages/52interdict /etc/apt/apt.conf.d/')

  const pid = await machine.property('MainPID')
  const { text } = await machine.attempt('unattended-upgrade --debug')
  const installed = await machine.run("dpkg-query --show --showformat '${Version}' interdict")
  t.equal(installed, version, text)
  t.not(await machine.property('MainPID'), pid)
  t.equal(await machine.property('ActiveState'), 'active')
  // For the other package, which needs the same version.
  await machine.run(`dpkg --install /packages/${basename(deb)}`)
}
