import { statSync } from 'node:fs'
import { userInfo } from 'node:os'

/** Who calls a command: the system's own word, and who became that user by sudo. */
export function who(env: NodeJS.ProcessEnv): string {
  const { username } = userInfo()
  const { SUDO_USER: before } = env
  return before === undefined ? username : `${before} as ${username}`
}

/**
 * Root goes on as the owner of a file, so that what is made beside it is the owner's too; for others
 * nothing changes.
 */
export function becomeOwnerOf(path: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(path)
  if (uid === 0) return
  process.setgroups!([gid])
  process.setgid!(gid)
  process.setuid!(uid)
}
