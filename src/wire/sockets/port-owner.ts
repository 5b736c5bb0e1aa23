import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Tables of sockets in the network namespace of this process: proc_net(5). */
const STREAM_TABLES = ['tcp', 'tcp6']
const TABLES = ['udp', 'udp6', ...STREAM_TABLES]
/** State of a listening TCP socket in those tables. */
const TCP_LISTEN = '0A'
/** Most owners that are named. */
const MAX_NAMED = 3

interface BoundSocket {
  readonly inode: string
  readonly uid: string
}

/**
 * Who has a port, for an error message: `systemd-resolve (process 612)`, or `a process of user id
 * 101` where this user may not see which. Undefined: unknown, also where there is no /proc.
 *
 * @param isStream only sockets for TCP count
 * @param proc where procfs is mounted
 */
export function portOwner(port: number, isStream = false, proc = '/proc'): string | undefined {
  const tables = isStream ? STREAM_TABLES : TABLES
  const sockets = tables.flatMap(table => socketsOn(port, join(proc, 'net', table)))
  if (sockets.length === 0) return undefined
  const processes = processesWith(new Set(sockets.map(({ inode }) => inode)), proc)
  if (processes.length > 0) return processes.slice(0, MAX_NAMED).join(', ')
  return `a process of user id ${sockets[0]!.uid}`
}

function socketsOn(port: number, table: string): BoundSocket[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const isTcp = table.includes('tcp')
  return readText(table)
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(wanted) && (!isTcp || state === TCP_LISTEN))
    .map(fields => ({ uid: fields[7]!, inode: fields[9]! }))
}

function processesWith(inodes: ReadonlySet<string>, proc: string): string[] {
  return list(proc)
    .filter(name => /^\d+$/.test(name) && hasSocket(join(proc, name, 'fd'), inodes))
    .map(pid => `${programOf(join(proc, pid))} (process ${pid})`)
}

/** Node 24 names its main thread MainThread: then the name of its program, such as interdict. */
function programOf(process: string): string {
  const name = readText(join(process, 'comm')).trim()
  if (name !== 'MainThread') return name
  const [node = '', ...words] = readText(join(process, 'cmdline')).split('\0')
  return basename(words.find(word => !word.startsWith('-')) ?? node, '.js')
}

/** Descriptors of other users' processes cannot be read; processes may end meanwhile. */
function hasSocket(folder: string, inodes: ReadonlySet<string>): boolean {
  return list(folder).some(fd => {
    try {
      const [, inode = ''] = /^socket:\[(\d+)\]$/.exec(readlinkSync(join(folder, fd))) ?? []
      return inodes.has(inode)
    } catch {
      return false
    }
  })
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
