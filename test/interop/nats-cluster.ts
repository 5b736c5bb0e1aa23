import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, folder, freePort, Running, type Owner } from './processes.js'

/** Seconds; the machine may be loaded. */
export const PATIENCE = 60
/** Seconds for three servers to form a group, and how often one that is missing is restarted. */
const FORMING = 10
const MAX_TRIES = 5

interface MetaCluster {
  readonly leader: string
  /** At the leader only. */
  readonly replicas?: readonly { readonly name: string }[]
}

/** Three NATS servers as a cluster, each with JetStream. */
export class Cluster {
  private readonly running: (Running | undefined)[] = []
  readonly ports: readonly number[]

  private constructor(
    private readonly t: Owner,
    readonly dir: string,
    private readonly auth: string,
    clients: readonly number[],
    private readonly routes: readonly number[],
    private readonly monitors: readonly number[]
  ) {
    this.ports = clients
  }

  static async reserve(t: Owner, auth: string): Promise<Cluster> {
    const all = new Set<number>()
    while (all.size < 9) all.add(await freePort())
    const ports = [...all]
    return new Cluster(t, folder(t), auth, ports.slice(0, 3), ports.slice(3, 6), ports.slice(6))
  }

  get urls(): string[] {
    return this.ports.map(port => `nats://127.0.0.1:${port}`)
  }

  async start(...nodes: number[]): Promise<void> {
    for (const node of nodes) {
      const file = join(this.dir, `n${node}.conf`)
      const routes = this.routes.map(port => `nats://127.0.0.1:${port}`).join(', ')
      writeFileSync(
        file,
        `server_name: n${node}
listen: 127.0.0.1:${this.ports[node]}
ping_interval: 5s
ping_max: 2
http: 127.0.0.1:${this.monitors[node]}
jetstream { store_dir: "${join(this.dir, `js${node}`)}" }
cluster { name: test, listen: 127.0.0.1:${this.routes[node]}, routes: [${routes}] }
${readFileSync(this.auth, 'utf8').replace('./jwt', join(this.dir, `jwt${node}`))}`
      )
      this.running[node] = new Running(this.t, 'nats-server', ['-c', file])
      await this.running[node].says('Listening for route connections', PATIENCE)
    }
  }

  /**
   * Starts all for the first time, and waits until JetStream's group has all. Servers of version 2.10 that dial each other
   * at the same moment may lose a subscription on a route; then one of them is missing there until it is restarted.
   */
  async form(): Promise<void> {
    await this.start(0, 1, 2)
    for (let tries = 1; ; tries++) {
      const isComplete = async (): Promise<boolean> => (await this.members()).length === 3
      const formed = eventually('a JetStream group of three', FORMING, isComplete)
      if (await formed.then(() => true).catch(() => tries === MAX_TRIES)) return formed
      const members = await this.members()
      const missing = [0, 1, 2].filter(node => !members.includes(`n${node}`))
      await this.kill(...missing)
      await this.start(...missing)
    }
  }

  /** Names of the servers in JetStream's group, as its leader knows them; none without a leader. */
  private async members(): Promise<readonly string[]> {
    for (const port of this.monitors) {
      const reply = await fetch(`http://127.0.0.1:${port}/jsz`)
      const { meta_cluster } = (await reply.json()) as { meta_cluster?: MetaCluster }
      if (meta_cluster?.replicas !== undefined)
        return [meta_cluster.leader, ...meta_cluster.replicas.map(({ name }) => name)]
    }
    return []
  }

  pid(node: number): number {
    return this.running[node]!.pid
  }

  /** Stops servers as they are (SIGSTOP): connections stay open, and nothing is answered. */
  hang(...nodes: number[]): void {
    for (const node of nodes) this.running[node]!.signal('SIGSTOP')
  }

  wake(...nodes: number[]): void {
    for (const node of nodes) this.running[node]!.signal('SIGCONT')
  }

  async kill(...nodes: number[]): Promise<void> {
    for (const node of nodes) this.running[node]?.signal('SIGKILL')
    for (const node of nodes) await this.running[node]?.ended
  }
}
