import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { run } from './command.js'
import type { Podman } from './podman.js'

const BASE = 'localhost/base'
/** The stage that compiles the program. */
const BUILD = 'localhost/build'
export const IMAGE = 'localhost/interdict'
/** The image without reports. */
export const GATEWAY = 'localhost/interdict-gateway'

/** What Docker lets a RUN line do, and Podman as we set it up does not by default. */
const DOCKERS = 'CHOWN,DAC_OVERRIDE,FOWNER,FSETID,KILL,SETFCAP,SETGID,SETPCAP,SETUID,SYS_CHROOT'

/**
 * Makes what the Dockerfile builds upon, since no image registry need be in reach: the least of
 * Debian 13, with Node 24 and npm in /usr/local, where the official image has them.
 */
export async function makeBase(podman: Podman, folder: string): Promise<void> {
  const root = join(folder, 'base')
  const packages = join(folder, 'packages')
  mkdirSync(packages)
  // dpkg does not sync each file to disk.
  mkdirSync(join(root, 'etc/dpkg/dpkg.cfg.d'), { recursive: true })
  writeFileSync(join(root, 'etc/dpkg/dpkg.cfg.d/speed'), 'force-unsafe-io\n')
  const install = ['install', '--no-save', '--no-audit', '--no-fund', '--prefix', packages]
  await Promise.all([
    run('debootstrap', ['--variant=minbase', 'trixie', root], { seconds: 300 }),
    run('npm', [...install, 'node@24', 'npm@11'], { cwd: packages, seconds: 180 })
  ])
  const local = join(root, 'usr/local')
  cpSync(join(packages, 'node_modules/node/bin/node'), join(local, 'bin/node'))
  cpSync(join(packages, 'node_modules/npm'), join(local, 'lib/node_modules/npm'), {
    recursive: true
  })
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name))
  }
  const tar = join(folder, 'base.tar')
  await run('tar', ['-C', root, '-cf', tar, '.'], { seconds: 120 })
  await podman.run(['import', '--quiet', tar, BASE], 120)
}

/** Builds both images as `docker build` would, but the stage that they copy the program from only once. */
export async function buildImages(podman: Podman, folder: string): Promise<void> {
  await buildImage(podman, 'Dockerfile', 'build', BUILD)
  const targets = join(folder, 'Dockerfile')
  const text = readFileSync('Dockerfile', 'utf8')
  writeFileSync(
    targets,
    text.replace(/^FROM \S+ AS build\n[^]*?(?=^FROM )/m, `FROM ${BUILD} AS build\n`)
  )
  await Promise.all([
    buildImage(podman, targets, 'full', IMAGE),
    buildImage(podman, targets, 'gateway', GATEWAY)
  ])
}

async function buildImage(
  podman: Podman,
  file: string,
  target: string,
  tag: string
): Promise<void> {
  const host = ['--network', 'host', '--cap-add', DOCKERS, ...(await npmSettings())]
  const what = ['--format', 'docker', '--layers=false', '--pull=never', '--file', file]
  const which = ['--build-arg', `BASE=${BASE}`, '--target', target, '--tag', tag]
  await podman.run(['build', ...host, ...what, ...which, '.'], 400)
}

/**
 * The machine's way to the npm registry, for the build to look at: the settings of the user and of
 * all users where npm looks for them in the base, and the certificates that they name.
 */
async function npmSettings(): Promise<string[]> {
  const places = [
    ['userconfig', '/root/.npmrc'],
    ['globalconfig', '/usr/local/etc/npmrc'],
    ['cafile', undefined]
  ] as const
  const volumes: string[] = []
  for (const [key, place] of places) {
    const path = (await run('npm', ['config', 'get', key])).trim()
    if (isAbsolute(path) && existsSync(path)) {
      volumes.push('--volume', `${path}:${place ?? path}:ro`)
    }
  }
  return volumes
}
