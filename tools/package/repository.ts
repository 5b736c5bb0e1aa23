import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ARCHITECTURES, type Architecture } from './runtime.js'
import { run } from './system.js'

/** The fields of the Release file that name the repository. */
const NAMES = { Origin: 'Interdict', Label: 'Interdict', Suite: 'stable', Codename: 'stable' }
const POOL = 'pool/main/i/interdict'
const SECONDS_PER_DAY = 86_400

export interface RepositoryOptions {
  /** Packages of both formats. */
  readonly files: readonly string[]
  readonly architectures: readonly Architecture[]
  /** Replaced if it exists. */
  readonly folder: string
  /** Id, fingerprint or address of a secret key of gpg. */
  readonly key: string
  /** Until apt refuses the repository; undefined: never. */
  readonly validDays: number | undefined
}

/** @throws Error if gpg has no such secret key */
export function checkSignKey(key: string | undefined): string {
  if (key === undefined)
    throw new Error('--repository needs --sign-key: the id of a secret key of gpg')
  try {
    run('gpg', ['--batch', '--list-secret-keys', '--', key])
  } catch {
    throw new Error(`--sign-key: gpg has no secret key ${key} (gpg --list-secret-keys shows them)`)
  }
  return key
}

/** Makes repositories for apt and for dnf of packages, with signed indexes, and the public key. */
export function makeRepository(options: RepositoryOptions): void {
  const { folder, key } = options
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const binary = join(folder, 'interdict.gpg')
  const text = join(folder, 'interdict.asc')
  run('gpg', ['--batch', '--export', '--output', binary, '--', key])
  run('gpg', ['--batch', '--export', '--armor', '--output', text, '--', key])
  makeApt(options, join(folder, 'apt'))
  makeYum(options, join(folder, 'yum'))
}

function makeApt({ files, architectures, key, validDays }: RepositoryOptions, root: string): void {
  const dist = join(root, 'dists/stable')
  copyTo(join(root, POOL), files, '.deb')
  const all = architectures.map(one => ARCHITECTURES[one].debian)
  for (const architecture of all) {
    const folder = join(dist, `main/binary-${architecture}`)
    mkdirSync(folder, { recursive: true })
    const words = ['--arch', architecture, 'packages', 'pool']
    const packages = run('apt-ftparchive', words, { cwd: root })
    writeFileSync(join(folder, 'Packages'), packages)
    writeFileSync(join(folder, 'Packages.gz'), gzipSync(packages, { level: 9 }))
  }
  const fields = {
    ...NAMES,
    Architectures: all.join(' '),
    Components: 'main',
    ...(validDays !== undefined && {
      // The field Valid-Until.
      ValidTime: validDays * SECONDS_PER_DAY
    })
  }
  const settings = Object.entries(fields).flatMap(([field, value]) => [
    '-o',
    `APT::FTPArchive::Release::${field}=${value}`
  ])
  const release = run('apt-ftparchive', [...settings, 'release', 'dists/stable'], { cwd: root })
  const file = join(dist, 'Release')
  writeFileSync(file, release)
  sign(key, file, ['--clearsign', '--output', join(dist, 'InRelease')])
  sign(key, file, ['--armor', '--detach-sign', '--output', join(dist, 'Release.gpg')])
}

/** The copies of the packages are signed too: `rpmsign --delsign` makes them what the release has. */
function makeYum({ files, key }: RepositoryOptions, root: string): void {
  const copies = copyTo(root, files, '.rpm')
  run('rpmsign', ['--define', `_gpg_name ${key}`, '--addsign', ...copies])
  run('createrepo_c', ['--quiet', '--general-compress-type=gz', root])
  const index = join(root, 'repodata/repomd.xml')
  sign(key, index, ['--armor', '--detach-sign', '--output', `${index}.asc`])
}

/** @returns the copies */
function copyTo(folder: string, files: readonly string[], extension: string): readonly string[] {
  mkdirSync(folder, { recursive: true })
  return files
    .filter(file => file.endsWith(extension))
    .map(file => {
      const copy = join(folder, basename(file))
      copyFileSync(file, copy)
      return copy
    })
}

function sign(key: string, file: string, words: readonly string[]): void {
  run('gpg', ['--batch', '--yes', '--local-user', key, ...words, file])
}
