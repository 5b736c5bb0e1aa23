import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { createParentFolder } from '../files/parent-folder.js'

/** Non-blocking where the system supports it: a pipe without a reader is an error at once. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
const MODE = 0o666
const NEWLINE = '\n'

/**
 * The service log file. Once open, it never throws and never blocks: what cannot be written (full
 * disk, pipe without a reader) goes to `fallback`.
 */
export class ServiceFile {
  private fd: number
  /** Whether the last line was only partly written. */
  private isTorn = false

  /**
   * Throws the system error when the file cannot be opened.
   *
   * @param onRecreated called when the file was deleted, and a new one has been created in its place
   */
  constructor(
    private readonly path: string,
    private readonly fallback: (text: string) => unknown,
    private readonly onRecreated: () => unknown
  ) {
    this.fd = open(path)
  }

  write(line: string): void {
    if (!this.recreateIfDeleted()) return void this.fallback(line)
    const octets = Buffer.from(this.isTorn ? NEWLINE + line : line)
    let at = 0
    try {
      while (at < octets.length) at += writeSync(this.fd, octets, at)
      this.isTorn = false
    } catch {
      this.isTorn ||= at > 0
      this.fallback(line)
    }
  }

  /**
   * Reopens the path after someone else renamed the file (logrotate). Throws the system error if
   * that fails, and continues with the old file.
   */
  reopen(): void {
    const reopened = open(this.path)
    closeSync(this.fd)
    this.fd = reopened
    this.isTorn = false
  }

  close(): void {
    closeSync(this.fd)
  }

  /** @returns false: somebody deleted the file, and it cannot be created again */
  private recreateIfDeleted(): boolean {
    if (!isDeleted(this.fd)) return true
    try {
      this.reopen()
    } catch {
      return false
    }
    this.onRecreated()
    return true
  }
}

/** A renamed file still has a name: logrotate lets us write to it until it sends SIGHUP. */
function isDeleted(fd: number): boolean {
  try {
    const stats = fstatSync(fd)
    return stats.isFile() && stats.nlink === 0
  } catch {
    // ESTALE on NFS: deleted on the server.
    return true
  }
}

function open(path: string): number {
  createParentFolder(path)
  return openSync(path, FLAGS, MODE)
}
