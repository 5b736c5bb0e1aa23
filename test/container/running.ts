import type { Test } from 'tap'
import { eventually } from '../interop/processes.js'
import { run, type Ended } from './command.js'
import { IMAGE } from './image.js'
import type { Podman } from './podman.js'

/** Nothing but the volume can be written, and nothing but loopback is there. */
const CLOSED = ['--read-only', '--read-only-tmpfs=false', '--network=none']

/** A container of our image; gone when the test is over. */
export class Container {
  private constructor(
    private readonly podman: Podman,
    private readonly id: string,
    /** Its first process, as the enclosure counts them. */
    private readonly pid: string
  ) {}

  /** Starts one with the image's own user and command; resolves when it serves. */
  static async start(
    t: Test,
    podman: Podman,
    flags: readonly string[] = [],
    image = IMAGE
  ): Promise<Container> {
    const id = (await podman.run(['run', '--detach', ...CLOSED, ...flags, image])).trim()
    t.teardown(() => podman.run(['rm', '--force', '--time', '0', id]))
    const pid = (await podman.run(['inspect', '--format', '{{.State.Pid}}', id])).trim()
    const container = new Container(podman, id, pid)
    const serves = async (): Promise<boolean> =>
      (await container.logs()).includes('"msg":"serving"')
    await eventually('the container serves, or has ended', 20, async () => {
      return (await serves()) || !(await container.runs())
    })
    if (!(await serves())) throw new Error(`the container ended:\n${await container.logs()}`)
    return container
  }

  logs(): Promise<string> {
    return this.podman.run(['logs', this.id])
  }

  private async runs(): Promise<boolean> {
    const state = await this.podman.run(['inspect', '--format', '{{.State.Running}}', this.id])
    return state.trim() === 'true'
  }

  /** Runs a command inside: as the image's user, or as `user`. */
  exec(command: readonly string[], user?: string): Promise<Ended> {
    const as = user === undefined ? [] : ['--user', user]
    return this.podman.attempt(['exec', ...as, this.id, ...command])
  }

  /** What dig of this machine says in the container's network. */
  dig(...args: string[]): Promise<string> {
    const dig = ['dig', '+tries=1', '+time=5', ...args]
    return run('nsenter', ['--target', this.pid, '--net', ...dig])
  }

  /** Runs the image's HEALTHCHECK, as the engine would from time to time. */
  healthcheck(): Promise<Ended> {
    return this.podman.attempt(['healthcheck', 'run', this.id])
  }

  async signal(name: NodeJS.Signals): Promise<void> {
    await this.podman.run(['kill', '--signal', name, this.id])
  }

  /**
   * Ends it as the engine does: the image's STOPSIGNAL, and force after `seconds`. Resolves with its
   * exit code: 137 would be force.
   */
  async stop(seconds: number): Promise<number> {
    await this.podman.run(['stop', '--time', String(seconds), this.id])
    return Number(await this.podman.run(['inspect', '--format', '{{.State.ExitCode}}', this.id]))
  }
}
