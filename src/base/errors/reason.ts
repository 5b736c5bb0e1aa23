import { resolve } from 'node:path'
import { getSystemErrorMap } from 'node:util'

/** Where the text of the system is unclear, or does not say what to do. */
const TEXTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder',
  EEXIST: 'it exists already',
  ENOSPC: 'no space left on the disk; free some',
  EDQUOT: 'disk quota exceeded; free some space, or raise the quota',
  EMFILE: 'too many open files; raise the limit of this process (LimitNOFILE)',
  ENOTFOUND: 'no address found for this name'
}
const FORBIDDEN: readonly unknown[] = ['EACCES', 'EPERM']

/** Node's message has what OpenSSL reports, such as a wrong version number. */
const TLS = 'EPROTO'

/** What Node adds to errors of files, connections and names. */
interface SystemError extends NodeJS.ErrnoException {
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

/**
 * Why something failed, for the end of a message: in plain words for an error of the system, which Node
 * describes by the name of the error and of its system call; otherwise the message of the error.
 *
 * @param named what the message names, usually the path: another one that the error is about is put first. Undefined:
 *   the message names the path of the error
 */
export function reasonOf(error: unknown, named?: string): string {
  // Node tries all addresses of a name, and has an error for each.
  if (error instanceof AggregateError && error.message === '')
    return error.errors.map(one => reasonOf(one)).join('; ')
  if (!(error instanceof Error)) return String(error)
  const { code = '', syscall, path, address, port, hostname } = error as SystemError
  const text = FORBIDDEN.includes(code)
    ? `permission denied for user id ${process.geteuid?.()}`
    : (TEXTS[code] ?? systemText(code))
  if (text === undefined || code === TLS) return error.message
  if (named !== undefined && path !== undefined && resolve(path) !== resolve(named))
    return `${path}: ${text}`
  if (hostname !== undefined) return `${text} (${hostname})`
  return syscall === 'connect' && port !== undefined ? `${text} (${address} port ${port})` : text
}

/** By the name of an error: errors of libraries have it without the number. */
function systemText(code: string): string | undefined {
  return [...getSystemErrorMap().values()].find(([name]) => name === code)?.[1]
}
