import type { Clock } from '../../base/time/clock.js'
import { MS_PER_SECOND, type Milliseconds } from '../../base/units.js'
import type { DenyChange, DenyGroup } from './helper-protocol.js'
import {
  addElements,
  elementSet,
  removeElements,
  renewElements,
  tableCommands,
  versionOf,
  type NftCommand,
  type SetElement
} from './nft-ruleset.js'

/** Runs commands in one transaction. Rejects if none of them has been applied. */
export type RunNft = (commands: readonly NftCommand[]) => Promise<void>

interface KnownElement {
  readonly set: string
  readonly address: string
  readonly until: Milliseconds
}

/** Of elements in one command: nft has to parse it, and the kernel to hold it. */
const MAX_ELEMENTS = 20_000

/**
 * What the table has to contain, and the transactions that make it so, one after the other. It is also what the table is
 * restored from.
 */
export class DenyTable {
  private groups: readonly DenyGroup[] | undefined
  private readonly elements = new Map<string, KnownElement>()
  private last: Promise<void> = Promise.resolve()

  constructor(
    private readonly run: RunNft,
    private readonly clock: Clock
  ) {}

  /** Undefined: it has been given nothing yet, and leaves the table as it is. */
  get isKnown(): boolean {
    return this.groups !== undefined
  }

  /** Replaces everything. */
  replace(groups: readonly DenyGroup[]): Promise<void> {
    return this.inTurn(async () => {
      this.elements.clear()
      this.groups = groups
      for (const [group, { elements }] of groups.entries())
        for (const element of elements) this.note(group, element)
      await this.write()
    })
  }

  /** Removes and adds in one transaction. @throws Error if a group does not exist */
  change({ remove, add }: DenyChange): Promise<void> {
    return this.inTurn(async () => {
      for (const { group, address } of [...remove, ...add]) this.checkGroup(group, address)
      const removed = remove.flatMap(({ group, address }) => this.forget(group, address))
      const added = add.map(element => this.note(element.group, element))
      const commands = [...removeElements(removed), ...renewElements(this.timed(added))]
      // What is refused as a change may be because of what something else has done to the table.
      if (commands.length > 0) await this.run(commands).catch(() => this.write())
    })
  }

  /** Writes the table again as it has to be: something else has changed it. */
  restore(): Promise<void> {
    return this.inTurn(() => this.write())
  }

  private async write(): Promise<void> {
    const { groups } = this
    if (groups === undefined) return
    const all = this.timed([...this.elements.values()])
    const [first = [], ...rest] = slices(all)
    await this.run([...tableCommands(groups), ...addElements(first)])
    for (const slice of rest) await this.run(addElements(slice))
  }

  /** After what was begun before, whether that succeeded or not. */
  private inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.last.then(work)
    this.last = turn.catch(() => undefined)
    return turn
  }

  private note(
    group: number,
    { address, ports, seconds }: DenyGroup['elements'][number]
  ): KnownElement {
    const set = elementSet(group, ports, versionOf(address))
    const element = { set, address, until: this.clock.now() + seconds * MS_PER_SECOND }
    this.elements.set(`${set} ${address}`, element)
    return element
  }

  /** From the sets of both kinds of ports. */
  private forget(group: number, address: string): Omit<SetElement, 'timeout'>[] {
    return (['all', 'dns'] as const).map(ports => {
      const set = elementSet(group, ports, versionOf(address))
      this.elements.delete(`${set} ${address}`)
      return { set, address }
    })
  }

  /** A group has no sets for addresses of a family that none of its clients has. */
  private checkGroup(group: number, address: string): void {
    const known = this.groups?.[group]
    const version = versionOf(address)
    if (known?.sources.some(([first]) => versionOf(first) === version) !== true)
      throw new Error(`group ${group} has no clients with IPv${version}`)
  }

  /** Those that have not expired. */
  private timed(elements: readonly KnownElement[]): SetElement[] {
    const now = this.clock.now()
    return elements.flatMap(({ set, address, until }) => {
      const timeout = Math.ceil((until - now) / MS_PER_SECOND)
      if (timeout > 0) return [{ set, address, timeout }]
      this.elements.delete(`${set} ${address}`)
      return []
    })
  }
}

function slices(elements: readonly SetElement[]): SetElement[][] {
  const count = Math.ceil(elements.length / MAX_ELEMENTS)
  return Array.from({ length: count }, (_, i) =>
    elements.slice(i * MAX_ELEMENTS, (i + 1) * MAX_ELEMENTS)
  )
}
