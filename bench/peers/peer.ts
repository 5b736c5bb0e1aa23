import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Blocklist, Format } from '../kit/blocklist.js'
import { BENCH } from '../kit/place.js'
import type { Programs } from '../kit/programs.js'

/** Where and with what a server is to be started. */
export interface Site {
  /** Its own folder, empty, where it may write. */
  readonly folder: string
  /** To listen on, UDP and TCP, on 127.0.0.1. */
  readonly port: number
  /** Port of the upstream resolver, on 127.0.0.1. */
  readonly upstream: number
  /** What to block. Undefined: what the product ships, or nothing. */
  readonly blocklist: Blocklist | undefined
  /** Whether every blocked lookup is logged to a file. */
  readonly log: boolean
  readonly programs: Programs
  /** Signed zones that the upstream has: all answers are to be validated. */
  readonly signed: { readonly port: number; readonly anchor: string } | undefined
}

/** A server ready to be started: its configuration is written. */
export interface Launch {
  readonly command: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Where blocked lookups are logged, if they are. */
  readonly queryLog?: string | undefined
  /**
   * Asks the running server to take another list, in the best way it has; returns when asked.
   * Undefined: it has to be restarted.
   */
  readonly replace?: (list: Blocklist, pid: number) => Promise<void>
  /** Ends what was started beside the server, in this process. */
  readonly close?: () => void
}

/** File in a server's folder that holds what it prints. */
export const OUTPUT = 'output'

/** One server that is measured: ours, a peer, or the floor. One file each. */
export interface Peer {
  readonly name: string
  /** Debian packages it needs. */
  readonly packages: readonly string[]
  /** Prints its version; undefined: the version is the commit. */
  readonly version: readonly string[] | undefined
  /** In which form it reads a block list; undefined: it reads none. */
  readonly format: Format | undefined
  /** Whether its answers have to be right; the floor's cannot be. */
  readonly answers: boolean
  /** Whether it can be started for `Site.signed`. */
  readonly validates?: true
  /** Writes its configuration into the site's folder. */
  launch(site: Site): Promise<Launch>
}

/** A template of `bench/peers/` with every `$key` filled in. */
export async function fill(
  template: string,
  values: Readonly<Record<string, string | number>>
): Promise<string> {
  const text = await readFile(join(BENCH, 'peers', template), 'utf8')
  return text.replaceAll(/\$(\w+)/g, (_, key: string) => {
    const value = values[key]
    if (value === undefined) throw new Error(`${template}: no value for $${key}`)
    return String(value)
  })
}
