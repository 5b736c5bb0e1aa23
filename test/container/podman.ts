import { mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { attempt, run, type Ended } from './command.js'

/** Linux, statfs(2): the type of an overlay, on which no other overlay can be mounted. */
const OVERLAYFS = 0x794c7630

/** Podman with all that it keeps in one folder, and none of the machine's settings. */
export class Podman {
  private readonly env: NodeJS.ProcessEnv

  constructor(folder: string) {
    for (const name of ['store', 'run', 'engine', 'tmp']) mkdirSync(join(folder, name))
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    this.env = {
      ...process.env,
      TMPDIR: join(folder, 'tmp'),
      CONTAINERS_CONF: file('containers.conf', containersConf(folder)),
      CONTAINERS_STORAGE_CONF: file('storage.conf', storageConf(folder))
    }
  }

  attempt(args: readonly string[], seconds?: number): Promise<Ended> {
    return attempt('podman', args, { env: this.env, ...(seconds !== undefined && { seconds }) })
  }

  run(args: readonly string[], seconds?: number): Promise<string> {
    return run('podman', args, { env: this.env, ...(seconds !== undefined && { seconds }) })
  }
}

/**
 * `default_capabilities`: the one that the Dockerfile asks for, which as a default only bounds what
 * a program may gain, as Docker does it. Podman's --cap-add would give it to the program outright,
 * and the file's own capability would never be put to the test.
 */
function containersConf(folder: string): string {
  return `
[containers]
cgroups = "disabled"
default_capabilities = ["NET_BIND_SERVICE"]
default_ulimits = [${limits().join(', ')}]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
image_copy_tmp_dir = "${join(folder, 'tmp')}"
lock_type = "file"
runtime = "crun"
tmp_dir = "${join(folder, 'engine')}"
`
}

/** Podman asks for limits of its own, which a root without every capability cannot raise to. */
function limits(): string[] {
  const names = [
    ['Max open files', 'nofile'],
    ['Max processes', 'nproc']
  ] as const
  const table = readFileSync('/proc/self/limits', 'utf8')
  return names.flatMap(([title, name]) => {
    const hard = new RegExp(`^${title} +\\S+ +(\\d+)`, 'm').exec(table)?.[1]
    return hard === undefined ? [] : [`"${name}=${hard}:${hard}"`]
  })
}

function storageConf(folder: string): string {
  return `
[storage]
driver = "${statfsSync(folder).type === OVERLAYFS ? 'vfs' : 'overlay'}"
graphroot = "${join(folder, 'store')}"
runroot = "${join(folder, 'run')}"
`
}
