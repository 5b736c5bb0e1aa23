import type { Milliseconds } from '../../base/units.js'
import { unpackRules } from '../../gateway/compiler/packed-rules.js'
import { ReplacedSnapshots } from '../../policy/tables/replaced-snapshots.js'
import type { ControlRequest, RulesReply } from '../../gateway/socket/admin-protocol.js'
import type { ActiveRules } from './api-services.js'

/** As for the recorder: nothing waits for the memory. */
const COLLECT_DELAY: Milliseconds = 4_000

/** The rules in force, asked for with each use, and sent again only after they have changed. */
export class ActiveRulesClient {
  private active: ActiveRules | undefined
  private readonly replaced = new ReplacedSnapshots(COLLECT_DELAY)

  /** @param control see `ApiServices.control` */
  constructor(private readonly control: <Result>(request: ControlRequest) => Promise<Result>) {}

  /** @throws InterdictError API_CONTROL_SILENT */
  async get(): Promise<ActiveRules> {
    const known = this.active?.snapshot.generation
    const reply = await this.control<RulesReply | undefined>({ do: 'rules', known })
    if (reply !== undefined) {
      const { snapshot, packedRules } = reply
      this.active = { snapshot, ...unpackRules(packedRules) }
      this.replaced.setCurrent(snapshot)
    }
    return this.active!
  }
}
