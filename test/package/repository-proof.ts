/** What holds of the repositories. Started by `repository.ts`. */
import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attempt, run, type Ended } from '../container/command.js'
import { Machine } from './machine.js'

const [, , folder = ''] = process.argv
const PACKAGES = join(folder, 'packages')
const REPOSITORY = join(PACKAGES, 'repository')
const UNCHANGED = join(folder, 'unchanged')
const KEY = 'packages@interdict.example'
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

/** As operators write it, see docs/operations/deploying.md. */
const SOURCES = `Types: deb
URIs: file:/packages/repository/apt
Suites: stable
Components: main
Signed-By: /etc/apt/keyrings/interdict.gpg
`

t.setTimeout(900_000)
const home = join(folder, 'gpg')
mkdirSync(home, { mode: 0o700 })
process.env.GNUPGHOME = home
const newKey = (user: string): Promise<string> => {
  const words = ['--batch', '--passphrase', '', '--quick-generate-key', user, 'rsa3072']
  return run('gpg', [...words, 'sign', 'never'])
}
await newKey(KEY)
await newKey('other@interdict.example')
t.teardown(() => run('gpgconf', ['--kill', 'all']))

const make = (...words: readonly string[]): Promise<Ended> => {
  const formats = ['--format', 'deb', '--format', 'rpm']
  const all = ['--fast', '--arch', 'x64', ...formats, '--out', PACKAGES, '--repository', ...words]
  return attempt(process.execPath, ['dist/tools/package/run.js', ...all], { seconds: 300 })
}

/** Puts the repository back as it was made. */
function restore(): void {
  rmSync(REPOSITORY, { recursive: true })
  cpSync(UNCHANGED, REPOSITORY, { recursive: true, preserveTimestamps: true })
}

t.test('it is made only with a key that gpg has', async t => {
  for (const [words, message] of [
    [[], /--repository needs --sign-key/],
    [['--sign-key', 'nobody@interdict.example'], /no secret key nobody@interdict\.example/],
    [['--sign-key', KEY, '--valid-days', 'x'], /--valid-days: expected a number of days/]
  ] as const) {
    const { code, text } = await make(...words)
    t.not(code, 0)
    t.match(text, message)
  }
  const { code, text } = await make('--sign-key', KEY, '--valid-days', '90')
  t.equal(code, 0, text)
  cpSync(REPOSITORY, UNCHANGED, { recursive: true, preserveTimestamps: true })
  const release = readFileSync(join(REPOSITORY, 'apt/dists/stable/Release'), 'utf8')
  for (const field of ['Origin: Interdict', 'Label: Interdict', 'Suite: stable', 'Valid-Until: '])
    t.match(release, field)
})

t.test('apt', async t => {
  const machine = await Machine.boot(t, folder, PACKAGES)
  await machine.run(`rm -rf /etc/apt/sources.list /etc/apt/sources.list.d /var/lib/apt/lists/*
    mkdir -p /etc/apt/sources.list.d /etc/apt/keyrings
    cp /packages/repository/interdict.gpg /etc/apt/keyrings/
    echo '${SOURCES}' > /etc/apt/sources.list.d/interdict.sources`)
  /** Without what an earlier update has left. */
  const update = (): Promise<Ended> =>
    machine.attempt(
      'rm -rf /var/lib/apt/lists/* && apt-get update -q -o APT::Update::Error-Mode=any'
    )
  const install = (): Promise<Ended> => machine.attempt('apt-get install -qy interdict')
  const dist = join(REPOSITORY, 'apt/dists/stable')
  const change = (file: string): void => {
    const text = readFileSync(join(dist, file), 'utf8')
    writeFileSync(join(dist, file), text.replace('Interdict', 'Somebody'))
  }

  t.test('refuses a changed Release, index or package, and another key', async t => {
    change('InRelease')
    t.not((await update()).code, 0, 'a changed InRelease')
    rmSync(join(dist, 'InRelease'))
    change('Release')
    t.not((await update()).code, 0, 'a changed Release')
    restore()
    for (const index of ['Packages', 'Packages.gz'])
      appendFileSync(join(dist, 'main/binary-amd64', index), '\n')
    t.not((await update()).code, 0, 'a changed index')
    restore()
    const words = ['--batch', '--yes', '--local-user', 'other@interdict.example', '--clearsign']
    await run('gpg', [...words, '--output', join(dist, 'InRelease'), join(dist, 'Release')])
    t.not((await update()).code, 0, 'another key')
    restore()
    const { code, text } = await update()
    t.equal(code, 0, text)
    const deb = `apt/pool/main/i/interdict/interdict_${version}-1_amd64.deb`
    const file = join(REPOSITORY, deb)
    const octets = readFileSync(file)
    const [middle = 0] = octets.subarray(octets.length >> 1)
    octets[octets.length >> 1] = middle ^ 1
    writeFileSync(file, octets)
    const changed = await install()
    t.not(changed.code, 0)
    t.match(changed.text, /mismatch/i, 'a changed package')
    t.not((await machine.attempt('dpkg -s interdict')).code, 0, 'nothing is installed')
    restore()
  })

  t.test('installs', async t => {
    t.match(await update(), { code: 0 })
    t.match(await install(), { code: 0 })
    t.equal(await machine.run('interdict --version'), `${version}\n`)
    const policy = await machine.run('apt-cache policy')
    t.match(policy, /release o=Interdict,a=stable,n=stable,l=Interdict/)
    t.match(await machine.run('dpkg -s interdict-analysis'), 'ok installed', 'recommended')
  })
})

/** Makes an RPM package without files. @returns its path */
async function emptyRpm(name: string, release: string, provides: string): Promise<string> {
  const spec = join(folder, `${name}-${release}.spec`)
  writeFileSync(
    spec,
    `Name: ${name}
Version: 0
Release: ${release}
Summary: ${name}
License: none
BuildArch: noarch
Provides: ${provides}
%description
${name}
%files
`
  )
  await run('rpmbuild', ['-bb', '--define', `_topdir ${folder}/rpmbuild`, spec])
  return join(folder, `rpmbuild/RPMS/noarch/${name}-0-${release}.noarch.rpm`)
}

/** What every RPM system has. Its packages belong to the distribution. */
const SYSTEM = '/bin/sh, glibc = 2.36, libgcc, libstdc++, systemd, util-linux'

/** A new root with these packages, and the repository as operators write it, see docs/operations/deploying.md. */
async function newRoot(root: string, packages: readonly string[]): Promise<void> {
  rmSync(root, { recursive: true, force: true })
  mkdirSync(join(root, 'etc/yum.repos.d'), { recursive: true })
  writeFileSync(
    join(root, 'etc/yum.repos.d/interdict.repo'),
    `[interdict]
name=Interdict
baseurl=file://${REPOSITORY}/yum
gpgkey=file://${REPOSITORY}/interdict.asc
gpgcheck=1
repo_gpgcheck=1
`
  )
  await run('rpm', ['--root', root, '-i', ...packages])
}

t.test('dnf', async t => {
  const root = join(folder, 'root')
  const system = await emptyRpm('system', '1', SYSTEM)
  const install = async (): Promise<Ended> => {
    await newRoot(root, [system])
    const words = ['--installroot', root, '--releasever=1', '--setopt=tsflags=noscripts']
    const repos = [`--setopt=reposdir=${root}/etc/yum.repos.d`, `--setopt=cachedir=${root}/cache`]
    return attempt('dnf', [...words, ...repos, '-y', 'install', 'interdict'], { seconds: 120 })
  }
  const yum = join(REPOSITORY, 'yum')
  const rpm = join(yum, `interdict-${version}-1.x86_64.rpm`)
  const good = await install()
  t.equal(good.code, 0, good.text)
  t.equal((await attempt('rpm', ['--root', root, '-q', 'interdict-analysis'])).code, 0)

  appendFileSync(join(yum, 'repodata/repomd.xml'), '\n')
  t.not((await install()).code, 0, 'a changed index')
  restore()
  const octets = readFileSync(rpm)
  octets[octets.length >> 1]! ^= 1
  writeFileSync(rpm, octets)
  t.not((await install()).code, 0, 'a changed package')
  // Also where the index was made for it.
  await run('createrepo_c', ['--quiet', yum])
  const index = join(yum, 'repodata/repomd.xml')
  const words = ['--batch', '--yes', '--local-user', KEY, '--armor', '--detach-sign']
  await run('gpg', [...words, '--output', `${index}.asc`, index])
  t.not((await install()).code, 0, 'a package that is not the signed one')
  restore()
  await run('rpmsign', ['--delsign', rpm])
  const released = readFileSync(join(PACKAGES, `interdict-${version}-1.x86_64.rpm`))
  t.ok(readFileSync(rpm).equals(released), 'without the signature it is that of the release')
  restore()
})

/** The settings for dnf-automatic that docs/operations/upgrading.md recommends. */
function dnfAutomaticRecipe(): string {
  const page = readFileSync('docs/operations/upgrading.md', 'utf8')
  const [, recipe = ''] = /\n( {4}\[commands\]\n(?: {4}.*\n|\n)+)/.exec(page) ?? []
  return recipe.replace(/^ {4}/gm, '')
}

t.test('dnf-automatic upgrades the gateway and nothing else', async t => {
  const root = join(folder, 'automatic')
  await newRoot(root, [
    await emptyRpm('system', '1', SYSTEM),
    await emptyRpm('interdict', '0', 'interdict-before')
  ])
  const others = join(folder, 'others')
  mkdirSync(others)
  cpSync(await emptyRpm('system', '2', SYSTEM), join(others, 'system.rpm'))
  await run('createrepo_c', ['--quiet', others])
  const repo = `[others]\nname=others\nbaseurl=file://${others}\ngpgcheck=0\n`
  writeFileSync(join(root, 'etc/yum.repos.d/others.repo'), repo)
  const key = join(REPOSITORY, 'interdict.asc')
  await run('rpm', ['--root', root, '--import', key])
  const places = `installroot = ${root}
reposdir = ${root}/etc/yum.repos.d
cachedir = ${root}/cache
releasever = 1
tsflags = noscripts
`
  const automatic = async (settings: string): Promise<string> => {
    const file = join(folder, 'automatic.conf')
    writeFileSync(file, `${settings}${places}[emitters]\nemit_via = stdio\n`)
    // As the program dnf-automatic of Fedora, which Debian's package lacks.
    const program = 'import sys; from dnf.automatic.main import main; sys.exit(main(sys.argv[1:]))'
    const ended = await attempt('/usr/bin/python3', ['-c', program, file], { seconds: 120 })
    t.equal(ended.code, 0, ended.text)
    return run('rpm', ['--root', root, '-qa'])
  }
  const recipe = dnfAutomaticRecipe()
  t.match(recipe, /apply_updates/)
  const upgraded = await automatic(recipe)
  t.match(upgraded, `interdict-${version}-1`)
  t.match(upgraded, 'system-0-1.')
  const all = await automatic(recipe.replace(/^includepkgs.*\n/m, ''))
  t.match(all, 'system-0-2.', 'without includepkgs, everything is upgraded')
})
