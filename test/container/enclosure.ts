import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Longest that a proof may take, in milliseconds: four times of what it needs. */
const LONGEST = 900_000

/**
 * The first process of the enclosure. crun only runs where the control groups are one tree (version
 * 2), which is made so, whatever the kernel has mounted: no container here needs one. What crun
 * knows of running containers has a fixed place. The shell stays, to wait for orphans.
 */
const FIRST = `
mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
mkdir -p /run/crun && mount -t tmpfs tmpfs /run/crun && "$@"
exit $?`

/**
 * Runs a program of ours with a temporary folder as its argument, in a mount and a process namespace
 * of its own. So whatever becomes of it, nothing stays behind: with the first process the kernel
 * ends all others, containers too, and forgets all mounts; then the folder is removed.
 *
 * Resolves with the exit code.
 */
export async function enclose(program: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'interdict-container-'))
  const spaces = ['--mount', '--pid', '--mount-proc', '--fork', '--kill-child']
  const command = ['sh', '-c', FIRST, 'sh', process.execPath, program, folder]
  const child = spawn('unshare', [...spaces, ...command], { stdio: 'inherit' })
  const end = (): boolean => child.kill('SIGKILL')
  const timer = setTimeout(end, LONGEST)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end)
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', code => resolve(code ?? 1))
    })
  } finally {
    clearTimeout(timer)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
