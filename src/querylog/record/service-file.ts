import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { createParentFolder } from '../../base/parent-folder.js'

/** Without waiting, where the system knows it: a pipe that nobody reads is an error at once. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK
const MODE = 0o666
const NEWLINE = '\n'

/**
 * The file of the service log. Never throws once it is open, and never waits: what cannot be
 * written (the disk is full, the reader of a pipe is gone) goes to `otherwise`.
 */
export class ServiceFile {
  private fd: number
  /** Whether only a part of the last line is in the file. */
  private isTorn = false

  /** Throws the system's error when it cannot be opened. */
  constructor(
    private readonly path: string,
    private readonly fallback: (text: string) => unknown
  ) {
    this.fd = open(path)
  }

  write(line: string): void {
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
   * After somebody else renamed it (logrotate): goes on in a new one of the old name. Throws the
   * system's error when that cannot be opened, and goes on in the old one.
   */
  reopen(): void {
    const fresh = open(this.path)
    closeSync(this.fd)
    this.fd = fresh
    this.isTorn = false
  }
}

function open(path: string): number {
  createParentFolder(path)
  return openSync(path, FLAGS, MODE)
}
