import { statSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { Io } from '../io.js'

/** The user who runs the command; behind sudo, both users. */
export function callerName({ env }: Io): string {
  const { username } = userInfo()
  return env.SUDO_USER === undefined ? username : `${env.SUDO_USER} as ${username}`
}

/**
 * Turns a root process into one of the owner of a file, for good, so that new files beside it belong
 * to that owner. Other users keep their identity.
 */
export function switchToOwnerOf(path: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(path)
  if (uid === 0) return
  process.setgroups!([gid])
  process.setgid!(gid)
  process.setuid!(uid)
}
