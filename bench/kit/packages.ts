import { existsSync } from 'node:fs'
import { chmod, rm, writeFile } from 'node:fs/promises'
import { run } from './processes.js'

/** Debian's way of keeping an installed daemon from being started: exit code 101 of this file. */
const POLICY = '/usr/sbin/policy-rc.d'

async function isInstalled(name: string): Promise<boolean> {
  const { stdout } = await run(['dpkg-query', '-W', '-f=${db:Status-Status}', name])
  return stdout === 'installed'
}

/**
 * Installs the packages that are missing, if this user may.
 *
 * @returns what a person has to do, or undefined where all are there
 */
export async function install(packages: readonly string[]): Promise<string | undefined> {
  const missing: string[] = []
  for (const name of new Set(packages)) if (!(await isInstalled(name))) missing.push(name)
  if (missing.length === 0) return undefined
  const advice = `apt-get install --no-install-recommends ${missing.join(' ')}`
  if (process.getuid?.() !== 0) return advice
  process.stdout.write(`installing ${missing.join(' ')}\n`)
  const { code, stderr } = await quietly(missing)
  return code === 0 ? undefined : `${advice}\n${stderr}`
}

async function quietly(missing: readonly string[]) {
  const ours = !existsSync(POLICY)
  if (ours) await writeFile(POLICY, '#!/bin/sh\nexit 101\n')
  if (ours) await chmod(POLICY, 0o755)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const limit = 600_000
  try {
    await run(['apt-get', 'update', '-q'], { env, limit })
    const install = ['apt-get', 'install', '-q', '-y', '--no-install-recommends', ...missing]
    return await run(install, { env, limit })
  } finally {
    if (ours) await rm(POLICY, { force: true })
  }
}
