import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Only one of these tests installs at a time. */
const LOCK = '/run/lock/interdict-install'
/**
 * No daemon starts by itself: the tests start their own, on ports of their own. The lists of packages are
 * updated only if a package is not found, or no longer there: it takes longer than most installations.
 */
const INSTALL = `
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm $policy' EXIT
    printf '#!/bin/sh\\nexit 101\\n' > $policy
    chmod 755 $policy
  fi
  get() { apt-get install -qy --no-install-recommends "$@"; }
  get "$@" 2>/dev/null || { apt-get update -q && get "$@"; }
`

/** A path is looked at, with `*` for any one folder: for modules, which are no programs. */
const has = (program: string): boolean => {
  const known = `command -v ${program} || test -x /usr/sbin/${program}`
  return spawnSync('sh', ['-c', program.startsWith('/') ? `ls ${program}` : known]).status === 0
}

/**
 * Installs what is missing, as root on Debian; elsewhere says what to install and ends with 2: a
 * check that is skipped because its tool is missing is no check.
 */
export function install(programs: Readonly<Record<string, string>>): void {
  const missing = [
    ...new Set(
      Object.entries(programs)
        .filter(([p]) => !has(p))
        .map(([, d]) => d)
    )
  ]
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    process.stderr.write(`Install these Debian packages first: ${missing.join(' ')}\n`)
    process.exit(2)
  }
  execFileSync('flock', [LOCK, 'sh', '-ec', INSTALL, 'install', ...missing], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  })
}
