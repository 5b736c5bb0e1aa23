import { spawnSync } from 'node:child_process'
import { chmodSync, lstatSync, lutimesSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Runs a program to its end. @returns its output @throws Error with all that it printed */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {}
): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 64 << 20
  })
  if (status === 0) return stdout
  const why = error?.message ?? `${stdout}${stderr}`
  throw new Error(`${program} ${args.join(' ')}: ${why}`)
}

/** All files below a folder, as paths relative to it, in the order of their octets. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(path => !lstatSync(join(folder, path)).isDirectory())
    .sort()
}

/** Gives all below a folder the modes and times that they have in every build. @param epoch in seconds */
export function normalize(folder: string, epoch: number): void {
  for (const path of ['.', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })]) {
    const whole = join(folder, path)
    const status = lstatSync(whole)
    const isProgram = status.isDirectory() || (status.mode & 0o100) !== 0
    if (!status.isSymbolicLink()) chmodSync(whole, isProgram ? 0o755 : 0o644)
    lutimesSync(whole, epoch, epoch)
  }
}
