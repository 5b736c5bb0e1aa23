import type { Designation } from '../../gateway/discovery/designation.js'

/** Configuration for one kind of program or device. */
export interface Output {
  readonly text: string
  /** For the operator, beside the configuration. */
  readonly notes?: readonly string[]
}

/** A program or device that `interdict onboard` can print configuration for. */
export interface Target {
  /** As on the command line. */
  readonly id: string
  readonly title: string
  /** Usual name of the file. */
  readonly file: string
  /** @throws InterdictError ONBOARD_NO_ADDRESS, ONBOARD_NEEDS, ONBOARD_TOO_LONG */
  readonly write: (designation: Designation) => Output
}

export function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

export function withEnd(lines: readonly string[]): string {
  return lines.map(line => `${line}\n`).join('')
}
